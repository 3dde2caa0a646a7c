package validator_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const oktaHost = "https://dev-1.okta.com"

// oktaSample is one of okta.json.
type oktaSample struct {
	ID, Kind, Token string
	Claims          json.RawMessage
	Response        object
	Pairs           [][2]string
	JWKS            struct{ Keys []json.RawMessage }
}

// oktaSamples are those of a kind, with a domain and a server of our own.
func oktaSamples(t *testing.T, kind string) (of []oktaSample) {
	t.Helper()
	var file struct{ Samples []oktaSample }
	readData(t, "okta.json", &file)
	of = slices.DeleteFunc(file.Samples, func(s oktaSample) bool { return s.Kind != kind })
	require.NotEmpty(t, of, kind)
	for i := range of {
		text := strings.ReplaceAll(string(of[i].Claims), "https://{yourOktaDomain}", oktaHost)
		of[i].Claims = json.RawMessage(strings.ReplaceAll(text, "{authorizationServerId}", "aus1abc"))
	}
	return of
}

// oktaProvider is a custom authorization server that issues these claims.
func oktaProvider(claims object) *provider {
	cid := claims["cid"].(string)
	scopes := strs{}
	for _, scope := range claims["scp"].([]any) {
		scopes = append(scopes, scope.(string))
	}
	return &provider{
		document: "okta", issuer: claims["iss"].(string), profile: validator.Okta(), style: validatortest.StyleOkta,
		audiences: strs{claims["aud"].(string)}, clients: strs{cid}, wantMatched: claims["aud"].(string),
		claims: claims, client: "cid", scope: "scp", wantClient: cid, wantScopes: scopes,
	}
}

// TestOktaSamples: every token that Okta's documentation shows, with its group
// claims, which are no scopes, and bound ones for who proves the key.
func TestOktaSamples(t *testing.T) {
	w := newWorld(t, hostOf(t, oktaHost))
	for _, sample := range oktaSamples(t, "access_token_claims") {
		t.Run(sample.ID, func(t *testing.T) {
			var claims object
			require.NoError(t, json.Unmarshal(sample.Claims, &claims))
			p := oktaProvider(claims)
			s := p.enter(t, w)
			v := s.validator(t)
			raw := s.mint(t, nil, claims, nil)
			if cnf, bound := claims["cnf"].(map[string]any); bound {
				reject(t, v, raw, validator.ErrInvalidProof, validator.ReasonProofMissing)
				proof := fixedProof{proven: validator.Confirmation{JKT: cnf["jkt"].(string)}}
				_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Proofs: []validator.Proof{proof}})
				require.NoError(t, err)
				return
			}
			token := accept(t, v, raw)
			assert.Equal(t, claims["iss"], token.Issuer())
			assert.Equal(t, claims["cid"], token.ClientID())
			assert.Equal(t, claims["sub"], token.Subject())
			assert.Equal(t, p.wantScopes, strs(token.Scopes()))
			assert.Equal(t, claims["aud"], token.MatchedAudience())
			s.testOthers(t)
			s.testConflicts(t, v)
		})
	}
}

