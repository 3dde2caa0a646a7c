package main

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// verdict is what is known about the path of a request before anything else is.
type verdict int

const (
	plain     verdict = iota // everybody reads it as we do
	ambiguous                // somebody may read it as another: 400, unless the route allows it
	bad                      // 400
)

// judge looks at the path of a request, which decides who may pass: it must mean
// the same to us, to the upstream and to whatever is between. What is let through
// is sent on as it came, so nothing is cleaned here.
//
// "/orders/..%2fadmin" is one segment to a ServeMux, and "/admin" to a server that
// decodes first. "/admin;x" is "/admin" to a servlet container. "/a\b" is "/a/b" to
// Windows, and "/a%00b" is "/a" to what is written in C.
func judge(r *http.Request) verdict {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	switch {
	case !strings.HasPrefix(path, "/"): // "*", another host's address, CONNECT
		return bad
	case strings.Contains(path, "//"), dotted(path): // a mux cleans them, but not all servers do
		return bad
	case path != r.URL.EscapedPath(), !utf8.ValidString(r.URL.Path): // spelled in no regular way; overlong forms
		return ambiguous
	case !strings.ContainsAny(path, `%;\`):
		return plain
	case tricky(path), tricky(r.URL.Path): // the second: encoded twice, for a server that decodes twice
		return ambiguous
	}
	return plain
}

// dotted reports whether a path has "." or ".." as a segment.
func dotted(path string) bool {
	if !strings.Contains(path, "/.") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// tricky reports whether a segment of the path holds, encoded or not, what
// separates segments somewhere, ends a text, or moves up when it is decoded.
func tricky(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		text := unescape(segment)
		if text == "." || text == ".." || strings.ContainsFunc(text, special) {
			return true
		}
	}
	return false
}

func special(r rune) bool { return r == '/' || r == '\\' || r == ';' || r < ' ' || r == 0x7f }

// unescape decodes a segment once. What is no escape stays as it is.
func unescape(segment string) string {
	if !strings.Contains(segment, "%") {
		return segment
	}
	text := make([]byte, 0, len(segment))
	for i := 0; i < len(segment); i++ {
		if segment[i] == '%' && i+2 < len(segment) {
			if b, err := strconv.ParseUint(segment[i+1:i+3], 16, 8); err == nil {
				text = append(text, byte(b))
				i += 2
				continue
			}
		}
		text = append(text, segment[i])
	}
	return string(text)
}
