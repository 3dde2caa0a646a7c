package validator_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

type object = map[string]any

// provider is an authorization server as its users know it.
type provider struct {
	document string // in discovery.json
	issuer   string
	jwksURL  string // configured: discovery would not find it
	profile  validator.Profile
	style    validatortest.Style // by which its keys and other tokens look
	alg      string              // default RS256

	audiences, clients strs // no clients: AnyClient
	mayBeClient        bool

	typ         any // of the header; nil: none
	claims      object
	client      string // the claim that names the client
	scope       string // and the one that lists the scopes
	scopeless   bool   // its tokens have neither, though either would do
	wantClient  string
	wantScopes  strs
	wantMatched string

	others map[string]other // its other tokens; nil: those of the style
}

// other is a token that is none for access.
type other struct {
	typ    any
	claims object
}

// at is when the sample claims were issued, and a minute.
func (p *provider) at() time.Time {
	iat, _ := p.claims["iat"].(float64)
	if iat == 0 {
		iat = float64(p.claims["iat"].(int))
	}
	return time.Unix(int64(iat)+60, 0)
}

// stage is a provider in the world.
type stage struct {
	*provider
	server *validatortest.Server
	world  *world
}

func (p *provider) enter(t *testing.T, w *world) *stage {
	t.Helper()
	o := validatortest.Options{Style: p.style, Algorithm: p.alg, Clock: p.at}
	if o.Algorithm == "" {
		o.Algorithm = "RS256"
	}
	s := start(t, o)
	d, ok := documents(t, p.issuer)[p.document]
	require.True(t, ok, "no document %q", p.document)
	body, err := json.Marshal(d.Document)
	require.NoError(t, err)
	w.serve(d.At, body)
	w.serve(d.keys(), bytes.ReplaceAll(s.KeySet(), []byte(s.Issuer()), []byte(p.issuer)))
	return &stage{p, s, w}
}

// validator accepts the provider's tokens, for further audiences too.
func (s *stage) validator(t *testing.T, audiences ...string) *validator.Validator {
	t.Helper()
	return build(t, validator.Config{HTTPClient: s.world.client, Clock: s.at, Issuers: []validator.Issuer{{
		URL: s.issuer, Profile: s.profile, JWKSURL: s.jwksURL,
		Audiences: append(slices.Clone(s.audiences), audiences...),
		ClientIDs: s.clients, AnyClient: len(s.clients) == 0, AudienceMayBeClient: s.mayBeClient,
	}}})
}

// mint signs claims as they are, with changes.
func (s *stage) mint(t *testing.T, typ any, claims object, changes object) string {
	t.Helper()
	header := object{"alg": s.server.Algorithms()[0], "kid": s.server.KID()}
	if typ != nil {
		header["typ"] = typ
	}
	return s.sign(t, header, merged(claims, changes))
}

func (s *stage) sign(t *testing.T, header, claims object) string {
	t.Helper()
	return s.signBy(t, "", header, claims)
}

func (s *stage) signBy(t *testing.T, kid string, header, claims object) string {
	t.Helper()
	h, err := json.Marshal(header)
	require.NoError(t, err)
	c, err := json.Marshal(claims)
	require.NoError(t, err)
	return s.server.Sign(kid, h, c)
}

// otherTokens are the provider's tokens that are none for access: as it makes them,
// and made for the API.
func (s *stage) otherTokens(t *testing.T) map[string]string {
	t.Helper()
	tokens := map[string]string{}
	for name, o := range s.others {
		tokens[name] = s.mint(t, o.typ, o.claims, object{"iss": s.issuer, "iat": s.claims["iat"], "exp": s.claims["exp"]})
	}
	if s.others != nil {
		return tokens
	}
	its := []validatortest.Edit{validatortest.Claim("iss", s.issuer)}
	if tid, ok := s.claims["tid"]; ok {
		its = append(its, validatortest.Claim("tid", tid))
	}
	ours := append(slices.Clone(its), validatortest.Audience(s.audiences[0]))
	for _, kind := range []struct {
		name string
		mint func(string, ...validatortest.Edit) string
	}{{"ID token", s.server.IDToken}, {"refresh token", s.server.RefreshToken}, {"logout token", s.server.LogoutToken}} {
		tokens[kind.name] = kind.mint(s.wantClient, its...)
		tokens[kind.name+" for the API"] = kind.mint(s.wantClient, ours...)
	}
	return tokens
}

// allHosts are those of every document and its keys.
func allHosts(t *testing.T) (hosts []string) {
	for _, d := range documents(t, "https://dev-1.okta.com/oauth2/default") {
		hosts = append(hosts, hostOf(t, d.At), hostOf(t, d.keys()))
	}
	return hosts
}

