package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// garbage is what is no token at all.
func garbage(p plan) ([]table, error) {
	f, err := newFixture("RS256")
	if err != nil {
		return nil, err
	}
	defer f.close()
	random := make([]byte, 1024)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	text := []byte(f.token())
	for i := range text { // base64url and two dots, but nothing that was signed
		if text[i] != '.' {
			text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[random[i%len(random)]%32]
		}
	}
	judges := only(func(c *contender) bool { return !c.cache || c.name == ours })
	t := table{title: "Garbage", text: "Time and allocations until it is refused."}
	for _, c := range judges {
		t.rows = append(t.rows, row{name: c.name})
	}
	for _, kind := range []struct {
		name, raw string
		calls     int
	}{
		{"32 random bytes", string(random[:32]), 8 * p.calls},
		{"1 kB of base64url, two dots", string(text), 8 * p.calls},
		{"the same, beginning like a JWS", "eyJ" + string(text[3:]), 8 * p.calls},
		{"100 kB of dots", strings.Repeat(".", 100_000), max(p.calls/20, 1)}, // some take milliseconds
	} {
		t.columns = append(t.columns, kind.name)
		if err := t.garbageColumn(p.rounds, kind.calls, f, kind.raw, judges); err != nil {
			return nil, named(kind.name, err)
		}
	}
	return []table{t}, nil
}

func (t *table) garbageColumn(rounds, calls int, f *fixture, raw string, judges []contender) error {
	var lanes []lane
	for _, c := range judges {
		decide, err := c.verifier(f, 0)
		if err != nil {
			return named(c.name, err)
		}
		lanes = append(lanes, lane{name: c.name, step: refusing(decide, []string{raw})})
	}
	timings, err := race(rounds, calls, lanes)
	if err != nil {
		return err
	}
	for i, r := range timings {
		t.rows[i].cells = append(t.rows[i].cells, cell{r.ns(), fmt.Sprintf("%s, %.0f", duration(r.ns()), r.allocations)})
	}
	return nil
}
