package validator

import (
	"regexp"
	"strings"
	"unicode"
)

const (
	maxActual, maxExpected = 200, 400 // characters
	gramLength             = 12
	hidden                 = "[redacted]"
)

// grams are all pieces of a token of gramLength bytes: what contains one quotes the token.
// Checks do not, but a server's words or a function of the owner's might.
type grams map[string]struct{}

func gramsOf(raw string) grams {
	pieces := grams{}
	for i := 0; i+gramLength <= len(raw) && i < MaxTokenSize; i++ {
		pieces[raw[i:i+gramLength]] = struct{}{}
	}
	return pieces
}

// jwtLike is what looks like (the beginning of) any JWS or JWE: a claim, or somebody's
// error text, may hold another token than this one.
var jwtLike = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*`)

// clean takes tokens out of a text, cuts it, and replaces what is not printable: it is
// the sender's, and ends on somebody's terminal.
func (g grams) clean(text string, most int) string {
	text = jwtLike.ReplaceAllString(text, hidden)
	text = g.hide(text)
	count := 0
	var out strings.Builder
	for _, r := range text {
		if count++; count > most {
			out.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		out.WriteRune(r)
	}
	return out.String()
}

// hide replaces the longest stretches that are pieces of the token.
func (g grams) hide(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		end := i
		for j := i; j+gramLength <= len(text); j++ {
			if _, quoted := g[text[j:j+gramLength]]; !quoted {
				break
			}
			end = j + gramLength
		}
		if end > i {
			out.WriteString(hidden)
			i = end
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}
