package validator_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// The client as which the tests ask.
const apiID, apiSecret = "orders-api", "orders secret"

// ask is the configuration that asks s about tokens.
func ask(s *validatortest.Server, edits ...func(*validator.Issuer)) validator.Issuer {
	s.AddClient(apiID, apiSecret)
	is := trust(s)
	is.Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret))}
	for _, edit := range edits {
		edit(&is)
	}
	return is
}

// always asks about JWTs too.
func always(is *validator.Issuer) { is.IntrospectAlways = true }

// oracle is an introspection endpoint that answers what the test says, byte for
// byte, for a server of validatortest.
type oracle struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []string // tokens
}

func newOracle(t testing.TB) *oracle {
	o := &oracle{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue("token")
		o.mu.Lock()
		o.asked = append(o.asked, token)
		answer := o.answer
		o.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

// says makes it answer with this body from now on.
func (o *oracle) says(body string) {
	o.does(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})
}

func (o *oracle) does(answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// times is how often it was asked.
func (o *oracle) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

// at makes an issuer ask there.
func (o *oracle) at(is *validator.Issuer) { is.Introspection.Endpoint = o.URL }

// thumbprint is some SHA-256 hash.
const thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

func base64URL(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// answer is an active answer that is accepted, with these members; nil leaves one out.
func answer(members map[string]any) string {
	all := map[string]any{
		"active": true, "client_id": client, "aud": audience, "token_type": "Bearer", "sub": "jane", "scope": "read",
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, members)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// decodePayload reads the claims of a JWT that the test made.
func decodePayload(t *testing.T, raw string, into any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(payload, into))
}
