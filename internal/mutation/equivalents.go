package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// equivalents are the mutants that no test can notice, from a file:
//
//	# a comment
//	cache/cache.go Cache.Get: a > b -> a >= b
//		The reason, indented, on as many lines as it needs.
//
// Several mutants in a row share the reason that follows them.
type equivalents struct {
	reasons map[string]string
	order   []string
}

func readEquivalents(path string) (*equivalents, error) {
	e := &equivalents{reasons: map[string]string{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	var open []string // keys without a reason so far
	reading := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			if len(open) == 0 {
				return nil, fmt.Errorf("%s:%d: a reason for nothing", path, i+1)
			}
			reading = true
			for _, key := range open {
				e.reasons[key] += strings.TrimSpace(line) + "\n"
			}
		default:
			if reading {
				open, reading = nil, false
			}
			if slices.Contains(e.order, line) {
				return nil, fmt.Errorf("%s:%d: listed twice: %s", path, i+1, line)
			}
			open, e.order = append(open, line), append(e.order, line)
		}
	}
	for _, key := range e.order {
		if e.reasons[key] == "" {
			return nil, fmt.Errorf("%s: no reason for: %s", path, key)
		}
	}
	return e, nil
}

func (e *equivalents) has(key string) bool { return e.reasons[key] != "" }

// exist reports whether what is listed for the files of p is among its mutants.
func (e *equivalents) exist(p *pkg, mutants []mutant, out io.Writer) bool {
	fine := true
	for _, key := range e.order {
		mine := slices.ContainsFunc(p.files, func(s *source) bool { return strings.HasPrefix(key, s.path+" ") })
		if mine && !slices.ContainsFunc(mutants, func(m mutant) bool { return m.key() == key }) {
			fmt.Fprintf(out, "listed as equivalent, but there is no such mutant: %s\n", key)
			fine = false
		}
	}
	return fine
}
