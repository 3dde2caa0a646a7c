package dpop_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	origin  = "https://api.example.com"
	path    = "/orders/list"
	address = origin + path
)

// clock is a clock that is set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// api is an API, a client's key and the token that is bound to it, all by one clock.
type api struct {
	server    *validatortest.Server
	validator *validator.Validator
	key       *dpoptest.Key
	token     string
	clock     *clock
}

func newAPI(t testing.TB, algorithm string) *api {
	t.Helper()
	c := newClock()
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256", Clock: c.Now, Lifetime: 1000 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: s.Issuer(), Audiences: []string{"api://default"}, ClientIDs: []string{validatortest.DefaultClientID}}},
		InsecureAllowHTTP: true, Clock: c.Now,
	})
	require.NoError(t, err)
	key := dpoptest.NewKey(algorithm)
	key.Clock = c.Now
	return &api{s, v, key, s.AccessToken(key.Bind()), c}
}

// verifier is one of the API's origin, clock and further settings.
func (a *api) verifier(t testing.TB, edits ...func(*dpop.Config)) *dpop.Verifier {
	t.Helper()
	config := dpop.Config{Origins: []string{origin}, Clock: a.clock.Now}
	for _, edit := range edits {
		edit(&config)
	}
	v, err := dpop.New(config)
	require.NoError(t, err)
	return v
}

// proof is a good proof after edits.
func (a *api) proof(edits ...validatortest.Edit) string {
	return a.key.Proof("GET", address, a.token, edits...)
}

// present sends a request with the API's token and these DPoP headers to a verifier.
func (a *api) present(t testing.TB, v *dpop.Verifier, proofs ...string) error {
	t.Helper()
	return a.decide(t, v.Proof(dpop.Request{Method: "GET", URL: address, Proofs: proofs, Scheme: validator.SchemeDPoP}), a.token)
}

func (a *api) decide(t testing.TB, proof validator.Proof, token string) error {
	t.Helper()
	accepted, err := a.validator.ValidateWith(t.Context(), token, validator.Requirements{Proofs: []validator.Proof{proof}})
	assert.Equal(t, err == nil, accepted != nil)
	return err
}

// refused asserts that err is a refusal of that class and reason, and that it holds
// nothing secret.
func refused(t testing.TB, err, class error, reason validator.Reason, secrets ...string) *validator.Error {
	t.Helper()
	var e *validator.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, reason, e.Reason, "%v", err)
	assert.True(t, errors.Is(err, class), "class of %v", err)
	assert.True(t, e.Verified, "the token was good")
	for _, secret := range secrets {
		if len(secret) > 20 {
			assert.False(t, strings.Contains(err.Error(), secret), "%v", err)
		}
	}
	return e
}

// invalid is refused with class ErrInvalidProof.
func invalid(t testing.TB, err error, reason validator.Reason) *validator.Error {
	t.Helper()
	return refused(t, err, validator.ErrInvalidProof, reason)
}

// TestCorpus: every hostile proof is refused for its own reason, and every good one is
// accepted, once: told of by a transport, and in a request of net/http.
func TestCorpus(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "Ed25519"} {
		a := newAPI(t, algorithm)
		cases := dpoptest.Corpus(a.key, "GET", address, a.token)
		names := map[string]bool{}
		reasons := map[string]int{}
		v, overHTTP := a.verifier(t), a.verifier(t)
		for _, c := range cases {
			require.False(t, names[c.Name], "%s twice", c.Name)
			names[c.Name] = true
			reasons[c.Reason]++
			t.Run(algorithm+"/"+c.Name, func(t *testing.T) {
				r := httptest.NewRequest("GET", path+"?page=2", nil)
				r.Header["Dpop"] = c.Proofs
				for _, present := range []func() error{
					func() error { return a.present(t, v, c.Proofs...) },
					func() error { return a.decide(t, overHTTP.Request(r, validator.SchemeDPoP), a.token) },
				} {
					if c.Reason != "" {
						e := refused(t, present(), validator.ErrInvalidProof, validator.Reason(c.Reason), append(c.Proofs, a.token)...)
						assert.Empty(t, e.Challenge.Nonce)
						continue
					}
					assert.NoError(t, present())
					invalid(t, present(), validator.ReasonProofReplayed)
				}
			})
		}
		t.Logf("%s: %d proofs: %v", algorithm, len(cases), reasons)
		assert.Greater(t, len(cases)-reasons[""], 60)
	}
}

// TestAlgorithms: each of them, and only the allowed ones.
func TestAlgorithms(t *testing.T) {
	all := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	a := newAPI(t, "ES256")
	assert.Equal(t, all, a.verifier(t).Algorithms())
	only := a.verifier(t, func(c *dpop.Config) { c.Algorithms = []string{"ES256", "PS256"} })
	assert.Equal(t, []string{"PS256", "ES256"}, only.Algorithms())
	for _, algorithm := range []string{"RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		a.key = dpoptest.NewKey(algorithm)
		a.key.Clock = a.clock.Now
		a.token = a.server.AccessToken(a.key.Bind())
		assert.NoError(t, a.present(t, a.verifier(t), a.proof()), algorithm)
		if err := a.present(t, only, a.proof()); algorithm == "ES256" || algorithm == "PS256" {
			assert.NoError(t, err)
		} else {
			invalid(t, err, validator.ReasonProofAlgorithm)
		}
	}
}

