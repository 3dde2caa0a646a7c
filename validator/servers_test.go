package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestIssuersStayApart (rule 7): the same client, scope, subject and kid at two
// servers are two different things.
func TestIssuersStayApart(t *testing.T) {
	orders, reports := start(t, validatortest.Options{}), start(t, validatortest.Options{Audience: "api://reports"})
	require.Equal(t, orders.KID(), reports.KID(), "the test needs one kid at both")
	toOrders, toReports := trust(orders), trust(reports)
	toOrders.Name, toReports.Name, toReports.Audiences = "orders", "reports", strs{"api://reports"}
	both := build(t, configure(toOrders, toReports))
	a, b := orders.AccessToken(), reports.AccessToken()

	// Two validators: each accepts its own.
	accept(t, build(t, configure(toOrders)), a)
	reject(t, build(t, configure(toReports)), a, validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
	// One validator with both: each token stays its issuer's.
	one, two := accept(t, both, a), accept(t, both, b)
	assert.Equal(t, one.Subject(), two.Subject())
	assert.NotEqual(t, one.Identity(), two.Identity())
	only := validator.Policy{Scopes: strs{"read"}, Issuers: strs{"orders"}}
	assert.NoError(t, only.Check(t.Context(), one))
	refused(t, only.Check(t.Context(), two), validator.ErrInsufficientScope, validator.ReasonIssuerNotAllowed)
	// The other server's audience, client list and keys do not help.
	reject(t, both, orders.AccessToken(validatortest.Audience("api://reports")), validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
	reject(t, both, orders.AccessToken(validatortest.Claim("iss", reports.Issuer()), validatortest.Audience("api://reports")),
		validator.ErrInvalidToken, validator.ReasonBadSignature)
	kid := reports.Rotate("ES256") // listed at one server only
	reject(t, both, orders.AccessToken(validatortest.HeaderParam("kid", kid)), validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestOneClientSeveralServers: a client may use several servers, and is only
// what each of them lists.
func TestOneClientSeveralServers(t *testing.T) {
	one, two := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	first, second := trust(one), trust(two)
	second.ClientIDs = strs{"other", client}
	v := build(t, configure(first, second))
	accept(t, v, one.AccessToken())
	accept(t, v, two.AccessToken())
	accept(t, v, two.AccessToken(validatortest.ClientID("other")))
	reject(t, v, one.AccessToken(validatortest.ClientID("other")), validator.ErrInvalidToken, validator.ReasonClientMismatch)
}

// TestNewDoesNoIO: a service starts while its authorization server is down, and
// becomes ready by itself.
func TestNewDoesNoIO(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	s.SetMode(validatortest.ModeDown)
	c := configure(trust(s))
	c.Clock = clock.Now
	v := build(t, c)
	assert.Zero(t, s.MetadataRequests()+s.KeyRequests())
	refused(t, v.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	s.SetMode(validatortest.ModeUp)
	clock.Advance(10 * time.Second)
	require.NoError(t, v.Ready(t.Context()))
	s.SetMode(validatortest.ModeDown)
	clock.Advance(time.Hour)
	require.NoError(t, v.Ready(t.Context()), "it never flips back")
}

func TestReadyNamesEveryIssuerThatIsNot(t *testing.T) {
	one, two := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	two.SetMode(validatortest.ModeError)
	v := build(t, configure(trust(one), trust(two)))
	err := v.Ready(t.Context())
	e := refused(t, err, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	assert.Positive(t, e.RetryAfter)
	accept(t, v, one.AccessToken())

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	release := one.Hold()
	defer release()
	err = build(t, configure(trust(one))).Ready(ended)
	refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
	assert.ErrorIs(t, err, context.Canceled)
}

// TestOutage: whatever a server in trouble answers, known keys go on, and a
// token with an unknown key is neither accepted nor called bad.
func TestOutage(t *testing.T) {
	for name, mode := range map[string]validatortest.Mode{
		"down": validatortest.ModeDown, "500": validatortest.ModeError, "garbage": validatortest.ModeGarbage,
		"cut": validatortest.ModeTruncated, "huge": validatortest.ModeHuge, "404": validatortest.ModeNotFound,
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			s := start(t, validatortest.Options{Clock: clock.Now})
			c := configure(trust(s))
			c.Clock = clock.Now
			v := build(t, c)
			known := s.AccessToken()
			accept(t, v, known)
			s.SetMode(mode)
			s.Rotate("ES256")
			e := reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
			assert.Positive(t, e.RetryAfter)
			assert.False(t, e.Verified)
			assert.Empty(t, e.Challenge)
			accept(t, v, known)
			// What is bad without a key stays bad: an outage hides nothing.
			reject(t, v, s.AccessToken(validatortest.Audience("x")), validator.ErrInvalidToken, validator.ReasonAudienceMismatch)
			// Until the backoff is over nobody is asked.
			asked := s.KeyRequests() + s.MetadataRequests() // known keys cost nothing, unknown ones of before are undecided too
			reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
			assert.Equal(t, asked, s.KeyRequests()+s.MetadataRequests())
			s.SetMode(validatortest.ModeUp)
			clock.Advance(e.RetryAfter)
			accept(t, v, s.AccessToken())
		})
	}
}

// TestThrottledKid: too many unknown kids make the answer 503, never 401, and
// known keys do not notice.
func TestThrottledKid(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock, c.Issuers[0].KeyRefreshBurst, c.Issuers[0].KeyRefreshInterval = clock.Now, 3, time.Minute
	v := build(t, c)
	known := s.AccessToken()
	accept(t, v, known)
	bogus := func(kid string) string { return s.AccessToken(validatortest.HeaderParam("kid", kid)) }
	reject(t, v, bogus("a"), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	reject(t, v, bogus("b"), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	e := reject(t, v, bogus("c"), validator.ErrUnavailable, validator.ReasonKeyRefreshThrottled)
	assert.Equal(t, time.Minute, e.RetryAfter)
	reject(t, v, bogus("a"), validator.ErrInvalidToken, validator.ReasonUnknownKey) // remembered
	assert.Equal(t, 3, s.KeyRequests())
	accept(t, v, known)
	clock.Advance(time.Minute)
	s.Rotate("ES256")
	accept(t, v, s.AccessToken())
}

// TestUnknownKidsPinNoTokens (rule 6): what is remembered of an unknown kid is
// the kid, and not the header of up to 12 kB that it came in.
func TestUnknownKidsPinNoTokens(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	require.NoError(t, v.Ready(t.Context()))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, padding := heap(), strings.Repeat("x", 7000)
	for i := range 1000 {
		_, err := v.Validate(t.Context(), s.AccessToken(validatortest.HeaderParam("kid", fmt.Sprint("bogus-", i)), validatortest.HeaderParam("pad", padding)))
		assert.True(t, errors.Is(err, validator.ErrUnavailable) || reasonOf(err) == validator.ReasonUnknownKey, err)
	}
	assert.Less(t, int64(heap())-int64(before), int64(3<<20))
	runtime.KeepAlive(v)
}

// TestCallerLeaves: the caller's own end comes out as such; the flight goes on
// for the others.
func TestCallerLeaves(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	release := s.Hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	var wg, leaver sync.WaitGroup
	var stayed error
	wg.Go(func() { _, stayed = v.Validate(t.Context(), raw) })
	require.NoError(t, s.WaitKeyRequests(t.Context(), 1))
	leaver.Go(func() {
		_, err := v.Validate(ctx, raw)
		refused(t, err, validator.ErrUnavailable, validator.ReasonCallerLeft)
		assert.ErrorIs(t, err, context.Canceled)
	})
	cancel()
	leaver.Wait() // before the keys come
	release()
	wg.Wait()
	assert.NoError(t, stayed)
	assert.Equal(t, 1, s.KeyRequests())
	token, err := v.Validate(ctx, raw) // a hit needs no time
	assert.NoError(t, err)
	assert.NotNil(t, token)
}

// TestExpiresWhileKeysAreFetched: the time of the decision counts, not that of
// the question.
func TestExpiresWhileKeysAreFetched(t *testing.T) {
	clock := newClock()
	s := start(t, validatortest.Options{Clock: clock.Now})
	c := configure(trust(s))
	c.Clock = clock.Now
	v := build(t, c)
	raw := s.AccessToken(validatortest.Expiry(clock.Now().Add(time.Minute)))
	release := s.Hold()
	defer release()
	var wg sync.WaitGroup
	wg.Go(func() {
		e := reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonExpired)
		assert.True(t, e.Verified)
	})
	require.NoError(t, s.WaitKeyRequests(t.Context(), 1))
	clock.Advance(time.Hour)
	release()
	wg.Wait()
}

// TestRefused: a transport's own refusals are events like any other.
func TestRefused(t *testing.T) {
	seen := &recorder{}
	c := goodConfig()
	c.Observer = seen.observer()
	e := validator.NewError(validator.ReasonNoToken, "detail")
	build(t, c).Refused(t.Context(), e)
	require.Len(t, seen.decisions, 1)
	assert.Equal(t, validator.Decision{Err: e}, seen.last())
	assert.Equal(t, "detail", e.Detail)
	v := build(t, c)
	assert.Equal(t, context.Canceled, v.Refused(t.Context(), context.Canceled))
	assert.Equal(t, validator.ErrUnavailable, seen.last().Err.Class)
	_ = v.Refused(t.Context(), (*validator.Error)(nil))
	assert.Len(t, seen.decisions, 3)
	assert.Equal(t, validator.ErrUnavailable, seen.last().Err.Class)
	refused(t, validator.NewError("made_up", ""), validator.ErrUnavailable, "made_up")
}

// TestChallenges: what a client is told depends on the class alone, and with DPoP on
// whether it is the proof that is bad, or the binding of the token that is not
// confirmed (RFC 9449 7.1).
func TestChallenges(t *testing.T) {
	for reason, code := range map[validator.Reason]string{
		validator.ReasonNoToken: "", validator.ReasonKeysUnavailable: "", "made_up": "",
		validator.ReasonTokenAlphabet: "invalid_request", validator.ReasonBadSignature: "invalid_token",
		validator.ReasonProofMissing: "invalid_token", validator.ReasonExpired: "invalid_token",
		validator.ReasonInsufficientScope: "insufficient_scope",
		validator.ReasonProofMismatch:     "invalid_token", validator.ReasonProofScheme: "invalid_token", validator.ReasonProofInvalid: "invalid_token",
		validator.ReasonProofSeveral: "invalid_dpop_proof", validator.ReasonProofTooLarge: "invalid_dpop_proof",
		validator.ReasonProofMalformed: "invalid_dpop_proof", validator.ReasonProofType: "invalid_dpop_proof",
		validator.ReasonProofAlgorithm: "invalid_dpop_proof", validator.ReasonProofKey: "invalid_dpop_proof",
		validator.ReasonProofMethod: "invalid_dpop_proof", validator.ReasonProofURI: "invalid_dpop_proof",
		validator.ReasonProofTime: "invalid_dpop_proof", validator.ReasonProofToken: "invalid_dpop_proof",
		validator.ReasonProofID: "invalid_dpop_proof", validator.ReasonProofSignature: "invalid_dpop_proof",
		validator.ReasonProofReplayed: "invalid_dpop_proof", validator.ReasonProofNonce: "use_dpop_nonce",
		validator.ReasonProofUnavailable: "", validator.ReasonProofStoreFull: "", validator.ReasonProofKeyFull: "",
	} {
		ch := validator.NewError(reason, "").Challenge
		assert.Equal(t, code, ch.Code, reason)
		assert.Equal(t, code == "", ch.Description == "", reason)
		if strings.Contains(code, "dpop") {
			assert.ErrorIs(t, validator.NewError(reason, ""), validator.ErrInvalidProof)
		}
		assert.Equal(t, reason == validator.ReasonExpired, strings.HasSuffix(ch.Description, "expired"), reason)
	}
}

// TestServerDeadlineIsNotTheCallers: our own time limit is an outage.
func TestServerDeadlineIsNotTheCallers(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.HTTPClient = &http.Client{Timeout: time.Nanosecond}
	err := error(reject(t, build(t, c), s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable))
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, context.Canceled)
}

// TestTLS: a real TLS listener, trusted only through the configured client.
func TestTLS(t *testing.T) {
	s := start(t, validatortest.Options{TLS: true})
	c := configure(trust(s))
	c.InsecureAllowHTTP = false
	reject(t, build(t, c), s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	c.HTTPClient = s.Client()
	accept(t, build(t, c), s.AccessToken())
}

// TestConfiguredKeys: with JWKSURL no metadata is read.
func TestConfiguredKeys(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.Issuers[0].JWKSURL = s.JWKSURL()
	accept(t, build(t, c), s.AccessToken())
	assert.Zero(t, s.MetadataRequests())
}

// TestDiscoveredOrgServerKeys: metadata that sends us to the org server's keys,
// or to plain http elsewhere, is not followed.
func TestDiscoveredOrgServerKeys(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleOkta, Path: "/oauth2/default"})
	is := trust(s)
	is.Profile, is.Algorithms = validator.Okta(), strs{"ES256"}
	raw := s.AccessToken()
	accept(t, build(t, configure(is)), raw)
	for _, uri := range []string{strings.Replace(s.JWKSURL(), "/default", "", 1), "http://keys.example.com/oauth2/default/v1/keys", "https://x.okta.com/oauth2/v1/keys"} {
		s.SetMetadata(func(document map[string]any) { document["jwks_uri"] = uri })
		reject(t, build(t, configure(is)), raw, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	}
	assert.Equal(t, 1, s.KeyRequests())
}

// TestReload: WithConfig keeps the keys of unchanged issuers, applies the new
// rules to tokens seen before, and leaves the old validator as it was.
func TestReload(t *testing.T) {
	one, two := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	before := build(t, configure(trust(one)))
	raw := one.AccessToken()
	accept(t, before, raw)
	one.SetMode(validatortest.ModeDown)

	c := configure(trust(one), trust(two))
	c.Issuers[0].Audiences = strs{audience, "api://more"}
	after, err := before.WithConfig(c)
	require.NoError(t, err)
	accept(t, after, raw) // the keys are still there although the server is down
	accept(t, after, two.AccessToken())
	reject(t, before, two.AccessToken(), validator.ErrInvalidToken, validator.ReasonUnknownIssuer)

	c.Issuers[0].ClientIDs = strs{"somebody-else"}
	stricter, err := after.WithConfig(c)
	require.NoError(t, err)
	reject(t, stricter, raw, validator.ErrInvalidToken, validator.ReasonClientMismatch)
	accept(t, after, raw)

	_, err = after.WithConfig(validator.Config{})
	assert.Equal(t, strs{"Issuers"}, fields(t, err))
	accept(t, after, raw)

	// Another place for the keys is another source, and nothing of the old one is kept.
	c = configure(trust(one))
	c.Issuers[0].JWKSURL = two.JWKSURL()
	moved, err := after.WithConfig(c)
	require.NoError(t, err)
	reject(t, moved, raw, validator.ErrInvalidToken, validator.ReasonBadSignature)
}

// TestObserver: one event for each decision and fetch, with a subject only where
// the signature verified; logs hold neither tokens nor unverified subjects.
func TestObserver(t *testing.T) {
	var mu sync.Mutex
	var fetches []validator.KeyFetch
	var log strings.Builder
	seen := &recorder{}
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.Issuers[0].Name = "orders"
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	c.Observer = seen.observer()
	c.Observer.KeyFetch = func(f validator.KeyFetch) {
		mu.Lock()
		defer mu.Unlock()
		fetches = append(fetches, f)
	}
	v := build(t, c)
	good := s.AccessToken(validatortest.Subject("the-good-one"))
	forged := s.AccessToken(validatortest.Subject("the-forged-one")) + "AAAA"
	accept(t, v, good)
	reject(t, v, forged, validator.ErrInvalidToken, validator.ReasonBadSignature)
	_, err := v.ValidateWith(t.Context(), good, validator.Requirements{Policy: &validator.Policy{Scopes: strs{"admin"}}})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	reject(t, v, "", validator.ErrNoToken, validator.ReasonNoToken)
	s.SetMode(validatortest.ModeError)
	s.Rotate("ES256")
	reject(t, v, s.AccessToken(), validator.ErrUnavailable, validator.ReasonKeysUnavailable)

	require.Len(t, seen.decisions, 5)
	accepted, bad, insufficient, none, outage := seen.decisions[0], seen.decisions[1], seen.decisions[2], seen.decisions[3], seen.decisions[4]
	assert.Equal(t, "orders", accepted.Issuer)
	assert.Nil(t, accepted.Err)
	assert.False(t, accepted.Cached)
	assert.Equal(t, "the-good-one", accepted.Token.Subject())
	assert.Equal(t, validator.ReasonBadSignature, bad.Err.Reason)
	assert.False(t, bad.Err.Verified)
	assert.Nil(t, bad.Token)
	assert.Equal(t, validator.ReasonInsufficientScope, insufficient.Err.Reason)
	assert.True(t, insufficient.Cached)
	assert.NotNil(t, insufficient.Token)
	assert.Empty(t, none.Issuer)
	assert.Equal(t, validator.ErrUnavailable, outage.Err.Class)

	mu.Lock()
	defer mu.Unlock()
	require.Len(t, fetches, 2)
	assert.Equal(t, validator.KeyFetch{Issuer: "orders", Keys: 1, Changed: true, Took: fetches[0].Took, Flight: fetches[0].Flight}, fetches[0])
	assert.Positive(t, fetches[0].Flight)
	assert.Greater(t, fetches[1].Flight, fetches[0].Flight)
	assert.Error(t, fetches[1].Err)
	assert.Equal(t, 1, fetches[1].Keys)

	printed := log.String()
	assert.NotContains(t, printed, "the-forged-one")
	for _, raw := range []string{good, forged} {
		assert.NotContains(t, printed, raw[strings.LastIndexByte(raw, '.'):])
	}
	for _, want := range []string{"key set read", "key set unavailable", "reason=bad_signature", "level=WARN", "level=INFO", "verified=true", "verified=false"} {
		assert.Contains(t, printed, want)
	}
}

// TestReloadMovesEvents: key sources that a reload keeps report to the new observer.
func TestReloadMovesEvents(t *testing.T) {
	s := start(t, validatortest.Options{})
	var old, new int
	c := configure(trust(s))
	c.Observer.KeyFetch = func(validator.KeyFetch) { old++ }
	before := build(t, c)
	c.Observer.KeyFetch = func(validator.KeyFetch) { new++ }
	after, err := before.WithConfig(c)
	require.NoError(t, err)
	require.NoError(t, after.Ready(t.Context()))
	assert.Zero(t, old)
	assert.Equal(t, 1, new)
}

// TestReloadLeavesDecisions: decisions are told to the observer of the validator
// that made them.
func TestReloadLeavesDecisions(t *testing.T) {
	s := start(t, validatortest.Options{})
	old, next := &recorder{}, &recorder{}
	c := configure(trust(s))
	c.Observer = old.observer()
	before := build(t, c)
	c.Observer = next.observer()
	after, err := before.WithConfig(c)
	require.NoError(t, err)
	accept(t, before, s.AccessToken())
	accept(t, after, s.AccessToken())
	assert.Len(t, old.decisions, 1)
	assert.Len(t, next.decisions, 1)
}

// TestObserverPanic: an observer that panics on a key fetch costs nobody else
// anything.
func TestObserverPanic(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.Observer.KeyFetch = func(validator.KeyFetch) { panic("in the observer") }
	accept(t, build(t, c), s.AccessToken())
}
