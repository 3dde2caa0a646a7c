package rediscache_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/validator"
)

var _ validator.AnswerStore = (*rediscache.Answers)(nil)

func answers(t testing.TB, client redis.UniversalClient) *rediscache.Answers {
	t.Helper()
	a, err := rediscache.NewAnswers(rediscache.AnswersConfig{Client: client})
	require.NoError(t, err)
	return a
}

// takes asserts what Take returns.
func takes(t *testing.T, a *rediscache.Answers, name, seen, owner string, lease time.Duration, kept string, claimed bool) {
	t.Helper()
	value, ok, err := a.Take(t.Context(), name, []byte(seen), owner, lease)
	require.NoError(t, err)
	assert.Equal(t, kept, string(value))
	assert.Equal(t, kept == "", value == nil)
	assert.Equal(t, claimed, ok, "claimed")
}

// TestAnswers: what validator.AnswerStore says, by servers of every kind, with TLS, and
// a user with the commands that are said to be enough.
func TestAnswers(t *testing.T) {
	t.Parallel()
	rules := "~bearerguard:* +@connection +eval +evalsha +time +hstrlen +hget +hset +pexpire +get +set +del"
	plain := redistest.Start(t, redistest.Options{TLS: true, Rules: rules})
	cluster := redistest.Start(t, redistest.Options{Cluster: true})
	nodes := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{cluster.Addr()}, ContextTimeoutEnabled: true})
	defer nodes.Close()
	for server, client := range map[*redistest.Server]redis.UniversalClient{plain: plain.Client(), cluster: nodes} {
		a, at := answers(t, client), time.Now()
		put := func(value, owner string, sent time.Time) {
			t.Helper()
			require.NoError(t, a.Put(t.Context(), "name", []byte(value), sent, time.Minute, owner))
		}
		claim := func(owner string, claimed bool) {
			t.Helper()
			takes(t, a, "name", "", owner, time.Minute, "", claimed)
		}
		// By a clock that is wrong: it does not keep the others out.
		put("of a wrong clock", "", at.Add(2*time.Minute))
		put("of now", "", at)
		takes(t, a, "name", "", "nobody", 0, "of now", false)
		put("ahead", "", at.Add(55*time.Second)) // by one that may be right
		put("of now", "", at)
		takes(t, a, "name", "", "nobody", 0, "ahead", false)
		server.Do("DEL", "bearerguard:answers:{name}")
		takes(t, a, "name", "", "nobody", 0, "", false)
		claim("one", true)
		claim("one", true) // its first answer may have been lost
		claim("two", false)
		takes(t, a, "another", "", "two", time.Minute, "", true)
		require.NoError(t, a.Release(t.Context(), "name", "two"))
		claim("two", false)
		require.NoError(t, a.Release(t.Context(), "name", "one"))
		claim("two", true)

		put("by three", "three", at)
		takes(t, a, "name", "", "four", time.Minute, "by three", false)
		takes(t, a, "name", "by three", "four", time.Minute, "", false) // two has it still
		put("by two", "two", at.Add(time.Microsecond))
		takes(t, a, "name", "by three", "four", time.Minute, "by two", false)
		takes(t, a, "name", "by two", "four", 0, "", false)
		takes(t, a, "name", "by two", "four", time.Minute, "", true)
		put("older", "four", at)
		takes(t, a, "name", "", "", 0, "by two", false) // but the claim has ended
		takes(t, a, "name", "by two", "five", time.Minute, "", true)
		put("as old", "", at.Add(time.Microsecond))
		takes(t, a, "name", "", "", 0, "as old", false)
		binary := string([]byte{0, 255, '\r', '\n', 0xc0})
		put(binary, "", at.Add(time.Second))
		takes(t, a, "name", "", "", 0, binary, false)
		takes(t, a, "name", binary, "", 0, "", false)
		put("x", "", at.Add(time.Second)) // the shortest that is one
		takes(t, a, "name", binary, "", 0, "x", false)

		keys := server.Do("KEYS", "*").([]any)
		slices.SortFunc(keys, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		assert.Equal(t, []any{"bearerguard:answers:{name}", "bearerguard:claims:{another}", "bearerguard:claims:{name}"}, keys)
		for _, key := range keys {
			ttl := time.Duration(server.Do("PTTL", key).(int64)) * time.Millisecond
			assert.Greater(t, ttl, 30*time.Second)
			assert.LessOrEqual(t, ttl, time.Minute)
		}
	}
}

