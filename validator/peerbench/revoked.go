package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/bearerguard/bearerguard/validator"
)

// revocations is what the look-up of revocations costs on a hit, whatever has been
// revoked: the difference to a validator that looks up none.
func revocations(p plan) ([]table, error) {
	f, err := newFixture("EdDSA")
	if err != nil {
		return nil, err
	}
	defer f.close()
	raw := f.token()
	sizes := []int{0, 1000, p.growth}
	judge := func(revocations *validator.Revocations) (step, error) {
		v, err := newValidator(f, 100, func(c *validator.Config) { c.Revocations = revocations })
		return rotating(func(ctx context.Context, raw string) error {
			_, err := v.Validate(ctx, raw)
			return err
		}, []string{raw}, 0), err
	}
	without, err := judge(nil)
	if err != nil {
		return nil, err
	}
	lanes := []lane{{name: "none", step: without}}
	for _, size := range sizes {
		table, err := validator.NewRevocations(validator.RevocationsConfig{MaxMarks: slices.Max(sizes) + 1})
		if err != nil {
			return nil, err
		}
		with, err := judge(table)
		if err == nil {
			err = revokeSubjects(table, f.server.Issuer(), size)
		}
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, lane{name: thousands(size), step: with})
	}
	timings, err := race(p.rounds, 4*p.hits, lanes) // a small part of a hit
	if err != nil {
		return nil, err
	}
	t := table{title: "Revocations", text: "Ours: what a cached token costs more than without a table of revocations, by how many of its issuer's subjects are in it."}
	r := row{name: ours}
	for i, size := range sizes {
		var added []float64
		for round, took := range timings[1+i].nanoseconds {
			added = append(added, took-timings[0].nanoseconds[round])
		}
		t.columns = append(t.columns, thousands(size))
		r.cells = append(r.cells, cell{median(added), fmt.Sprintf("%.0f ns", median(added))})
	}
	t.rows = []row{r}
	return []table{t}, nil
}
