package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// value is what a header is to hold: a text, or JSON. The zero value is nothing.
type value struct {
	text string
	json []byte
}

func textValue(text string) value { return value{text: text} }

func listValue(list []string) value {
	if len(list) == 0 {
		return value{}
	}
	text, _ := json.Marshal(list) // strings
	return value{json: text}
}

// claimValue keeps a number as the token spells it: no float64 holds them all.
func claimValue(raw json.RawMessage) value {
	switch {
	case len(raw) == 0 || raw[0] == 'n': // absent, or null
		return value{}
	case raw[0] == '[' || raw[0] == '{':
		return value{json: raw}
	case raw[0] != '"':
		return value{text: string(raw)}
	}
	var text string
	_ = json.Unmarshal(raw, &text) // it is a string
	if text == "" {
		return value{json: raw}
	}
	return value{text: text}
}

// String is the header's value: a text of visible ASCII as it is, and everything
// else as base64url JSON. A text that looks like base64url JSON is made such too:
// so what decodes to it was encoded, and what does not was not.
func (v value) String() string {
	if v.json == nil {
		if visible(v.text) && !looksEncoded(v.text) {
			return v.text
		}
		v.json, _ = json.Marshal(v.text) // a string
	}
	return base64.RawURLEncoding.EncodeToString(v.json)
}

// visible reports whether a text is visible ASCII: VCHAR (RFC 5234 B.1), no space.
func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// looksEncoded reports whether a reader could take the text for encoded JSON of a
// kind that String makes. Many decoders take both alphabets, and skip what is in
// neither.
func looksEncoded(text string) bool {
	text = strings.Map(base64url, text)
	if len(text)%4 == 1 {
		text = text[:len(text)-1]
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !json.Valid(decoded) {
		return false
	}
	return strings.ContainsAny(strings.TrimLeft(string(decoded), " \t\r\n")[:1], `"[{`)
}

// base64url maps both alphabets to one, and drops everything else.
func base64url(r rune) rune {
	switch {
	case r == '+':
		return '-'
	case r == '/':
		return '_'
	case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
		return r
	}
	return -1
}