// TestOktaPublishedOrgToken: what only Okta can validate is refused where it is configured,
// and as a token.
func TestOktaPublishedOrgToken(t *testing.T) {
	raw := oktaSamples(t, "raw_token")[0]
	var claims struct{ Iss, Aud, Cid string }
	require.NoError(t, json.Unmarshal(raw.Claims, &claims))
	issuer := validator.Issuer{URL: claims.Iss, Profile: validator.Okta(), Audiences: strs{claims.Aud}, ClientIDs: strs{claims.Cid}}
	check := func(is validator.Issuer) {
		_, err := validator.New(validator.Config{Issuers: []validator.Issuer{is}})
		require.Error(t, err, is.URL)
		assert.Contains(t, fields(t, err), "Issuers[0].URL")
	}
	check(issuer) // a domain of its own
	for _, profile := range []validator.Profile{{}, validator.Okta(), validator.RFC9068(), validator.Keycloak()} {
		issuer.Profile, issuer.URL = profile, claims.Aud // one of Okta's domains
		check(issuer)
	}
	issuer.Profile, issuer.URL = validator.Okta(), claims.Iss+"/oauth2/default"
	v := build(t, validator.Config{Issuers: []validator.Issuer{issuer}})
	reject(t, v, raw.Token, validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
}

// TestOktaMetadataAddresses: where Okta's own libraries look, for custom servers.
func TestOktaMetadataAddresses(t *testing.T) {
	pairs := oktaSamples(t, "metadata_urls")[0].Pairs
	w := newWorld(t, "d.okta.com")
	asked := func(issuer string) error {
		c := validator.Config{HTTPClient: w.client, Issuers: []validator.Issuer{{
			URL: issuer, Profile: validator.Okta(), Audiences: strs{"api://default"}, AnyClient: true,
		}}}
		v, err := validator.New(c)
		if err == nil {
			refused(t, v.Ready(t.Context()), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
		}
		return err
	}
	require.NoError(t, asked(pairs[0][0]))
	assert.Equal(t, pairs[0][1], w.requests()[0])
	keys := strings.TrimPrefix(pairs[2][0], "jwks of ")
	assert.Equal(t, pairs[2][1], documents(t, keys)["okta"].keys())
	require.Error(t, asked(pairs[1][0]), "the org server")
}

// TestOktaOrgKeysDiscovered at a domain of the customer's own, where the metadata of a
// custom server name them: they are not fetched, however good they are.
func TestOktaOrgKeysDiscovered(t *testing.T) {
	const issuer, org = "https://login.one.example/oauth2/default", "https://login.one.example/oauth2/v1/keys"
	w := newWorld(t, hostOf(t, issuer))
	own := documents(t, issuer)["okta"]
	keys := start(t, validatortest.Options{}).KeySet()
	for address, fits := range map[string]bool{own.keys(): true, org: false} {
		d := documents(t, issuer)["okta"]
		d.Document["jwks_uri"] = address
		body, err := json.Marshal(d.Document)
		require.NoError(t, err)
		w.serve(d.At, body)
		w.serve(address, keys)
		v := build(t, validator.Config{HTTPClient: w.client, Issuers: []validator.Issuer{{
			URL: issuer, Profile: validator.Okta(), Audiences: strs{"api://default"}, AnyClient: true,
		}}})
		err = v.Ready(t.Context())
		if fits {
			require.NoError(t, err)
			continue
		}
		refused(t, err, validator.ErrUnavailable, validator.ReasonKeysUnavailable)
		assert.NotContains(t, w.requests(), org)
	}
}

// TestOktaKeySet: keys with members of Okta's own, and one for encryption.
func TestOktaKeySet(t *testing.T) {
	var claims object
	require.NoError(t, json.Unmarshal(oktaSamples(t, "access_token_claims")[0].Claims, &claims))
	p := oktaProvider(claims)
	w := newWorld(t, hostOf(t, oktaHost))
	s := p.enter(t, w)
	keys := oktaSamples(t, "jwks")[0].JWKS.Keys
	var own struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(s.server.KeySet(), &own))
	body, err := json.Marshal(object{"keys": append(keys, own.Keys...)})
	require.NoError(t, err)
	w.serve(documents(t, p.issuer)["okta"].keys(), body)
	v := s.validator(t)
	accept(t, v, s.mint(t, nil, claims, nil))
	for _, kid := range []string{"key1", "zUjOKTJrPP-XFgg7B8nAJN9vAUONXuFPUBi1kD_HLAs"} {
		reason := map[string]validator.Reason{"key1": validator.ReasonBadSignature}[kid]
		if reason == "" {
			reason = validator.ReasonUnknownKey // use is enc
		}
		reject(t, v, s.sign(t, object{"alg": "RS256", "kid": kid}, claims), validator.ErrInvalidToken, reason)
	}
}

// TestOktaIntrospection: Okta's published answers, from the endpoint that its
// metadata name.
func TestOktaIntrospection(t *testing.T) {
	const issuer = "https://integrator-12345678.okta.com/oauth2/default"
	w := newWorld(t, hostOf(t, issuer))
	d := documents(t, issuer)["okta"]
	body, err := json.Marshal(d.Document)
	require.NoError(t, err)
	w.serve(d.At, body)
	for _, sample := range oktaSamples(t, "introspection_response") {
		t.Run(sample.ID, func(t *testing.T) {
			answer, err := json.Marshal(sample.Response)
			require.NoError(t, err)
			w.serve(d.Document["introspection_endpoint"].(string), answer)
			exp, _ := sample.Response["exp"].(float64)
			v := build(t, validator.Config{
				HTTPClient: w.client, Clock: func() time.Time { return time.Unix(int64(exp)-60, 0) },
				Issuers: []validator.Issuer{{
					URL: issuer, Profile: validator.Okta(), Audiences: strs{"api://default"}, ClientIDs: strs{"0oa14dl1z4nUJxx0z5d7"},
					Introspection: &introspect.Config{Auth: introspect.ClientSecretBasic("api", introspect.StaticSecret("secret"))},
				}},
			})
			const raw = "2YotnFZFEjr1zCsicMWpAA"
			switch sample.ID {
			case "okta-introspect-access":
				token := accept(t, v, raw)
				assert.Equal(t, "0oa14dl1z4nUJxx0z5d7", token.ClientID())
				assert.Equal(t, "jessie.smith@example.com", token.Subject())
				assert.Equal(t, strs{"profile", "openid", "offline_access"}, strs(token.Scopes()))
				assert.Equal(t, "api://default", token.MatchedAudience())
				assert.Equal(t, validator.OriginIntrospection, token.Origin())
			case "okta-introspect-device-secret":
				reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
			case "okta-introspect-inactive":
				reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonInactive)
			default:
				t.Fatal("a sample that nobody expects")
			}
		})
	}
}
