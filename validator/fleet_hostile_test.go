package validator_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// counted answers each question at once.
func counted(calls *atomic.Int64, body string) wire {
	return func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		return reply(r, http.StatusOK, body), nil
	}
}

// TestSharedAnswerSwapped: a value that was sealed for another token, issuer, endpoint,
// caller or API neither is where it could be found, nor opens when it is put there.
func TestSharedAnswerSwapped(t *testing.T) {
	in := func(edit func(*validator.Issuer)) func(*validator.Config) {
		return func(c *validator.Config) { edit(&c.Issuers[0]) }
	}
	auth := func(a introspect.Auth) func(*validator.Config) {
		return in(func(is *validator.Issuer) { is.Introspection.Auth = a })
	}
	secret := introspect.StaticSecret(apiSecret)
	for name, tc := range map[string]struct {
		token string
		edit  func(*validator.Config)
	}{
		"token":    {"another-token", func(*validator.Config) {}},
		"issuer":   {"opaque-token", in(func(is *validator.Issuer) { is.URL = "https://as.example/2" })},
		"endpoint": {"opaque-token", in(func(is *validator.Issuer) { is.Introspection.Endpoint += "2" })},
		"caller":   {"opaque-token", auth(introspect.ClientSecretBasic("another", secret))},
		"method":   {"opaque-token", auth(introspect.ClientSecretPost(apiID, secret))},
		"bearer":   {"opaque-token", auth(introspect.BearerToken(secret))},
		"API":      {"opaque-token", in(func(is *validator.Issuer) { is.Audiences = append(is.Audiences, "api://second") })},
		"secret":   {"opaque-token", func(c *validator.Config) { c.Fleet.Sealer = sealer(t, 2) }},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			var events outcomes
			endpoint := counted(&calls, answer(nil))
			store := newStore(newClock())
			store.forever = true
			shares := func(c *validator.Config) { c.Fleet, c.Observer.Fleet = patient(t, store), events.add }
			accept(t, wired(t, endpoint, shares), "opaque-token")
			_, genuine := store.only(t)
			accept(t, wired(t, endpoint, shares, tc.edit), tc.token)
			assert.EqualValues(t, 2, calls.Load(), "it is not found")
			require.Len(t, store.snapshot(), 2)
			store.does(func(s *memoryStore) {
				for other := range s.kept {
					s.kept[other] = genuine
				}
			})
			events.all()
			accept(t, wired(t, endpoint, shares, tc.edit), tc.token)
			assert.EqualValues(t, 3, calls.Load(), "it does not open")
			assert.Equal(t, []validator.FleetOutcome{validator.FleetUnreadable, validator.FleetAsked, validator.FleetKept}, events.all())
			accept(t, wired(t, endpoint, shares), "opaque-token")
			assert.EqualValues(t, 3, calls.Load(), "while it does where it belongs")
		})
	}
}

// TestSharedAnswerTampered: whatever is done to it, the issuer is asked, and its answer
// takes that place.
func TestSharedAnswerTampered(t *testing.T) {
	for name, tamper := range map[string]func([]byte) []byte{
		"short":     func(b []byte) []byte { return b[:1] },
		"junk":      func([]byte) []byte { return []byte(`{"active":true}`) },
		"truncated": func(b []byte) []byte { return b[:len(b)-1] },
		"longer":    func(b []byte) []byte { return append(b, 0) },
		"version":   func(b []byte) []byte { b[0]++; return b },
		"changed":   func(b []byte) []byte { b[len(b)/2]++; return b },
		"huge":      func(b []byte) []byte { return append(b, make([]byte, 1<<20)...) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 3)
			raw, before := r.OpaqueToken(), 0
			accept(t, r.all[0].Validator, raw)
			r.asked(t, 1, &before)
			id, kept := r.store.only(t)
			kept.value = tamper(bytes.Clone(kept.value))
			r.store.does(func(s *memoryStore) { s.kept[id] = kept })
			r.advance(time.Second)
			accept(t, r.all[1].Validator, raw)
			r.asked(t, 1, &before)
			assert.Equal(t, []validator.FleetOutcome{validator.FleetUnreadable, validator.FleetAsked, validator.FleetKept}, r.all[1].events.all())
			accept(t, r.all[2].Validator, raw)
			r.asked(t, 0, &before)
		})
	}
}

// TestSharedAnswerOfNobody: what opens with the fleet's secret, but is none of ours, is
// no answer.
func TestSharedAnswerOfNobody(t *testing.T) {
	for name, plain := range map[string]string{
		"empty": "", "short": "a1234567", "unknown kind": "x" + strings.Repeat("\x00", 8) + "\x7f" + strings.Repeat("\xff", 7) + answer(nil),
		"an age beyond all": "a\x80\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff" + answer(nil),
		"of no time":        "a\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + answer(nil),
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			store := newStore(newClock())
			v := wired(t, counted(&calls, answer(nil)), func(c *validator.Config) { c.Fleet = patient(t, store) })
			about := []string{"introspection answer 1", "https://as.example", "3", "https://as.example/introspect", "client_secret_basic", apiID, audience}
			seal := sealer(t, 1)
			id := seal.Names([]byte("opaque-token"), about...)[0]
			store.kept[id] = keptAnswer{seal.Seal([]byte(plain), []byte("opaque-token"), about...), time.Time{}, store.clock().Add(time.Hour)}
			accept(t, v, "opaque-token")
			assert.EqualValues(t, 1, calls.Load())
			_, kept := store.only(t)
			opened, err := seal.Open(kept.value, []byte("opaque-token"), about...)
			require.NoError(t, err, "the name and what it is about are these")
			assert.Contains(t, string(opened), `"active":true`)
		})
	}
}

// TestFleetSecretsChange: while a secret is changed in steps, answers are found by the
// replicas of the step before and after.
func TestFleetSecretsChange(t *testing.T) {
	steps := [][]byte{{1}, {1, 2}, {2, 1}, {2}}
	for i := range steps[1:] {
		for _, order := range [][2]int{{i, i + 1}, {i + 1, i}} {
			r := newReplicas(t, 2, func(j int, c *validator.Config) {
				secrets := steps[order[j]]
				c.Fleet.Sealer = sealer(t, secrets[0], secrets[1:]...)
			})
			raw, before := r.OpaqueToken(), 0
			accept(t, r.all[0].Validator, raw)
			r.asked(t, 1, &before)
			assert.Equal(t, []validator.FleetOutcome{validator.FleetAsked, validator.FleetKept}, r.all[0].events.all())
			accept(t, r.all[1].Validator, raw)
			r.asked(t, 0, &before)
			assert.Equal(t, []validator.FleetOutcome{validator.FleetFound}, r.all[1].events.all())
		}
	}
}
