package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

// hits is a token that was seen before, asked about with other bytes than the first
// time, as every request has its own.
func hits(p plan) ([]table, error) {
	judges := only(func(c *contender) bool { return c.cache })
	serial := table{
		title: "A token seen before",
		text: "exp and scope checked. As a multiple of one SHA-256 over the token (time, allocations): the same token always, " +
			"or one of many in random order, all of them cached.",
	}
	parallel := table{
		title: "From one core to two",
		text:  "How many times as many cached tokens two goroutines judge as one does in the same time.",
	}
	for _, t := range []*table{&serial, &parallel} {
		t.rows = []row{{name: "one SHA-256"}}
		for _, c := range judges {
			t.rows = append(t.rows, row{name: c.name})
		}
	}
	for _, algorithm := range algorithms {
		f, err := newFixture(algorithm)
		if err != nil {
			return nil, err
		}
		counts := []int{1}
		if algorithm == "RS256" { // tokens of the others are shorter, and that is all the difference
			counts = []int{1, p.many / 10, p.many}
		}
		raws := f.tokens(counts[len(counts)-1])
		for _, n := range counts {
			if err = hitColumn(p, f, raws[:n], judges, &serial, &parallel); err != nil {
				break
			}
		}
		f.close()
		if err != nil {
			return nil, err
		}
	}
	return []table{serial, parallel}, nil
}

func hitColumn(p plan, f *fixture, raws []string, judges []contender, serial, parallel *table) error {
	n, decide := len(raws), make([]verify, len(judges))
	for i, c := range judges {
		var err error
		if decide[i], err = filled(&c, f, raws); err != nil {
			return named(c.name, err)
		}
	}
	copies := shuffledCopies(raws)
	lanes := []lane{{name: "one SHA-256", step: bareHash(copies, 0)}}
	pairs := []pair{{"one SHA-256", [2]step{bareHash(copies, 0), bareHash(copies, n/2)}}}
	for i, c := range judges {
		lanes = append(lanes, lane{name: c.name, step: rotating(decide[i], copies, 0)})
		pairs = append(pairs, pair{c.name, [2]step{rotating(decide[i], copies, 0), rotating(decide[i], copies, n/2)}})
	}
	column := f.algorithm + ", hot"
	if n > 1 {
		column = fmt.Sprintf("%s, one of %s", f.algorithm, thousands(n))
	}
	timings, err := race(p.rounds, p.hits, lanes)
	if err != nil {
		return err
	}
	serial.columns = append(serial.columns, column)
	for i := range lanes {
		serial.rows[i].cells = append(serial.rows[i].cells, serial.timed(timings[i]))
	}
	if f.algorithm != "RS256" {
		return nil
	}
	gains, err := raceInPairs(p.rounds, p.hits, pairs)
	if err != nil {
		return err
	}
	parallel.columns = append(parallel.columns, column)
	for i := range pairs {
		parallel.spread = max(parallel.spread, spread(gains[i]))
		parallel.rows[i].cells = append(parallel.rows[i].cells, cell{median(gains[i]), significant(median(gains[i])) + " x"})
	}
	return nil
}

// filled is the contender with the tokens in its cache, and room for as many again.
func filled(c *contender, f *fixture, raws []string) (verify, error) {
	decide, err := c.verifier(f, 2*len(raws)+64)
	if err != nil {
		return nil, err
	}
	for _, raw := range raws {
		if err := decide(context.Background(), raw); err != nil {
			return nil, err
		}
	}
	return decide, nil
}

// shuffledCopies are the tokens at other addresses and in another order.
func shuffledCopies(raws []string) []string {
	copies := make([]string, len(raws))
	for i := range raws {
		copies[i] = strings.Clone(raws[i])
	}
	shuffle(copies)
	return copies
}

func shuffle(raws []string) {
	rand.Shuffle(len(raws), func(i, k int) { raws[i], raws[k] = raws[k], raws[i] })
}
