package jose

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// space skips white space, and returns the byte behind it; 0 at the end.
func (o *Object) space() byte {
	for ; o.at < len(o.Text); o.at++ {
		switch c := o.Text[o.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// raw reads the next value and returns the part of Text that it is.
func (o *Object) raw() string {
	o.value = false
	if o.simple {
		value := o.reader.members[o.members-1].value
		return o.Text[value.from:value.to]
	}
	o.space()
	from := o.at
	for depth := 0; ; {
		switch o.Text[o.at] {
		case '"':
			o.string()
		case '{', '[':
			depth++
			o.at++
		case '}', ']':
			depth--
			o.at++
		case ',', ':', ' ', '\t', '\r', '\n':
			o.at++
		default:
			o.literal()
		}
		if depth == 0 {
			return o.Text[from:o.at]
		}
	}
}

// literal skips a number, true, false or null.
func (o *Object) literal() {
	for {
		switch o.Text[o.at] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return
		}
		o.at++
	}
}

// string skips a string, and reports whether any character of it is escaped.
func (o *Object) string() (escaped bool) {
	for o.at = endOfRun(o.scratch, o.at+1); o.Text[o.at] != '"'; o.at = endOfRun(o.scratch, o.at+1) {
		if o.Text[o.at] == '\\' {
			escaped = true
			o.at++
		}
	}
	o.at++
	return escaped
}

// text reads the next value, a string or a member's name, and unquotes it.
func (o *Object) text() string {
	from := o.at
	escaped := o.string()
	quoted := o.Text[from:o.at]
	if !escaped {
		return quoted[1 : len(quoted)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, quoted) // it is well-formed
	return string(text)
}

// tooDeep reports whether well-formed JSON nests deeper than MaxDepth.
func tooDeep(text string) bool {
	if strings.Count(text, "{")+strings.Count(text, "[") <= MaxDepth {
		return false // most texts: no need to look at what is quoted
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\': // in a string: elsewhere the library refuses it
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