// TestSchemes: a bound token is for the scheme DPoP, and the scheme for bound tokens
// (RFC 9449 7.1 and 7.2), whatever else is proven.
func TestSchemes(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	plain := a.server.AccessToken()
	certified := a.server.AccessToken(validatortest.Claim("cnf", map[string]any{"x5t#S256": strings.Repeat("A", 43)}))
	for name, tc := range map[string]struct {
		token  string
		scheme validator.Scheme
		reason validator.Reason
	}{
		"bound as DPoP":             {a.token, validator.SchemeDPoP, ""},
		"bound as Bearer":           {a.token, validator.SchemeBearer, validator.ReasonProofScheme},
		"bound, nobody knows":       {a.token, "", validator.ReasonProofScheme},
		"plain as Bearer":           {plain, validator.SchemeBearer, ""},
		"plain as DPoP":             {plain, validator.SchemeDPoP, validator.ReasonProofScheme},
		"bound elsewhere as DPoP":   {certified, validator.SchemeDPoP, validator.ReasonProofScheme},
		"bound elsewhere as Bearer": {certified, validator.SchemeBearer, validator.ReasonProofMissing}, // no certificate
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // a miss and a hit
				request := dpop.Request{Method: "GET", URL: address, Proofs: []string{a.key.Proof("GET", address, tc.token)}, Scheme: tc.scheme}
				of := httptest.NewRequest("GET", path, nil)
				of.Header.Set("DPoP", a.key.Proof("GET", address, tc.token))
				for _, proof := range []validator.Proof{v.Proof(request), v.Request(of, tc.scheme)} {
					if err := a.decide(t, proof, tc.token); tc.reason == "" {
						assert.NoError(t, err)
					} else {
						assert.Equal(t, "invalid_token", invalid(t, err, tc.reason).Challenge.Code)
					}
				}
			}
		})
	}
}

// TestBadTokenUsesNothingUp: a proof is looked at after the token, so that one which
// came with a bad token is still good.
func TestBadTokenUsesNothingUp(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	proof := a.proof()
	request := dpop.Request{Method: "GET", URL: address, Proofs: []string{proof}, Scheme: validator.SchemeDPoP}
	require.ErrorIs(t, a.decide(t, v.Proof(request), a.token[:len(a.token)-8]), validator.ErrInvalidToken)
	invalid(t, a.decide(t, v.Proof(request), a.server.AccessToken(dpoptest.NewKey("ES256").Bind())), validator.ReasonProofMismatch)
	assert.NoError(t, a.decide(t, v.Proof(request), a.token))
}

// TestWithoutConsuming: a gate lets a proof through that is good, as often as it is
// asked, and leaves it for whoever decides.
func TestWithoutConsuming(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	gate, proof := v.WithoutConsuming(), a.proof()
	for range 3 {
		assert.NoError(t, a.present(t, gate, proof))
	}
	assert.NoError(t, a.present(t, v, proof))
	assert.NoError(t, a.present(t, gate, proof))
	invalid(t, a.present(t, v, proof), validator.ReasonProofReplayed)
	invalid(t, a.present(t, gate, a.proof(validatortest.Claim("htm", "PUT"))), validator.ReasonProofMethod)
}

// TestWindow: the configured one, to the second, around our clock.
func TestWindow(t *testing.T) {
	a := newAPI(t, "ES256")
	for _, window := range []time.Duration{time.Second, dpop.DefaultWindow, dpop.MaxWindow} {
		v := a.verifier(t, func(c *dpop.Config) { c.Window = window })
		at := func(offset time.Duration) string {
			return a.proof(validatortest.Claim("iat", a.clock.Now().Add(offset).Unix()))
		}
		assert.NoError(t, a.present(t, v, at(-window)))
		assert.NoError(t, a.present(t, v, at(window)))
		invalid(t, a.present(t, v, at(-window-time.Second)), validator.ReasonProofTime)
		invalid(t, a.present(t, v, at(window+time.Second)), validator.ReasonProofTime)
	}
	// A proof ends at its own exp, and begins at its nbf.
	now := a.clock.Now().Unix()
	v := a.verifier(t)
	invalid(t, a.present(t, v, a.proof(validatortest.Claim("exp", now))), validator.ReasonProofTime)
	assert.NoError(t, a.present(t, v, a.proof(validatortest.Claim("exp", now+1))))
	assert.NoError(t, a.present(t, v, a.proof(validatortest.Claim("nbf", now))))
	invalid(t, a.present(t, v, a.proof(validatortest.Claim("nbf", float64(now)+0.5))), validator.ReasonProofTime)
}

// TestLongestProof: what is longer is not looked at.
func TestLongestProof(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t)
	invalid(t, a.present(t, v, strings.Repeat("a", dpop.MaxProofSize)), validator.ReasonProofMalformed)
	invalid(t, a.present(t, v, strings.Repeat("a", dpop.MaxProofSize+1)), validator.ReasonProofTooLarge)
}
