package dpop_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

type vector struct {
	ID, Method, URL, DPoP, Expect, Why string
	Header                             struct{ JWK json.RawMessage }
	CNF                                struct{ JKT string }
	Now                                int64
	RequireATH                         bool  `json:"require_ath"`
	Signature                          []any `json:"strict_signature"`
}

// key is the key in a vector's header; nil: there is none.
func (c *vector) key() *jose.PublicKey {
	key, err := jose.ParseJWK(string(c.Header.JWK))
	if err != nil {
		return nil
	}
	return key
}

// thatIsAll are proofs for a token endpoint, which are good but for the ath that a
// resource server demands (RFC 9449 7): it is the first thing that is wrong with them.
const thatIsAll = validator.ReasonProofToken

// verdicts are the reasons of the others.
var verdicts = map[string]validator.Reason{
	"go-dpop-missingTyp":            validator.ReasonProofType,
	"go-dpop-missingClaims":         validator.ReasonProofMethod,
	"go-dpop-malformedJWKHeader":    validator.ReasonProofMalformed,
	"go-dpop-missingJWKHeader":      validator.ReasonProofKey,
	"go-dpop-octKey":                validator.ReasonProofAlgorithm,
	"go-dpop-future-strict":         validator.ReasonProofTime,
	"go-dpop-htm-mismatch":          validator.ReasonProofMethod,
	"go-dpop-htm-lowercase-request": validator.ReasonProofMethod,
	"go-dpop-htu-mismatch":          validator.ReasonProofURI,
	"go-dpop-htu-scheme":            validator.ReasonProofURI,
	"go-dpop-htu-trailing-slash":    validator.ReasonProofURI,
	"go-dpop-htu-path-case":         validator.ReasonProofURI,
	"go-dpop-htu-nondefault-port":   validator.ReasonProofURI,
	"go-dpop-htu-userinfo":          validator.ReasonProofURI, // open: we refuse it
	"go-dpop-age-301":               validator.ReasonProofTime,
	"go-dpop-age--301":              validator.ReasonProofTime,
	"go-dpop-age-86400":             validator.ReasonProofTime,
	"go-dpop-wrong-jkt":             validator.ReasonProofMismatch,
	"go-dpop-malformed":             validator.ReasonProofMalformed,
	"go-dpop-non-proof-jwt":         validator.ReasonProofType,
	"two-proofs-comma":              validator.ReasonProofSeveral,
	"two-proofs-comma-space":        validator.ReasonProofSeveral,
	"proof-leading-space":           validator.ReasonProofMalformed, // open: net/http strips it
	"empty-proof":                   validator.ReasonProofMalformed,
}

// TestVectors: proofs that another library tests with.
func TestVectors(t *testing.T) {
	var file struct{ Cases []vector }
	readJSON(t, "testdata/dpop_proofs.json", &file)
	require.Len(t, file.Cases, 43)
	used := 0
	for _, c := range file.Cases {
		a := newAPI(t, "ES256")
		want, ok := verdicts[c.ID]
		if used++; !ok {
			want, used = thatIsAll, used-1
		}
		t.Run(c.ID, func(t *testing.T) {
			a.clock.now = time.Unix(c.Now, 0)
			bound := a.key.Thumbprint()
			if key := c.key(); key != nil {
				thumbprint := key.Thumbprint()
				bound = base64.RawURLEncoding.EncodeToString(thumbprint[:])
			}
			if c.CNF.JKT != "" {
				require.Equal(t, c.Expect == "valid", c.CNF.JKT == bound)
			}
			if want == validator.ReasonProofMismatch {
				bound = strings.Repeat("A", 43)
			}
			token := a.server.AccessToken(validatortest.Claim("cnf", map[string]any{"jkt": bound}))
			v := a.verifier(t, func(c *dpop.Config) { c.Window = 5 * time.Minute },
				origins("https://server.example.com", "https://server2.example.com", "https://server.example.com:8443"))
			proof := v.Proof(dpop.Request{Method: c.Method, URL: c.URL, Proofs: []string{c.DPoP}, Scheme: validator.SchemeDPoP})
			refused(t, a.decide(t, proof, token), validator.ErrInvalidProof, want)
			if c.Expect == "valid" {
				assert.Equal(t, thatIsAll, want, c.Why)
			} else if c.Expect == "invalid" && !c.RequireATH && c.ID != "go-dpop-invalidSignature" {
				assert.NotEqual(t, thatIsAll, want, c.Why)
			}
			c.signature(t)
		})
	}
	assert.Len(t, verdicts, used)
}

