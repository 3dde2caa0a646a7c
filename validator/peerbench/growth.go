package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// growth is what our cost becomes as the cache fills, and with ever more issuers.
func growth(p plan) ([]table, error) {
	f, err := newFixture("EdDSA")
	if err != nil {
		return nil, err
	}
	defer f.close()
	tokens, err := growingCache(p, f)
	if err != nil {
		return nil, err
	}
	issuers, err := growingIssuers(p, f)
	return []table{tokens, issuers}, err
}

// growingCache asks about all that is in the cache, in random order, so that from some
// size on nothing of it is in the processor's caches.
func growingCache(p plan, f *fixture) (table, error) {
	t := table{
		title:   "A growing cache",
		text:    "Ours: an EdDSA token out of as many as are cached, in random order, as a multiple of one SHA-256 over it (time, allocations).",
		columns: []string{"a cached token", "one SHA-256"},
	}
	v, err := newValidator(f, 2*p.growth+64)
	if err != nil {
		return t, err
	}
	judge := func(ctx context.Context, raw string) error {
		_, err := v.ValidateWith(ctx, raw, validator.Requirements{Policy: &readers})
		return err
	}
	var raws []string
	for n := 1; n <= p.growth; n *= 10 {
		for _, raw := range f.tokens(n - len(raws)) {
			if err := judge(f.ctx, raw); err != nil {
				return t, err
			}
			raws = append(raws, strings.Clone(raw))
		}
		shuffle(raws)
		timings, err := race(p.rounds, p.hits, []lane{
			{name: "one SHA-256", step: bareHash(raws, 0)}, {name: ours, step: rotating(judge, raws, 0)},
		})
		if err != nil {
			return t, err
		}
		t.rows = append(t.rows, row{thousands(n), []cell{t.timed(timings[1]), t.timed(timings[0])}})
	}
	return t, nil
}

// growingIssuers races validators with ever more issuers against each other.
func growingIssuers(p plan, f *fixture) (table, error) {
	t := table{
		title: "Ever more issuers",
		text: "Ours, EdDSA: a token not seen before as a multiple of bare, one seen before as a multiple of one SHA-256 over it, and one " +
			"for another audience as a multiple of bare (time, allocations).",
		columns: []string{"not seen before", "seen before", "refused"},
	}
	verification, err := bare(f)
	if err != nil {
		return t, err
	}
	fresh, again, bad := []lane{{name: "bare", step: verification}}, []lane{}, []lane{{name: "bare", step: verification}}
	for n := 1; n <= p.issuers; n *= 10 {
		crowd, err := newCrowd(f, n, p.fresh)
		if err != nil {
			return t, named(fmt.Sprint(n, " issuers"), err)
		}
		if n == 1 {
			again = append(again, lane{name: "one SHA-256", step: bareHash(crowd.known, 0)})
		}
		name := thousands(n)
		fresh = append(fresh, lane{name: name, step: rotating(crowd.judge, crowd.fresh, 0)})
		again = append(again, lane{name: name, step: rotating(crowd.judgeKnown, crowd.known, 0)})
		bad = append(bad, lane{name: name, step: refusing(crowd.judge, crowd.bad)})
		t.rows = append(t.rows, row{name: name})
	}
	for _, of := range []struct {
		calls int
		lanes []lane
	}{{p.calls, fresh}, {p.hits, again}, {p.calls, bad}} {
		timings, err := race(p.rounds, of.calls, of.lanes)
		if err != nil {
			return t, err
		}
		for i := range t.rows {
			t.rows[i].cells = append(t.rows[i].cells, t.timed(timings[1+i]))
		}
	}
	return t, nil
}

// crowd is two validators with many issuers: one with a full cache, and one that has
// seen the known tokens.
type crowd struct {
	judge, judgeKnown verify
	fresh, known, bad []string // of all the issuers
}

func newCrowd(f *fixture, n, tokens int) (*crowd, error) {
	c := &crowd{}
	for i := range tokens {
		iss := validatortest.Claim("iss", tenant(i%n))
		c.fresh, c.known = append(c.fresh, f.token(iss)), append(c.known, f.token(iss))
		c.bad = append(c.bad, f.token(iss, validatortest.Audience("api://other")))
	}
	for _, of := range []struct {
		judge *verify
		size  int
	}{{&c.judge, tokens / 10}, {&c.judgeKnown, 4 * tokens}} {
		v, err := newValidator(f, of.size, func(config *validator.Config) { manyIssuers(config, f, n) })
		if err != nil {
			return nil, err
		}
		*of.judge = func(ctx context.Context, raw string) error {
			_, err := v.ValidateWith(ctx, raw, validator.Requirements{Policy: &anyIssuersReaders})
			return err
		}
	}
	for _, raw := range c.known {
		if err := c.judgeKnown(f.ctx, raw); err != nil {
			return nil, err
		}
	}
	return c, nil
}

var anyIssuersReaders = validator.Policy{Scopes: []string{needScope}, AnyTrustedIssuer: true}

func tenant(i int) string { return fmt.Sprintf("https://tenant-%d.example.com/oauth2/default", i) }

// manyIssuers are all alike, and have the key of f.
func manyIssuers(config *validator.Config, f *fixture, n int) {
	like := config.Issuers[0]
	config.Issuers = nil
	for i := range n {
		like.URL, like.JWKSURL = tenant(i), tenant(i)+"/v1/keys"
		config.Issuers = append(config.Issuers, like)
	}
	config.HTTPClient = &http.Client{Transport: inProcess(f.server.KeySet()), Timeout: 10 * time.Second}
}

// inProcess answers every request with a key set, without a network: a thousand issuers
// are a thousand hosts.
type inProcess []byte

func (set inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(set)),
		Body: io.NopCloser(strings.NewReader(string(set))),
	}, nil
}
