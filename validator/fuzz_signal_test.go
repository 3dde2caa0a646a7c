package validator_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// saidBySignal is a signal as encoding/json reads it.
type saidBySignal struct {
	Issuer   string                     `json:"iss"`
	ID       string                     `json:"jti"`
	IssuedAt float64                    `json:"iat"`
	Subject  string                     `json:"sub"`
	Session  string                     `json:"sid"`
	Events   map[string]json.RawMessage `json:"events"`
}

// fuzzSignal signs whatever payload comes. What is taken in says what it must, as every
// other reader understands it; what is not changes nothing.
func fuzzSignal(f *testing.F, kind validator.SignalKind, typ, good string, holds func(*testing.T, map[string]any, saidBySignal)) {
	s := newSignalled(f)
	receive := s.validator.ReceiveEvent
	if kind == validator.SignalLogout {
		receive = s.validator.ReceiveLogout
	}
	seed := []byte(strings.ReplaceAll(good, "ISSUER", s.Issuer()))
	f.Add(seed)
	header := []byte(`{"typ":"` + typ + `","alg":"ES256","kid":"` + s.KID() + `"}`)
	outcome, err := receive(f.Context(), s.Sign("", header, seed))
	require.NoError(f, err)
	require.Equal(f, validator.OutcomeRevoked, outcome)
	latest := float64(s.clock.Now().Add(validator.DefaultLeeway).Unix())
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 {
			return // no segment
		}
		before := s.revocations.Status()
		outcome, err := receive(t.Context(), s.Sign("", header, payload))
		s.heard = nil
		if err != nil {
			var e *validator.Error
			assert.ErrorAs(t, err, &e)
			assert.True(t, errors.Is(err, validator.ErrInvalidToken), "%v", err)
			assert.NotEqual(t, validator.ReasonBadSignature, e.Reason)
			assert.Equal(t, before, s.revocations.Status())
			return
		}
		assert.NotEmpty(t, outcome)
		var all map[string]any
		var said saidBySignal
		assert.NoError(t, json.Unmarshal(payload, &all))
		_ = json.Unmarshal(payload, &said) // sid of an event may be anything
		assert.Equal(t, s.Issuer(), said.Issuer)
		assert.NotEmpty(t, said.ID)
		assert.LessOrEqual(t, said.IssuedAt, latest)
		assert.NotEmpty(t, said.Events)
		holds(t, all, said)
	})
}

func FuzzEvent(f *testing.F) {
	payload := `{"iss":"ISSUER","jti":"j","iat":1793534400,"aud":"` + eventAudience + `","events":{"` + credentialChange +
		`":{"event_timestamp":1793534400,"subject":{"format":"complex","user":{"format":"iss_sub","iss":"ISSUER","sub":"s"},"session":{"format":"opaque","id":"x"}}}}}`
	fuzzSignal(f, validator.SignalEvent, "secevent+jwt", payload, func(t *testing.T, _ map[string]any, said saidBySignal) {
		for _, event := range said.Events {
			assert.Equal(t, byte('{'), event[0])
		}
	})
}

func FuzzLogout(f *testing.F) {
	payload := `{"iss":"ISSUER","jti":"j","iat":1793534400,"aud":["` + logoutClient + `"],"sub":"user","sid":"s","events":{"` + loggedOut + `":{}}}`
	fuzzSignal(f, validator.SignalLogout, "logout+jwt", payload, func(t *testing.T, all map[string]any, said saidBySignal) {
		assert.NotContains(t, all, "nonce")
		assert.Contains(t, said.Events, loggedOut)
		assert.NotEmpty(t, said.Subject+said.Session)
	})
}