// TestProviders: what a server issues for an API is accepted for what it says; what
// else it issues, for whatever audience, is not; and neither is a token whose claims
// name two clients or two lists of scopes.
func TestProviders(t *testing.T) {
	w := newWorld(t, allHosts(t)...)
	for name, p := range providers(t) {
		t.Run(name, func(t *testing.T) {
			s := p.enter(t, w)
			before := len(w.requests())
			v := s.validator(t)
			token := accept(t, v, s.mint(t, p.typ, p.claims, nil))
			assert.Equal(t, p.issuer, token.Issuer())
			assert.Equal(t, p.wantClient, token.ClientID())
			assert.Equal(t, p.claims["sub"], token.Subject())
			assert.ElementsMatch(t, p.wantScopes, token.Scopes(), "and no role, group or permission")
			assert.Equal(t, p.wantMatched, token.MatchedAudience())

			d := documents(t, p.issuer)[p.document]
			asked := strs{d.At, d.keys()}
			if p.jwksURL != "" {
				asked = strs{d.keys()}
			}
			assert.Equal(t, asked, w.requests()[before:])
			s.testOthers(t)
			s.testConflicts(t, v)
		})
	}
}

func (s *stage) testOthers(t *testing.T) {
	further := strs{s.issuer}
	if s.wantClient != "" {
		further = append(further, s.wantClient)
	}
	wide := s.validator(t, further...)
	accept(t, wide, s.mint(t, s.typ, s.claims, nil))
	for name, raw := range s.otherTokens(t) {
		t.Run(name, func(t *testing.T) {
			reject(t, wide, raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
		})
	}
}

func (s *stage) testConflicts(t *testing.T, v *validator.Validator) {
	for _, claim := range []string{"client_id", "cid", "azp", "appid"} {
		if claim == s.client {
			continue
		}
		if s.wantClient != "" {
			accept(t, v, s.mint(t, s.typ, s.claims, object{claim: s.wantClient}))
		}
		reject(t, v, s.mint(t, s.typ, s.claims, object{claim: "another"}), validator.ErrInvalidToken, validator.ReasonClientConflict)
	}
	for _, claim := range []string{"scope", "scp"} {
		if claim == s.scope || s.scopeless {
			continue
		}
		if len(s.wantScopes) > 0 {
			accept(t, v, s.mint(t, s.typ, s.claims, object{claim: strings.Join(s.wantScopes, " ")}))
			accept(t, v, s.mint(t, s.typ, s.claims, object{claim: s.wantScopes}))
		}
		reject(t, v, s.mint(t, s.typ, s.claims, object{claim: "admin"}), validator.ErrInvalidToken, validator.ReasonScopeConflict)
		reject(t, v, s.mint(t, s.typ, s.claims, object{claim: append(strs{"admin"}, s.wantScopes...)}),
			validator.ErrInvalidToken, validator.ReasonScopeConflict)
	}
}

// row is one of providers.json.
type row struct {
	ID     string         `json:"id"`
	Header map[string]any `json:"header"`
	Scopes struct {
		Claim string `json:"claim"`
	} `json:"scopes"`
	Client string `json:"client_id_claim"`
	Sample object `json:"sample"`
}

func rows(t *testing.T) map[string]row {
	t.Helper()
	var file struct{ Providers []row }
	readData(t, "providers.json", &file)
	all := map[string]row{}
	for _, r := range file.Providers {
		all[r.ID] = r
	}
	return all
}

// TestEveryProviderIsTried: none of the rows is forgotten, and what is tried is what
// they say.
func TestEveryProviderIsTried(t *testing.T) {
	elsewhere := map[string]string{
		"okta-custom":   "TestOktaSamples",
		"okta-org":      "TestOktaPublishedOrgToken",
		"aws-alb":       "TestPaddedToken",
		"google-access": "opaque, and tokeninfo is no introspection (RFC 7662)",
		"mcp":           "is any of the others",
	}
	tried := providers(t)
	for id, r := range rows(t) {
		if elsewhere[id] != "" {
			continue
		}
		p, ok := tried[id]
		if !assert.True(t, ok, "%s is not tried", id) {
			continue
		}
		if typ, _ := r.Header["typ"].(string); typ == "absent" || typ == "at+jwt" || typ == "JWT" {
			assert.Equal(t, typ == "absent", p.typ == nil, id)
			if p.typ != nil {
				assert.Equal(t, typ, p.typ, id)
			}
		}
		if r.Scopes.Claim == "scope" || r.Scopes.Claim == "scp" {
			assert.Equal(t, r.Scopes.Claim, p.scope, id)
			assert.Contains(t, p.claims, p.scope, id)
		}
		if slices.Contains(strs{"client_id", "azp", "appid"}, r.Client) {
			assert.Equal(t, r.Client, p.client, id)
		}
	}
}

// TestPaddedToken: a load balancer of AWS pads the segments of its own JWTs, which
// RFC 7515 2 does not allow.
func TestPaddedToken(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleGeneric})
	v := build(t, configure(trust(s)))
	for i, reason := range []validator.Reason{validator.ReasonNotJWT, validator.ReasonMalformedToken, validator.ReasonMalformedToken} {
		parts := strings.Split(s.AccessToken(), ".")
		for range 2 {
			parts[i] += "="
			reject(t, v, strings.Join(parts, "."), validator.ErrInvalidToken, reason)
		}
	}
}
