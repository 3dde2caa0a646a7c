package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func fixtureOf(t *testing.T, algorithm string) *fixture {
	t.Helper()
	f, err := newFixture(algorithm)
	require.NoError(t, err)
	t.Cleanup(f.close)
	return f
}

// TestSameChecks: every contender accepts the good token, each time it comes, and
// refuses those that it is told not to accept: without the checks that its caller adds,
// it would be faster than it is.
func TestSameChecks(t *testing.T) {
	for _, algorithm := range algorithms {
		f := fixtureOf(t, algorithm)
		good := f.token()
		bad := map[validator.Reason]string{
			validator.ReasonExpired:           f.token(validatortest.Expiry(time.Now().Add(-time.Hour))),
			validator.ReasonUnknownIssuer:     f.token(validatortest.Claim("iss", "https://other.example.com")),
			validator.ReasonAudienceMismatch:  f.token(validatortest.Audience("api://other")),
			validator.ReasonClientMismatch:    f.token(validatortest.ClientID("other")),
			validator.ReasonInsufficientScope: f.token(validatortest.Scope("write")),
			validator.ReasonBadSignature:      good[:strings.LastIndexByte(good, '.')+1] + strings.Split(f.token(), ".")[2],
		}
		for _, c := range contenders {
			t.Run(algorithm+"/"+c.name, func(t *testing.T) {
				if !c.verifies(algorithm) {
					assert.NotEmpty(t, c.algorithms)
					return
				}
				decide, err := c.verifier(f, 100)
				require.NoError(t, err)
				require.NoError(t, decide(t.Context(), good))
				require.NoError(t, decide(t.Context(), strings.Clone(good)))
				for reason, raw := range bad {
					for range 2 { // caches see it again
						err := decide(t.Context(), raw)
						require.Error(t, err, reason)
						if c.name == ours {
							var e *validator.Error
							require.ErrorAs(t, err, &e)
							assert.Equal(t, reason, e.Reason)
						}
					}
				}
			})
		}
	}
}

// TestMiddleware: every middleware lets a good token through, again and again, and no
// request without one.
func TestMiddleware(t *testing.T) {
	f := fixtureOf(t, "RS256")
	good, bad := f.token(), f.token(validatortest.Audience("api://other"))
	for _, c := range only(func(c *contender) bool { return c.handler != nil }) {
		t.Run(c.name, func(t *testing.T) {
			wrap, err := c.handler(f, 100)
			require.NoError(t, err)
			send := requesting(wrap, good)
			require.NoError(t, send())
			require.NoError(t, send())
			require.ErrorIs(t, requesting(wrap, bad)(), errNotServed)
			require.ErrorIs(t, requesting(wrap, "")(), errNotServed)
		})
	}
	require.NoError(t, requesting(func(next http.Handler) http.Handler { return next }, good)())
}

// TestUncachedIsNotCached, and hits are: the names of the tables are true of ours.
func TestUncachedIsNotCached(t *testing.T) {
	f := fixtureOf(t, "EdDSA")
	var cached, decided atomic.Int64
	counting := func(c *validator.Config) {
		c.Observer.Decision = func(_ context.Context, d validator.Decision) {
			decided.Add(1)
			if d.Cached {
				cached.Add(1)
			}
		}
	}
	const fresh = 200
	v, err := newValidator(f, fresh/10, counting)
	require.NoError(t, err)
	judge := rotating(func(ctx context.Context, raw string) error { _, err := v.Validate(ctx, raw); return err }, f.tokens(fresh), 0)
	for range 2 * fresh {
		require.NoError(t, judge())
	}
	assert.EqualValues(t, 2*fresh, decided.Load())
	assert.Zero(t, cached.Load())

	const n = 100
	raws := f.tokens(n)
	all := contender{verifier: func(f *fixture, size int) (verify, error) {
		v, err := newValidator(f, size, counting)
		return func(ctx context.Context, raw string) error { _, err := v.Validate(ctx, raw); return err }, err
	}}
	decide, err := filled(&all, f, raws)
	require.NoError(t, err)
	judge = rotating(decide, shuffledCopies(raws), 0)
	for range n {
		require.NoError(t, judge())
	}
	assert.EqualValues(t, n, cached.Load())
}

