package main

import (
	"slices"
	"strings"
)

// same compares names of headers as the most careless server does.
func same(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if careless(a[i]) != careless(b[i]) {
			return false
		}
	}
	return true
}

// matches is same for a name or, with "*" at its end, a prefix.
func matches(name, pattern string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return len(name) >= len(prefix) && same(name[:len(prefix)], prefix)
	}
	return same(name, pattern)
}

func matchesOne(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(name, pattern) })
}

func careless(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	}
	return '-'
}

// isToken reports whether a text can be the name of a header (RFC 9110 5.6.2).
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
