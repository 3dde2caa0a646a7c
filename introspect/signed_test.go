package introspect_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

const jws = "header.payload.signature"

// verifying is what Verify was called with, and what it says.
type verifying struct {
	answer    string
	audiences []string
	sent      time.Time
	calls     int

	text string
	err  error
}

func (v *verifying) verify(_ context.Context, answer string, audiences []string, sent time.Time) (string, error) {
	v.answer, v.audiences, v.sent = answer, audiences, sent
	v.calls++
	return v.text, v.err
}

func signed(v *verifying) edit {
	return func(s *setup) { s.Signed, s.Verify = true, v.verify }
}

func TestSignedAnswerIsAskedForAndVerified(t *testing.T) {
	now := newClock()
	n := replying(with(200, jws, "Content-Type", "application/token-introspection+jwt"))
	v := &verifying{text: `{"active":true,"sub":"a"}`}
	answer := isActive(t, newClient(t, n, signed(v), clocked(now.Now)))
	assert.Equal(t, "application/token-introspection+jwt", n.last(t).header.Get("Accept"))
	assert.Equal(t, jws, v.answer)
	assert.Equal(t, []string{"client"}, v.audiences, "our client id (RFC 9701 5)")
	assert.Equal(t, now.Now(), v.sent)
	assert.Equal(t, introspect.Answer{Active: true, Text: v.text, SentAt: v.sent}, answer)
	assert.Equal(t, 1, v.calls)
}

func TestSignedAudiencesReplaceTheClientID(t *testing.T) {
	v := &verifying{text: no}
	audiences := []string{"https://api.example", "other"}
	c := newClient(t, replying(with(200, jws)), signed(v), func(s *setup) { s.SignedAudiences = audiences })
	audiences[0] = "https://evil.example" // not what was configured
	answer, err := c.Introspect(t.Context(), token)
	require.NoError(t, err)
	assert.False(t, answer.Active)
	assert.Equal(t, []string{"https://api.example", "other"}, v.audiences)
}

func TestPlainAnswerIsNotVerified(t *testing.T) {
	v := &verifying{err: errors.New("not asked")}
	isActive(t, newClient(t, replying(with(200, yes)), func(s *setup) { s.Verify = v.verify }))
	assert.Zero(t, v.calls)
}

// No downgrade (RFC 9701 8.1): a plain answer is what Verify says it is.
func TestPlainAnswerWhereASignedOneWasAskedForIsNone(t *testing.T) {
	v := &verifying{err: errors.New("not signed")}
	c := newClient(t, replying(with(200, yes, "Content-Type", "application/json")), signed(v))
	neverSuspends(t, c, introspect.Malformed)
	assert.Equal(t, yes, v.answer)
}

func TestVerifiedAnswerIsReadAsStrictly(t *testing.T) {
	for _, test := range bodies {
		t.Run(test.name, func(t *testing.T) {
			v := &verifying{text: test.body}
			c := newClient(t, replying(with(200, jws)), signed(v))
			if !test.answer {
				fails(t, c, introspect.Malformed)
				return
			}
			answer, err := c.Introspect(t.Context(), token)
			require.NoError(t, err)
			assert.Equal(t, introspect.Answer{Active: test.active, Text: test.body, SentAt: answer.SentAt}, answer)
		})
	}
}

func TestErrorOfVerify(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		want  introspect.Kind
		after time.Duration
	}{
		"its own":          {&introspect.Error{Kind: introspect.Unavailable, RetryAfter: 7 * time.Second, Detail: "keys"}, introspect.Unavailable, 7 * time.Second},
		"its own, wrapped": {fmt.Errorf("x: %w", &introspect.Error{Kind: introspect.Denied, Detail: "x"}), introspect.Denied, 0},
		"another":          {errors.New("bad signature"), introspect.Malformed, 0},
		"of a context":     {context.DeadlineExceeded, introspect.Malformed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := &verifying{text: yes, err: test.err}
			c := newClient(t, replying(with(200, jws)), signed(v))
			assert.Equal(t, test.after, fails(t, c, test.want).RetryAfter)
			neverSuspends(t, c, test.want) // the server answered
		})
	}
}

// Verify may return the same error to everybody.
func TestErrorOfVerifyIsNotChanged(t *testing.T) {
	own := introspect.Error{Kind: introspect.Unavailable, Detail: "not about " + token}
	v := &verifying{err: &own}
	failed := fails(t, newClient(t, replying(with(200, jws)), signed(v)), introspect.Unavailable)
	assert.NotContains(t, failed.Detail, token)
	assert.Equal(t, "not about "+token, own.Detail)
}

func TestAnswerThatIsNoneIsNotVerified(t *testing.T) {
	v := &verifying{text: yes}
	fails(t, newClient(t, replying(with(401, jws)), signed(v)), introspect.Denied)
	assert.Zero(t, v.calls)
}

type key struct{}

// The keys for it may have to be fetched: no longer than the caller waits.
func TestAnswerIsVerifiedWithTheCallersContext(t *testing.T) {
	var got any
	c := newClient(t, replying(with(200, jws)), func(s *setup) {
		s.Signed = true
		s.Verify = func(ctx context.Context, _ string, _ []string, _ time.Time) (string, error) {
			got = ctx.Value(key{})
			return yes, nil
		}
	})
	_, err := c.Introspect(context.WithValue(t.Context(), key{}, "caller"), token)
	require.NoError(t, err)
	assert.Equal(t, "caller", got)
}
