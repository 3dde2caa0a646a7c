package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A trial breaks one package.
type trial struct {
	options
	world  *world
	target *pkg
	listed *equivalents
	out    io.Writer
	dir    string
	count  count

	overlay  string
	binaries []*binary      // built so far, in the order of target.tested
	recent   map[string]int // when a test last killed, by name
	kills    int
}

// A count is what became of the mutants.
type count struct{ mutants, killed, equivalent, survived, unreached int }

func (c count) String() string {
	return fmt.Sprintf("%d mutants, %d killed, %d equivalent, %d survived (%d of them unreached)",
		c.mutants, c.killed, c.equivalent, c.survived, c.unreached)
}

// run reports whether all mutants are killed or listed, and all that is listed is right.
func (t *trial) run(ctx context.Context) (bool, error) {
	mutants, files, err := find(t.world.fset, t.target)
	if err != nil {
		return false, err
	}
	all := len(mutants)
	fine := t.listed.exist(t.target, mutants, t.out)
	if t.only != nil {
		mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !t.only.MatchString(m.key()) })
	}
	if t.show {
		for _, m := range mutants {
			fmt.Fprintf(t.out, "line %d: %s\n", m.at.Line, m.key())
		}
		return fine, nil
	}
	results, err := openResults(t.cache, t.target)
	if err != nil {
		return false, err
	}
	defer results.close()
	if t.overlay, err = writeOverlay(t.dir, t.target, files, all); err != nil {
		return false, err
	}
	shown := time.Now()
	for i, m := range mutants {
		// What is listed need not be tried with everybody's tests: its reason stands.
		importers := t.importers && !t.listed.has(m.key())
		r, known := results.find(m.key(), t.trust, importers)
		if !known {
			if r, err = t.try(ctx, m, r, importers); err != nil {
				return false, err
			}
			if err := results.keep(m.key(), r); err != nil {
				return false, err
			}
		}
		fine = t.judge(m, r) && fine
		if time.Since(shown) > 30*time.Second {
			fmt.Fprintf(t.out, "%s: %d of %d: %s\n", t.target.path, i+1, len(mutants), t.count)
			shown = time.Now()
		}
	}
	return fine, nil
}

// judge counts a result and says what is wrong with it, if anything.
func (t *trial) judge(m mutant, r result) bool {
	t.count.mutants++
	listed := t.listed.has(m.key())
	switch {
	case r.Killer != "" && listed:
		fmt.Fprintf(t.out, "listed as equivalent, but killed by %s: %s\n", r.Killer, m.key())
		t.count.killed++
		return false
	case r.Killer != "":
		t.count.killed++
	case listed:
		t.count.equivalent++
	default:
		t.count.survived++
		how := "survived"
		if !r.Reached {
			t.count.unreached++
			how = "unreached"
		}
		fmt.Fprintf(t.out, "%s: line %d: %s\n", how, m.at.Line, m.key())
		return false
	}
	return true
}

// try looks for a test that notices m: what killed it before, then the package's
// own tests, then those of the importers.
func (t *trial) try(ctx context.Context, m mutant, before result, importers bool) (result, error) {
	r := result{Importers: importers}
	for i := range t.target.tested {
		if i > 0 && !importers {
			break
		}
		b, err := t.binary(ctx, i)
		if err != nil {
			return r, err
		}
		if b == nil {
			continue
		}
		for _, batch := range t.batches(b, m, before.Killer) {
			r.Reached = true
			o := b.run(ctx, m.id, batch, t.limit(b, batch), "")
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			if o.failed {
				r.Killer = o.killer
				t.kills++
				t.recent[o.killer] = t.kills
				return r, nil
			}
		}
	}
	return r, nil
}

// binary returns the i-th tests, nil if there are none.
func (t *trial) binary(ctx context.Context, i int) (*binary, error) {
	if i < len(t.binaries) {
		return t.binaries[i], nil
	}
	l := t.target.tested[i]
	var b *binary
	if l.hasTests() {
		var err error
		if b, err = build(ctx, l, t.overlay, filepath.Join(t.dir, fmt.Sprintf("tests%d", i))); err != nil {
			return nil, err
		}
		unfit, err := b.survey(ctx)
		if err != nil {
			return nil, err
		}
		if len(unfit) > 0 {
			fmt.Fprintf(t.out, "%s: left out, for they do not pass with all mutants in and none on: %s\n", l.ImportPath, strings.Join(unfit, " "))
		}
		if i == 0 && len(b.tests) == 0 {
			return nil, errors.New("none of its tests passes")
		}
	}
	t.binaries = append(t.binaries, b)
	return b, nil
}

// batches are the tests that reach m: the likeliest killers first, the slowest last.
func (t *trial) batches(b *binary, m mutant, killer string) [][]*test {
	tests := slices.DeleteFunc(slices.Clone(b.tests), func(x *test) bool { return !x.reaches[m.id] })
	if len(tests) == 0 {
		return nil
	}
	const quick = 150 * time.Millisecond
	rank := func(x *test) int { // the higher the earlier
		switch {
		case x.name == killer:
			return math.MaxInt
		case x.work > quick:
			return -1
		}
		return t.recent[x.name]
	}
	slices.SortStableFunc(tests, func(x, y *test) int {
		return cmp.Or(cmp.Compare(rank(y), rank(x)), cmp.Compare(x.work, y.work))
	})
	var batches [][]*test
	size, budget := 1, 200*time.Millisecond
	if tests[0].name != killer {
		size = 3
	}
	for len(tests) > 0 {
		n, sum := 0, time.Duration(0)
		for n < len(tests) && (n < size || sum < budget) {
			sum += tests[n].work
			n++
		}
		if len(batches) == 0 {
			n = min(size, len(tests))
		}
		batches = append(batches, tests[:n])
		tests = tests[n:]
		budget *= 10
	}
	return batches
}

// limit is how long tests may take that took less: a machine has other work too.
func (t *trial) limit(b *binary, tests []*test) time.Duration {
	sum := b.startup.took
	for _, one := range tests {
		sum += max(one.took-b.startup.took, 0)
	}
	return t.patience + 6*sum
}
