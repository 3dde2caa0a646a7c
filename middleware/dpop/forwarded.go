package dpop

import (
	"errors"
	"net/http"
	"strings"
)

var errForwarded = errors.New("the forwarded headers are malformed, or contradict each other")

// forwarded is what the declared peer says about the request it got: of Forwarded (RFC
// 7239), and of X-Forwarded-Proto and X-Forwarded-Host. Each may be empty.
//
// Of a list, only the last element counts: that one the peer has written itself, while
// those before may be whatever the client sent.
func forwarded(h http.Header) (scheme, host string, err error) {
	scheme, host = strings.ToLower(lastOf(h["X-Forwarded-Proto"])), lastOf(h["X-Forwarded-Host"])
	lines := h["Forwarded"]
	if len(lines) == 0 {
		return scheme, host, nil
	}
	pairs, ok := lastElement(lines[len(lines)-1])
	if !ok {
		return "", "", errForwarded
	}
	proto := strings.ToLower(pairs["proto"])
	// A proxy that writes one kind may let the other pass as it came.
	if scheme != "" && proto != "" && scheme != proto || host != "" && pairs["host"] != "" && !strings.EqualFold(host, pairs["host"]) {
		return "", "", errForwarded
	}
	if scheme == "" {
		scheme = proto
	}
	if host == "" {
		host = pairs["host"]
	}
	return scheme, host, nil
}

// lastOf is the last element of a list without quoting.
func lastOf(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	return strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:])
}

// lastElement reads a list of forwarded-elements (RFC 7239 4) to its end and returns
// the pairs of the last one, names in lower case.
func lastElement(line string) (pairs map[string]string, ok bool) {
	pairs = map[string]string{}
	for rest := line; ; {
		name, value, after, ok := pair(rest)
		if !ok {
			return nil, false
		}
		if name != "" {
			if _, twice := pairs[name]; twice {
				return nil, false // "each parameter MUST NOT occur more than once"
			}
			pairs[name] = value
		}
		switch {
		case after == "":
			return pairs, true
		case after[0] == ',':
			pairs = map[string]string{}
		case after[0] != ';':
			return nil, false
		}
		rest = after[1:]
	}
}

// pair reads one forwarded-pair, or none, and what comes before the next delimiter.
func pair(text string) (name, value, after string, ok bool) {
	text = strings.TrimLeft(text, " \t")
	end := strings.IndexAny(text, "=,;")
	if end < 0 || text[end] != '=' {
		if end < 0 {
			end = len(text)
		}
		return "", "", text[end:], strings.TrimSpace(text[:end]) == ""
	}
	name, text = strings.ToLower(text[:end]), text[end+1:]
	if value, ok := strings.CutPrefix(text, `"`); ok {
		value, after, closed := unquote(value)
		return name, value, after, closed && name != ""
	}
	if end = strings.IndexAny(text, ",;"); end < 0 {
		end = len(text)
	}
	value = strings.TrimRight(text[:end], " \t")
	return name, value, text[end:], name != "" && !strings.ContainsAny(value, "\" \t")
}

// unquote reads the rest of a quoted-string (RFC 9110 5.6.4).
func unquote(text string) (value, after string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), strings.TrimLeft(text[i+1:], " \t"), true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
