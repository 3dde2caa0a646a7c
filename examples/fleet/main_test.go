package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/internal/redisserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTables: what the program shows is what docs/fleet.md promises.
func TestTables(t *testing.T) {
	s, err := newStage(t.Context())
	require.NoError(t, err)
	defer s.end()
	r, err := tell(t.Context(), s)
	require.NoError(t, err)
	var out strings.Builder
	r.print(&out)
	t.Log("\n" + out.String())
	assert.Empty(t, r.unexpected())
	got := map[string]string{}
	for _, f := range r.facts {
		got[f.what] = f.got
	}
	assert.Equal(t, map[string]string{
		"1,000 requests at once with one new opaque token":            "1000 served, 1 introspection",
		"90 requests at once with one DPoP proof":                     "1 served, 89 denied",
		"a revocation, told to one gateway":                           "served by 3, then denied by 3",
		"a fourth gateway, started after that":                        "revoked token denied, other served",
		"a fifth one, started while the authorization server is down": "ready, new token served",
	}, got)
	require.Len(t, r.faults, 4)
	for _, f := range r.faults {
		for kind, of := range f.kinds {
			assert.Zero(t, of.counts[lost], "%s, %s", f.fault, kindNames[kind])
			assert.GreaterOrEqual(t, of.counts[served], enough, "%s, %s: it recovers", f.fault, kindNames[kind])
			assert.Equal(t, kind == proofs || kind == refusing, of.counts[refused] > 0, "%s, %s", f.fault, kindNames[kind])
		}
		assert.Zero(t, f.twice, f.fault)
	}
}

// TestUnexpected: whatever is not as promised fails the program.
func TestUnexpected(t *testing.T) {
	good := func() *report {
		r := &report{facts: []fact{{want: "a", got: "a"}}, faults: make([]trial, 1)}
		for kind := range kinds {
			counts := map[outcome]int{served: 1}
			if kind == proofs || kind == refusing {
				counts[refused] = 1
			}
			r.faults[0].kinds[kind].counts = counts
		}
		return r
	}
	require.Empty(t, good().unexpected())
	for name, spoil := range map[string]func(*report){
		"a fact":            func(r *report) { r.facts[0].got = "b" },
		"a proof twice":     func(r *report) { r.faults[0].twice = 1 },
		"a JWT refused":     func(r *report) { r.faults[0].kinds[jwts].counts[refused] = 1 },
		"an opaque refused": func(r *report) { r.faults[0].kinds[opaques].counts[refused] = 1 },
		"no proof refused":  func(r *report) { delete(r.faults[0].kinds[proofs].counts, refused) },
		"none refused":      func(r *report) { delete(r.faults[0].kinds[refusing].counts, refused) },
		"lost":              func(r *report) { maps.Copy(r.faults[0].kinds[proofs].counts, map[outcome]int{lost: 1}) },
	} {
		r := good()
		spoil(r)
		assert.Len(t, r.unexpected(), 1, name)
	}
}

// TestWithoutRedis: who has none is told so, and how to get one.
func TestWithoutRedis(t *testing.T) {
	t.Setenv("REDIS_SERVER", "no-such-server")
	err := run(t.Context(), []string{"-once"}, t.Output())
	assert.ErrorIs(t, err, redisserver.ErrMissing)
	assert.ErrorContains(t, err, "apt-get install redis-server")
	assert.NoError(t, run(t.Context(), []string{"-h"}, t.Output()))
	assert.Error(t, run(t.Context(), []string{"-nonsense"}, t.Output()))
}
