package jwks_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestRotationReachesAllConcurrentRequestsWithAtMostTwoFetches(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	kid := server.Rotate("ES256")
	server.SetDelay(100 * time.Millisecond)

	var group sync.WaitGroup
	answers := make(chan answer, 50)
	for range 50 {
		group.Go(func() {
			key, err := s.key(kid, "ES256")
			answers <- answer{key, err}
		})
	}
	group.Wait()
	close(answers)
	for a := range answers {
		require.NoError(t, a.err)
		assert.Equal(t, kid, a.key.ID())
	}
	fetched := server.KeyRequests() - 1
	t.Logf("50 of 50 requests got the new key, by %d fetches", fetched)
	assert.LessOrEqual(t, fetched, 2)
}

func TestListedKeyCausesNoFetch(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	for range 100 {
		s.known(t, server.KID(), "ES256")
	}
	assert.Equal(t, 1, server.KeyRequests())
}

func TestBogusKidDoesNotDelayRotation(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	require.Equal(t, 2, server.KeyRequests())

	kid := server.Rotate("ES256")
	s.known(t, kid, "ES256")
	assert.Equal(t, 3, server.KeyRequests(), "one fetch for the bogus kid, one for the new key")
}

// Flight A left before the key was published: it cannot say that there is none.
func TestKeyPublishedDuringAFlightIsFoundByTheNextOne(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	kid := server.Prepare("ES256")

	release := server.Hold()
	defer release()
	first := ask(s, t.Context(), "bogus") // departs with flight A
	require.NoError(t, server.WaitKeyRequests(t.Context(), 2))
	server.Publish(kid)
	second := ask(s, t.Context(), kid) // arrives during A
	release()

	require.ErrorIs(t, (<-first).err, jwks.ErrUnknownKey, "A left after this question")
	got := <-second
	require.NoError(t, got.err)
	assert.Equal(t, kid, got.key.ID())
	assert.Equal(t, 2, server.KeyRequests()-1, "A and the one after it")
}

func TestKidIsDecidedUnknownOnlyByAFlightThatBeganAfterTheQuestion(t *testing.T) {
	server, s := ready(t, jwks.Config{})

	releaseA := server.Hold()
	defer releaseA()
	first := ask(s, t.Context(), "bogus-1")
	require.NoError(t, server.WaitKeyRequests(t.Context(), 2))
	second := ask(s, t.Context(), "bogus-2")
	releaseB := server.Hold() // for the flight after A
	defer releaseB()
	releaseA()
	require.ErrorIs(t, (<-first).err, jwks.ErrUnknownKey)

	require.NoError(t, server.WaitKeyRequests(t.Context(), 3))
	select {
	case a := <-second:
		t.Fatalf("decided by a flight that had begun before: %v", a.err)
	default:
	}
	releaseB()
	require.ErrorIs(t, (<-second).err, jwks.ErrUnknownKey)
	assert.Equal(t, 2, server.KeyRequests()-1)
}

// The note of when a question arose is about the question, not about who asks:
// asking during a flight and again after it does not cost two more fetches.
func TestAskingAgainDoesNotMakeTheQuestionYounger(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	release := server.Hold()
	defer release()
	one := ask(s, t.Context(), "bogus")
	two := ask(s, t.Context(), "bogus")
	three := ask(s, t.Context(), "bogus")
	release()
	for _, answers := range []<-chan answer{one, two, three} {
		require.ErrorIs(t, (<-answers).err, jwks.ErrUnknownKey)
	}
	assert.Equal(t, 2, server.KeyRequests())
}

// A flight that brought the key while the bucket is empty has answered it.
func TestKeyBroughtByAnotherQuestionsFlightNeedsNoTokenOfItsOwn(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: 2}) // one token left
	kid := server.Prepare("ES256")
	server.Publish(kid)
	_, err := s.key("bogus", "ES256")
	require.ErrorIs(t, err, jwks.ErrUnknownKey)
	s.known(t, kid, "ES256")
	assert.Equal(t, 2, server.KeyRequests())
}

func TestQuestionThatAroseDuringAFlightIsThrottledWhenTheBucketIsEmpty(t *testing.T) {
	server, s := ready(t, jwks.Config{RefreshBurst: 2})
	release := server.Hold()
	defer release()
	first := ask(s, t.Context(), "bogus-1") // takes the last token
	require.NoError(t, server.WaitKeyRequests(t.Context(), 2))
	second := ask(s, t.Context(), "bogus-2")
	release()
	require.ErrorIs(t, (<-first).err, jwks.ErrUnknownKey)
	throttled(t, (<-second).err)
	assert.Equal(t, 2, server.KeyRequests())
}

