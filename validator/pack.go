package validator

import "strings"

// pack moves texts that are parts of a larger one into one of their own, so that the
// larger one is not kept for their sake.
func pack(texts ...*string) {
	size := 0
	for _, text := range texts {
		size += len(*text)
	}
	var all strings.Builder
	all.Grow(size)
	for _, text := range texts {
		all.WriteString(*text)
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
}

// elements are pointers to the elements of lists.
func elements(into []*string, lists ...[]string) []*string {
	for _, list := range lists {
		for i := range list {
			into = append(into, &list[i])
		}
	}
	return into
}
