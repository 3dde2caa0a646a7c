package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// The environment of an instrumented test binary.
const (
	activeVariable  = "MUTATION_ACTIVE"  // the number of the mutant that is on; none: 0
	reachedVariable = "MUTATION_REACHED" // a file for the numbers of those that were reached
)

// support is the file that goes into each package that is broken. It reports what
// is reached as it happens: a test binary may end in many ways.
const support = `package %s

import (
	mutantOS "os"
	mutantStrconv "strconv"
	mutantAtomic "sync/atomic"
)

var (
	mutantActive, _  = mutantStrconv.Atoi(mutantOS.Getenv(%q))
	mutantReached, _ = mutantOS.OpenFile(mutantOS.Getenv(%q), mutantOS.O_WRONLY|mutantOS.O_APPEND, 0)
	mutantSeen       [%d]mutantAtomic.Bool
)

func mutantOn(n int) bool {
	if mutantReached != nil {
		mutantReach(n)
	}
	return n == mutantActive
}

func mutantOff(n int) bool {
	if mutantReached != nil {
		mutantReach(n)
	}
	return n != mutantActive
}

func mutantReach(n int) {
	if !mutantSeen[n].Swap(true) {
		mutantReached.WriteString(mutantStrconv.Itoa(n) + "\n")
	}
}
`

func supportFile(name string, mutants int) []byte {
	return fmt.Appendf(nil, support, name, activeVariable, reachedVariable, mutants+1)
}

// An edit puts something about, or in the place of, a piece of a file.
type edit struct {
	from, to int
	with     func(text string) string // text: the piece, with the edits within it
}

func (f *finder) edit(n ast.Node, with func(string) string) {
	from, to := f.span(n)
	f.edits = append(f.edits, edit{from, to, with})
}

// apply writes text with its edits. Of two of the same piece the earlier is the outer.
func apply(text []byte, edits []edit) ([]byte, error) {
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	var out strings.Builder
	rest, err := applyWithin(&out, text, 0, len(text), edits)
	if err == nil && len(rest) > 0 {
		err = errors.New("edits overlap")
	}
	return []byte(out.String()), err
}

func applyWithin(out *strings.Builder, text []byte, from, to int, edits []edit) ([]edit, error) {
	for len(edits) > 0 && edits[0].from < to {
		e := edits[0]
		if e.from < from || e.to > to {
			return nil, errors.New("edits overlap")
		}
		out.Write(text[from:e.from])
		var inner strings.Builder
		var err error
		if edits, err = applyWithin(&inner, text, e.from, e.to, edits[1:]); err != nil {
			return nil, err
		}
		out.WriteString(e.with(inner.String()))
		from = e.to
	}
	out.Write(text[from:to])
	return edits, nil
}
