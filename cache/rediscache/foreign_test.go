package rediscache_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

// answering is a client of a server whose scripts are others than ours: behind the name of
// ours is one that a test gives the answer of.
func answering(t testing.TB, answer *[]any) *redis.Client {
	t.Helper()
	client := redistest.Start(t, redistest.Options{}).Client()
	client.AddHook(intercepted(func(cmd redis.Cmder) error {
		if script, ok := cmd.(interface{ SetVal(any) }); ok && (cmd.Name() == "evalsha" || cmd.Name() == "eval") {
			script.SetVal(*answer)
		}
		return nil
	}))
	return client
}

// TestAnswersOfOtherScripts: what is no answer of ours is an error, and claims nothing.
func TestAnswersOfOtherScripts(t *testing.T) {
	t.Parallel()
	var answer []any
	a := answers(t, answering(t, &answer))
	for _, answer = range [][]any{{}, {int64(1)}, {int64(1), int64(1)}, {int64(1), nil}, {int64(1), "", ""}} {
		kept, claimed, err := a.Take(t.Context(), "name", nil, "one", time.Minute)
		assert.Error(t, err, "%v", answer) // of a store: it has no class
		assert.False(t, claimed)
		assert.Nil(t, kept)
	}
	answer = []any{int64(1), ""}
	takes(t, a, "name", "", "one", time.Minute, "", true)
	answer = []any{int64(2), ""}
	takes(t, a, "name", "", "one", time.Minute, "", false)
}

// TestReplaysOfOtherScripts: nor is a proof fresh by one, or a replay.
func TestReplaysOfOtherScripts(t *testing.T) {
	t.Parallel()
	var answer []any
	r := replays(t, answering(t, &answer), patient)
	for _, answer = range [][]any{{}, {"fresh"}, {"fresh", int64(0)}, {"fresh", int64(0), int64(1), ""}, {"fresher", int64(0), int64(1)}, {int64(1), int64(0), int64(1)}} {
		e := func() *validator.Error {
			_, err := add(t, r, "a", 0, time.Now().Add(window))
			return undecided(t, err, validator.ReasonProofUnavailable)
		}()
		assert.Equal(t, time.Second, e.RetryAfter, "%v", answer)
	}
	for verdict, want := range map[string]struct {
		reason validator.Reason
		wait   time.Duration
	}{
		"full":     {validator.ReasonProofKeyFull, 7 * time.Millisecond},
		"unknown":  {validator.ReasonProofUnavailable, 7 * time.Millisecond},
		"evicting": {validator.ReasonProofUnavailable, time.Second},
		"past":     {validator.ReasonProofUnavailable, time.Second},
		"ahead":    {validator.ReasonProofUnavailable, time.Second},
	} {
		answer = []any{verdict, int64(7), int64(1)}
		_, err := add(t, r, "a", 0, time.Now().Add(window))
		assert.Equal(t, want.wait, undecided(t, err, want.reason).RetryAfter, verdict)
	}
	answer = []any{"fresh", int64(0), int64(1)}
	fresh, err := add(t, r, "a", 0, time.Now().Add(window))
	require.NoError(t, err)
	assert.True(t, fresh)
	answer[0] = "replayed"
	fresh, err = add(t, r, "a", 0, time.Now().Add(window))
	require.NoError(t, err)
	assert.False(t, fresh)
}

// TestErrorsOfReplays: beside an error no proof is fresh, and who comes again a second later
// may learn more.
func TestErrorsOfReplays(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	r := replays(t, s.Client(), patient)
	s.Do("CONFIG", "SET", "maxmemory", "1")
	_, err := add(t, r, "a", 0, time.Now().Add(window))
	assert.Equal(t, time.Second, undecided(t, err, validator.ReasonProofStoreFull).RetryAfter)
	s.Do("CONFIG", "SET", "maxmemory", "0")
	s.Do("SET", epochKey, "no hash")
	_, err = add(t, r, "a", 0, time.Now().Add(window))
	assert.Equal(t, time.Second, undecided(t, err, validator.ReasonProofUnavailable).RetryAfter)
}

// TestErrorsOfRedis are passed on, whatever was asked of it.
func TestErrorsOfRedis(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a := answers(t, s.Client())
	k, err := rediscache.NewKeySets(rediscache.KeySetsConfig{Client: s.Client()})
	require.NoError(t, err)
	for _, key := range []string{"answers:{name}", "keys:{name}"} {
		s.Do("SET", rediscache.DefaultPrefix+key, "no hash")
	}
	s.Do("HSET", rediscache.DefaultPrefix+"claims:{name}", "no", "string")
	set, err := k.LoadKeys(t.Context(), "name")
	assert.ErrorContains(t, err, "WRONGTYPE")
	assert.Nil(t, set)
	assert.ErrorContains(t, k.SaveKeys(t.Context(), "name", []byte("set"), time.Now()), "WRONGTYPE")
	assert.ErrorContains(t, a.Put(t.Context(), "name", []byte("value"), time.Now(), time.Minute, "one"), "WRONGTYPE")
	assert.ErrorContains(t, a.Release(t.Context(), "name", "one"), "WRONGTYPE")
}

// TestClientsOfOthers: a client need not be one of go-redis, nor a pointer.
func TestClientsOfOthers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a := answers(t, struct{ redis.UniversalClient }{s.Client()})
	takes(t, a, "name", "", "one", time.Minute, "", true)
}