// TestReport measures everything once, as little of it as there can be, and looks at
// what is the same on every machine.
func TestReport(t *testing.T) {
	p := plan{
		rounds: 1, calls: 2, fresh: 40, hits: 20, many: 20, growth: 100, issuers: 10, herd: 50,
		flood: 20 * time.Millisecond, flooding: 20, settling: 20 * time.Millisecond,
	}
	tables, err := measure(p, "")
	require.NoError(t, err)
	figures := map[string]float64{} // ours
	for _, table := range tables {
		for _, r := range table.rows {
			require.Len(t, r.cells, len(table.columns), "%s, %s", table.title, r.name)
			if r.name == ours {
				for i, c := range r.cells {
					figures[table.title+": "+table.columns[i]] = c.figure
				}
			}
		}
	}
	assert.EqualValues(t, 1, figures["One opaque token, many requests: introspections"])
	assert.EqualValues(t, p.herd, figures["One opaque token, many requests: accepted"])
	assert.EqualValues(t, 50, figures["Keys that are not known: rotation: accepted"])
	assert.LessOrEqual(t, figures["Keys that are not known: rotation: fetches"], 2.0)
	assert.Positive(t, figures["Keys that are not known: after one bogus kid"])
	assert.LessOrEqual(t, figures["Keys that are not known: flood: fetches"], 6.0)
	assert.Positive(t, figures["A cached token with a proof: without nonces"])
	assert.Positive(t, figures["A cached token with a proof: with nonces"])
	assert.Contains(t, figures, "Revocations: 1,000")
	assert.Zero(t, figures["A growing cache: a cached token"], "the rows of growth are sizes")

	var text bytes.Buffer
	require.NoError(t, write(&text, p, tables))
	for _, c := range contenders {
		assert.Contains(t, text.String(), "\n| "+c.name+" | ")
		for _, m := range c.modules {
			assert.Contains(t, text.String(), m)
		}
	}
	assert.NotContains(t, text.String(), "NaN")

	picture := string(chart(tables))
	for d := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := d.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
	}
	for _, p := range panels {
		assert.Contains(t, picture, ">"+p.title+"<")
	}
	assert.Equal(t, len(panels), strings.Count(picture, ">"+ours+"<"))
}

func TestMeasureNamesItsSections(t *testing.T) {
	_, err := measure(plan{}, "nothing")
	require.ErrorContains(t, err, sectionNames())
	require.Error(t, run(plan{}, t.TempDir(), "herd"), "a part is no report")
}

// TestRace: the first lane is the yardstick, all take part in every round, and an error
// ends it.
func TestRace(t *testing.T) {
	var calls [2]int
	count := func(i int) step { return func() error { calls[i]++; return nil } }
	timings, err := race(4, 10, []lane{{name: "a", step: count(0)}, {name: "b", step: count(1), calls: 3}})
	require.NoError(t, err)
	assert.Equal(t, [2]int{50, 15}, calls, "one round warms up")
	assert.Equal(t, []float64{1, 1, 1, 1}, timings[0].ratios)
	assert.Len(t, timings[1].nanoseconds, 4)

	wrong := errors.New("wrong")
	_, err = race(1, 1, []lane{{name: "a", step: func() error { return wrong }}})
	require.ErrorIs(t, err, wrong)
	_, err = raceInPairs(1, 1, []pair{{"a", [2]step{count(0), func() error { return wrong }}}})
	require.ErrorIs(t, err, wrong)
	gains, err := raceInPairs(3, 10, []pair{{"a", [2]step{count(0), count(1)}}})
	require.NoError(t, err)
	assert.Len(t, gains[0], 3)
}

func TestFigures(t *testing.T) {
	assert.Equal(t, 3.0, median([]float64{5, 1, 3}))
	assert.Equal(t, 99.0, quantile([]float64{99, 1, 2, 3}, 1))
	assert.Equal(t, 0.5, spread([]float64{1, 2, 2, 3, 4}))
	assert.Equal(t, "1,234,567", thousands(1_234_567))
	assert.Equal(t, "1,007", thousands(1007))
	assert.Equal(t, []string{"0.85", "12.3", "123"}, []string{significant(0.851), significant(12.34), significant(123.4)})
	assert.Equal(t, []string{"12 ns", "1.50 µs", "2.00 ms", "3.00 s"},
		[]string{duration(12), duration(1500), duration(2e6), duration(3e9)})
}