func TestReadyFetchesOnceAndNeverFlipsBack(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
	server.SetMode(validatortest.ModeError)
	assert.Equal(t, 500, remoteCause(t, s.Ready(t.Context())).Status)

	s.clock.Advance(time.Second)
	server.SetMode(validatortest.ModeUp)
	require.NoError(t, s.Ready(t.Context()))
	require.NoError(t, s.Ready(t.Context()))
	require.Equal(t, 2, server.KeyRequests())

	server.SetMode(validatortest.ModeDown)
	_, err := s.key("bogus", "ES256")
	unavailable(t, err)
	assert.NoError(t, s.Ready(t.Context()))
}

func TestReadyReturnsTheCallersOwnContextError(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	release := server.Hold()
	defer release()
	s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
	ctx, cancel := context.WithCancel(t.Context())
	w := watch(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Ready(w) }()
	<-w.waiting
	cancel()
	assert.ErrorIs(t, <-done, context.Canceled)
	release()
	assert.NoError(t, s.Ready(t.Context()))
	assert.Equal(t, 1, server.KeyRequests(), "the flight went on without who started it")
}

func TestReadyDuringBackoffDoesNotFetch(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	server.SetMode(validatortest.ModeError)
	s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
	unavailable(t, s.Ready(t.Context()))
	assert.Equal(t, time.Second, unavailable(t, s.Ready(t.Context())).RetryAfter)
	assert.Equal(t, 1, server.KeyRequests())
}

func TestNewDoesNoIOAndDefaultsToHTTPS(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	_, err := jwks.New(jwks.Config{URL: server.JWKSURL(), CheckURL: allowLoopback})
	require.NoError(t, err)
	assert.Zero(t, server.KeyRequests())

	source, err := jwks.New(jwks.Config{URL: server.JWKSURL()}) // without CheckURL: https only
	require.NoError(t, err)
	_, err = source.Key(t.Context(), server.KID(), "RS256")
	var unavailable *jwks.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	var failed *remote.Error
	require.ErrorAs(t, unavailable.Cause, &failed)
	assert.Equal(t, remote.Refused, failed.Kind)
	assert.Zero(t, server.KeyRequests())
	_, err = source.Key(t.Context(), server.KID(), "HS256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
}

func TestKeysNeverLeaveTheirSource(t *testing.T) {
	one, other := startServer(t, validatortest.Options{}), startServer(t, validatortest.Options{})
	require.Equal(t, one.KID(), other.KID())
	s1 := newSubject(t, jwks.Config{URL: one.JWKSURL()})
	s2 := newSubject(t, jwks.Config{URL: other.JWKSURL()})
	k1, k2 := s1.known(t, one.KID(), "ES256"), s2.known(t, one.KID(), "ES256")
	assert.NotEqual(t, k1.Thumbprint(), k2.Thumbprint())

	signed, signature := cut(t, one.AccessToken())
	assert.NoError(t, k1.Verify("ES256", signed, signature))
	assert.ErrorIs(t, k2.Verify("ES256", signed, signature), jose.ErrSignature)

	only := one.Rotate("ES256")
	s1.known(t, only, "ES256")
	_, err := s2.key(only, "ES256")
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
}

func TestVerifyRefusesAnotherAlgorithmThanTheKeys(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	key := s.known(t, server.KID(), "ES256")
	signed, signature := cut(t, server.AccessToken())
	assert.NoError(t, key.Verify("ES256", signed, signature))
	assert.ErrorIs(t, key.Verify("ES384", signed, signature), jose.ErrKeyAlg)
}

func TestAlgorithmThatNoKeyCanHaveIsUnknownAtOnce(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	key := s.known(t, server.KID(), "ES256")
	signed, signature := cut(t, server.AccessToken())
	for _, name := range []string{"", "none", "HS256", "es256", "ES256K", "RSA-OAEP"} {
		_, err := s.key(server.KID(), name)
		assert.ErrorIs(t, err, jwks.ErrUnknownKey, name)
		assert.ErrorIs(t, key.Verify(name, signed, signature), jose.ErrKeyAlg, name)
	}
	assert.Equal(t, 1, server.KeyRequests())
}

func TestBadSignatureUnderAListedKidNeverFetches(t *testing.T) {
	server, s := ready(t, jwks.Config{})
	for i := range 20 {
		key := s.known(t, server.KID(), "ES256")
		assert.ErrorIs(t, key.Verify("ES256", fmt.Sprint(i), make([]byte, 64)), jose.ErrSignature)
	}
	assert.Equal(t, 1, server.KeyRequests())
}

// cut returns the signing input and the signature of a token.
func cut(t *testing.T, token string) (signed string, signature []byte) {
	t.Helper()
	compact, ok := jose.Cut(token)
	require.True(t, ok)
	signature, err := jose.AppendSegment(nil, compact.Signature)
	require.NoError(t, err)
	return compact.Signed, signature
}
