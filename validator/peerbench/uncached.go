package main

// uncached is a token that was not seen before: ten times as many as our cache holds
// take turns, so that none is found again.
func uncached(p plan) ([]table, error) {
	judges := only(func(c *contender) bool { return !c.cache || c.name == ours })
	t := table{
		title: "A token not seen before",
		text: "Signature, alg, iss, aud, exp, client and scope checked; ours also stores it in a full cache. " +
			"As a multiple of *bare*, a hash of the signing input and a signature verification (time, allocations).",
		columns: algorithms,
		rows:    []row{{name: "bare"}},
	}
	for _, c := range judges {
		t.rows = append(t.rows, row{name: c.name})
	}
	for _, algorithm := range algorithms {
		f, err := newFixture(algorithm)
		if err != nil {
			return nil, err
		}
		err = t.uncachedColumn(p, f, judges)
		f.close()
		if err != nil {
			return nil, err
		}
	}
	return []table{t}, nil
}

func (t *table) uncachedColumn(p plan, f *fixture, judges []contender) error {
	verification, err := bare(f)
	if err != nil {
		return err
	}
	raws := f.tokens(p.fresh)
	lanes, rows := []lane{{name: "bare", step: verification}}, []int{0}
	for i, c := range judges {
		if !c.verifies(f.algorithm) {
			continue
		}
		decide, err := c.verifier(f, p.fresh/10)
		if err != nil {
			return named(c.name, err)
		}
		lanes, rows = append(lanes, lane{name: c.name, step: rotating(decide, raws, 0)}), append(rows, 1+i)
	}
	timings, err := race(p.rounds, p.calls, lanes)
	if err != nil {
		return err
	}
	for i := range t.rows {
		t.rows[i].cells = append(t.rows[i].cells, notSupported)
	}
	for k, i := range rows {
		cells := t.rows[i].cells
		cells[len(cells)-1] = t.timed(timings[k])
	}
	return nil
}