// TestAnswersAhead by a minute, and no more, are kept: the clock may be right.
func TestAnswersAhead(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a := answers(t, s.Client())
	for ahead, kept := range map[time.Duration]string{time.Minute: "ahead", time.Minute + time.Microsecond: "of now"} {
		redistest.Eventually(t, "that was all in one second", func() bool { // to which Redis goes back
			s.FlushAll()
			second := time.Now().Truncate(time.Second)
			require.NoError(t, a.Put(t.Context(), "name", []byte("ahead"), second.Add(ahead), time.Minute, ""))
			require.NoError(t, a.Put(t.Context(), "name", []byte("of now"), second, time.Minute, ""))
			value, _, err := a.Take(t.Context(), "name", nil, "", 0)
			require.NoError(t, err)
			if !time.Now().Truncate(time.Second).Equal(second) {
				return false
			}
			assert.Equal(t, kept, string(value))
			return true
		})
	}
}

// TestAnswersEnd: values and claims have their time, however short.
func TestAnswersEnd(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a := answers(t, s.Client())
	require.NoError(t, a.Put(t.Context(), "name", []byte("value"), time.Now(), 1, ""))
	takes(t, a, "another", "", "one", time.Millisecond, "", true)
	redistest.Eventually(t, "both are gone", func() bool { return s.Do("DBSIZE") == int64(0) })
	takes(t, a, "another", "", "two", time.Minute, "", true)
	require.NoError(t, a.Put(t.Context(), "name", []byte("value"), time.Now(), 1<<63-1, ""))
	takes(t, a, "name", "", "", 0, "value", false)
}

// TestAnswersOfAnother: what this does not put there is an error, or nothing.
func TestAnswersOfAnother(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	a := answers(t, s.Client())
	s.Do("SET", "bearerguard:answers:{string}", "value")
	_, claimed, err := a.Take(t.Context(), "string", nil, "one", time.Minute)
	assert.ErrorContains(t, err, "WRONGTYPE")
	assert.False(t, claimed)
	s.Do("HSET", "bearerguard:answers:{huge}", "value", strings.Repeat("x", 128<<10+1), "sent", 1)
	takes(t, a, "huge", "", "one", time.Minute, "", true)
	s.Do("HSET", "bearerguard:answers:{long}", "value", strings.Repeat("x", 128<<10), "sent", 1)
	takes(t, a, "long", "", "one", time.Minute, strings.Repeat("x", 128<<10), false)
	require.NoError(t, a.Put(t.Context(), "huge", []byte("value"), time.Now(), time.Minute, "one"))
	takes(t, a, "huge", "", "two", time.Minute, "value", false)
}

// TestAnswersConfig: every mistake is told.
func TestAnswersConfig(t *testing.T) {
	t.Parallel()
	unbounded := redis.NewClient(&redis.Options{})
	defer unbounded.Close()
	a, err := rediscache.NewAnswers(rediscache.AnswersConfig{Client: unbounded, Prefix: "{orders}"})
	assert.Nil(t, a)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	var fields []string
	for _, err := range joined.Unwrap() {
		var mistake *validator.ConfigError
		require.ErrorAs(t, err, &mistake)
		fields = append(fields, mistake.Field)
	}
	assert.Equal(t, []string{"Client", "Prefix"}, fields)
}