// signature holds the key in the header to the vector's verdict on the signature, which
// a proof without ath does not get as far as.
func (c *vector) signature(t *testing.T) {
	compact, ok := jose.Cut(c.DPoP)
	key := c.key()
	if !ok || key == nil || len(c.Signature) == 0 {
		return
	}
	header, err := jose.ParseHeader(compact.Header)
	require.NoError(t, err)
	algorithm, _ := jose.ParseAlgorithm(header.Alg)
	signature, err := jose.AppendSegment(nil, compact.Signature)
	require.NoError(t, err)
	assert.Equal(t, c.Signature[0] == "valid", key.Verify(algorithm, compact.Signed, signature) == nil)
}

type example struct {
	ID, Method, URL, Authorization, DPoP, JKT, ATH string
	JWK                                            json.RawMessage
	AccessToken                                    string `json:"access_token"`
	Now                                            int64
	Response                                       map[string]any
}

func examples(t *testing.T) map[string]example {
	t.Helper()
	var file struct{ Examples []example }
	readJSON(t, "testdata/rfc9449_examples.json", &file)
	byID := map[string]example{}
	for _, e := range file.Examples {
		byID[e.ID] = e
	}
	require.Len(t, byID, 15)
	return byID
}

// TestRFC9449: the request of figure 12 with the opaque token of figure 10, about which
// its issuer answers as in figure 11; and the proofs that are for a token endpoint.
func TestRFC9449(t *testing.T) {
	all := examples(t)
	key, err := jose.ParseJWK(string(all["rfc9449-thumbprint"].JWK))
	require.NoError(t, err)
	thumbprint := key.Thumbprint()
	assert.Equal(t, all["rfc9449-thumbprint"].JKT, base64.RawURLEncoding.EncodeToString(thumbprint[:]))

	request := all["rfc9449-proof-resource"]
	c := &clock{now: time.Unix(request.Now, 0)}
	s, err := validatortest.Start(validatortest.Options{Algorithm: "ES256", Clock: c.Now})
	require.NoError(t, err)
	defer s.Close()
	s.SetAnswer(func(token string, answer map[string]any) {
		assert.Equal(t, request.AccessToken, token)
		for name, value := range all["rfc9449-introspection"].Response {
			answer[name] = value
		}
		answer["iss"] = s.Issuer() // theirs is not on this machine
	})
	s.AddClient("api", "secret")
	validate, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: s.Issuer(), Audiences: []string{"api"}, AnyClient: true, OpaqueOnly: true,
			AllowMissingAudience: true, AllowMissingTokenType: true,
			Introspection: &introspect.Config{Auth: introspect.ClientSecretBasic("api", introspect.StaticSecret("secret"))},
		}},
		InsecureAllowHTTP: true, Clock: c.Now,
	})
	require.NoError(t, err)
	v, err := dpop.New(dpop.Config{Origins: []string{"https://resource.example.org"}, Clock: c.Now})
	require.NoError(t, err)
	ask := func(dpopHeader string) error {
		r := httptest.NewRequest(request.Method, strings.TrimPrefix(request.URL, "https://resource.example.org"), nil)
		r.Header.Set("DPoP", dpopHeader)
		scheme, token, err := validator.ParseAuthorization([]string{request.Authorization})
		require.NoError(t, err)
		_, err = validate.ValidateWith(t.Context(), token, validator.Requirements{Proofs: []validator.Proof{v.Request(r, scheme)}})
		return err
	}
	assert.NoError(t, ask(request.DPoP))
	invalid(t, ask(request.DPoP), validator.ReasonProofReplayed)
	for _, id := range []string{"rfc9449-proof-token-endpoint", "rfc9449-proof-refresh"} {
		invalid(t, ask(all[id].DPoP), validator.ReasonProofMethod) // POST, at a token endpoint
	}
	c.Advance(dpop.DefaultWindow + time.Second)
	invalid(t, ask(request.DPoP), validator.ReasonProofTime)
}

// TestForwardedVectors: cases of RFC 7239. Where there are several elements, we take the
// last, which the peer has written itself, and not the first as the vector has it.
func TestForwardedVectors(t *testing.T) {
	var file struct {
		Forwarded []struct{ ID, Forwarded, Scheme, Host string }
	}
	readJSON(t, "../../internal/httpuri/testdata/htu_normalization.json", &file)
	require.Len(t, file.Forwarded, 7)
	a := newAPI(t, "ES256")
	v := a.verifier(t, origins(origin, "https://other.example"), proxies("10.0.0.0/8"))
	for _, c := range file.Forwarded {
		t.Run(c.ID, func(t *testing.T) {
			r := httptest.NewRequest("GET", path, nil)
			r.Host, r.RemoteAddr = "other.example", "10.0.0.1:1"
			r.Header.Set("Forwarded", c.Forwarded)
			own := "https://other.example"
			if c.Host != "" {
				own = "https://" + c.Host
			}
			if c.ID == "auth0-go-fwd-6" {
				own = "http://proxy.internal" // and that is none of ours
			}
			for _, proven := range []string{origin, "https://other.example"} {
				a.asks(t, v, r, proven+path, proven == own)
			}
		})
	}
}
