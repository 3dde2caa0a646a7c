package validator_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	templateV1 = "https://sts.windows.net/{tenantid}/"
	templateV2 = "https://login.microsoftonline.com/{tenantid}/v2.0"
	consumers  = "9188040d-6c67-4c5b-b112-36a304b66dad" // the tenant of personal accounts
)

// of is a template for one tenant.
func of(template, tenant string) string { return strings.Replace(template, "{tenantid}", tenant, 1) }

// entraTenants is Entra ID for all tenants.
func entraTenants(t *testing.T, template string, tenants validator.Tenants) *stage {
	p := &provider{issuer: template, audiences: strs{api}, clients: strs{app}}
	if template == templateV1 {
		p.document, p.style, p.profile = "entra-v1-common", validatortest.StyleEntraV1, validator.EntraV1(tenants)
	} else {
		p.document, p.style, p.profile = "entra-v2-common", validatortest.StyleEntraV2, validator.EntraV2(tenants)
	}
	p.claims = told("", "user", api, object{"ver": "2.0", "azp": app, "scp": "Orders.Read"})
	if template == templateV1 {
		p.claims = told("", "user", api, object{"ver": "1.0", "appid": app, "scp": "Orders.Read"})
	}
	return p.enter(t, newWorld(t, allHosts(t)...))
}

// token is one of a tenant, with changes.
func (s *stage) token(t *testing.T, tenant string, changes object) string {
	t.Helper()
	return s.mint(t, "JWT", merged(s.claims, object{"iss": of(s.issuer, tenant), "tid": tenant}), changes)
}

func (s *stage) keys(t *testing.T) string { return documents(t, s.issuer)[s.document].keys() }

func TestAllowedTenants(t *testing.T) {
	for _, template := range []string{templateV1, templateV2} {
		s := entraTenants(t, template, validator.Tenants{Allowed: strs{fabrikam, contoso}})
		v := s.validator(t)
		token := accept(t, v, s.token(t, contoso, nil))
		assert.Equal(t, of(template, contoso), token.Issuer(), "its own, not the template")
		assert.Equal(t, template, token.IssuerName())
		assert.Equal(t, of(template, fabrikam), accept(t, v, s.token(t, fabrikam, nil)).Issuer())
		e := reject(t, v, s.token(t, consumers, nil), validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
		assert.False(t, e.Verified, "before any key was looked at")
		_, rest, _ := strings.Cut(of(template, contoso), "/"+contoso)
		reject(t, v, s.token(t, contoso, object{"iss": contoso + rest}), validator.ErrInvalidToken, validator.ReasonUnknownIssuer)

		common := strings.Replace(templateV2, "{tenantid}", "common", 1)
		if template == templateV1 {
			common = "https://login.microsoftonline.com/common"
		}
		assert.Equal(t, strs{common + "/.well-known/openid-configuration", s.keys(t)}, s.world.requests())
		assert.Equal(t, []string{of(template, "common")}, v.Issuers())
	}
}

// TestPolicyNamesTenants: an issuer that stands for many tenants is configured like any
// other, and a policy may name it, its audience and its clients.
func TestPolicyNamesTenants(t *testing.T) {
	for _, issuer := range []string{templateV1, templateV2} {
		s := entraTenants(t, issuer, validator.Tenants{Allowed: strs{contoso}})
		v := s.validator(t)
		good := validator.Policy{Issuers: strs{issuer}, Audiences: strs{api}, ClientIDs: strs{app}, Scopes: strs{"Orders.Read"}}
		require.NoError(t, v.CheckPolicy(good))
		_, err := v.ValidateWith(t.Context(), s.token(t, contoso, nil), validator.Requirements{Policy: &good})
		require.NoError(t, err)
		bad := validator.Policy{Issuers: strs{issuer, "x"}, Audiences: strs{api, "y"}, ClientIDs: strs{app, "z"}, Scopes: strs{"Orders.Read"}}
		assert.Equal(t, strs{"Policy.Issuers", "Policy.Audiences", "Policy.ClientIDs"}, fields(t, v.CheckPolicy(bad)))
	}
}

// TestTenantsIdentities: a subject is a tenant's own.
func TestTenantsIdentities(t *testing.T) {
	s := entraTenants(t, templateV2, validator.Tenants{AnyTenant: true})
	v := s.validator(t)
	one, two := accept(t, v, s.token(t, contoso, nil)), accept(t, v, s.token(t, fabrikam, nil))
	assert.Equal(t, one.Subject(), two.Subject())
	assert.Equal(t, validator.Identity{Issuer: of(templateV2, contoso), Subject: "user"}, one.Identity())
	assert.Equal(t, validator.Identity{Issuer: of(templateV2, fabrikam), Subject: "user"}, two.Identity())
	assert.Equal(t, one.IssuerName(), two.IssuerName())
}

// TestPermitIsAskedAgain: a tenant that is shut out is so with its next request.
func TestPermitIsAskedAgain(t *testing.T) {
	var shut atomic.Value
	shut.Store("")
	var asked atomic.Int32
	s := entraTenants(t, templateV2, validator.Tenants{Permit: func(tenant string) bool {
		asked.Add(1)
		return tenant != shut.Load() && tenant != consumers
	}})
	v := s.validator(t)
	ours, theirs := s.token(t, contoso, nil), s.token(t, fabrikam, nil)
	reject(t, v, s.token(t, consumers, nil), validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
	accept(t, v, ours)
	accept(t, v, theirs)
	before := asked.Load()
	accept(t, v, ours)
	assert.Equal(t, before+1, asked.Load(), "on a hit too")
	shut.Store(contoso)
	e := reject(t, v, ours, validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
	assert.True(t, e.Verified)
	accept(t, v, theirs)
	reject(t, v, s.token(t, contoso, object{"jti": "another"}), validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
	shut.Store("")
	accept(t, v, ours)
}

// TestTenantOfACachedToken: what was found of one tenant's token is nobody else's.
func TestTenantOfACachedToken(t *testing.T) {
	s := entraTenants(t, templateV2, validator.Tenants{Allowed: strs{contoso, fabrikam}})
	v := s.validator(t)
	raw := s.token(t, contoso, nil)
	accept(t, v, raw)
	parts := strings.Split(raw, ".")
	moved := strings.Split(s.token(t, fabrikam, nil), ".")
	reject(t, v, parts[0]+"."+moved[1]+"."+parts[2], validator.ErrInvalidToken, validator.ReasonBadSignature)
	foreign := strings.Split(s.token(t, consumers, nil), ".")
	reject(t, v, parts[0]+"."+foreign[1]+"."+parts[2], validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)

	s.profile = validator.EntraV2(validator.Tenants{Allowed: strs{fabrikam}})
	reloaded, err := v.WithConfig(validator.Config{HTTPClient: s.world.client, Clock: s.at, Issuers: []validator.Issuer{{
		URL: s.issuer, Profile: s.profile, Audiences: s.audiences, ClientIDs: s.clients,
	}}})
	require.NoError(t, err)
	reject(t, reloaded, raw, validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
	accept(t, reloaded, s.token(t, fabrikam, nil))
	assert.Len(t, s.world.requests(), 2, "and it has kept the keys")
	accept(t, v, raw)
}

// TestTenantsAreCopied: what becomes of the caller's list later is their own affair.
func TestTenantsAreCopied(t *testing.T) {
	allowed := strs{contoso}
	s := entraTenants(t, templateV2, validator.Tenants{Allowed: allowed})
	allowed[0] = fabrikam
	v := s.validator(t)
	allowed[0] = consumers
	accept(t, v, s.token(t, contoso, nil))
	reject(t, v, s.token(t, fabrikam, nil), validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
	reject(t, v, s.token(t, consumers, nil), validator.ErrInvalidToken, validator.ReasonTenantNotAllowed)
}

// TestTenantIDs: tid is the tenant in iss, whoever is allowed.
func TestTenantIDs(t *testing.T) {
	for _, template := range []string{templateV1, templateV2} {
		for name, tenants := range map[string]validator.Tenants{
			"any": {AnyTenant: true}, "list": {Allowed: strs{contoso, fabrikam}}, "predicate": {Permit: func(string) bool { return true }},
		} {
			t.Run(template+" "+name, func(t *testing.T) {
				s := entraTenants(t, template, tenants)
				v := s.validator(t)
				accept(t, v, s.token(t, contoso, nil))
				for _, tid := range []any{nil, "", fabrikam, strings.ToUpper(contoso), "{tenantid}", "common", "contoso.onmicrosoft.com", 1, strs{contoso}} {
					reject(t, v, s.token(t, contoso, object{"tid": tid}), validator.ErrInvalidToken, validator.ReasonTenantMismatch)
				}
				for _, tenant := range []string{"{tenantid}", "common", "organizations", strings.ToUpper(contoso), "contoso.onmicrosoft.com", "", contoso + "/x", contoso + "0", contoso[1:]} {
					reject(t, v, s.token(t, tenant, nil), validator.ErrInvalidToken, validator.ReasonUnknownIssuer)
				}
				reject(t, v, s.token(t, contoso, object{"iss": of(template, fabrikam)}), validator.ErrInvalidToken, validator.ReasonTenantMismatch)
			})
		}
	}
}

// owned serves the key set with the issuer that each key is said to be of, by its
// kid; "" is none.
func (s *stage) owned(t *testing.T, owners map[string]string) {
	t.Helper()
	var set struct {
		Keys []object `json:"keys"`
	}
	require.NoError(t, json.Unmarshal(s.server.KeySet(), &set))
	for _, key := range set.Keys {
		delete(key, "issuer")
		if owner := owners[key["kid"].(string)]; owner != "" {
			key["issuer"] = owner
		}
	}
	body, err := json.Marshal(set)
	require.NoError(t, err)
	s.world.serve(s.keys(t), body)
}

// TestKeysOfTenants: a key that the set lists for one tenant makes no token of
// another.
func TestKeysOfTenants(t *testing.T) {
	s := entraTenants(t, templateV2, validator.Tenants{AnyTenant: true})
	everybody := s.server.KID()
	theirs := s.server.Rotate("RS256")
	nobody := s.server.Rotate("RS256")
	s.owned(t, map[string]string{everybody: templateV2, theirs: of(templateV2, consumers)})
	v := s.validator(t)
	token := func(kid, tenant string) string {
		return s.signBy(t, kid, object{"alg": "RS256", "typ": "JWT", "kid": kid}, merged(s.claims, object{"iss": of(templateV2, tenant), "tid": tenant}))
	}
	accept(t, v, token(everybody, contoso))
	accept(t, v, token(everybody, consumers))
	accept(t, v, token(theirs, consumers))
	e := reject(t, v, token(theirs, contoso), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.False(t, e.Verified)
	reject(t, v, token(nobody, contoso), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	assert.Len(t, s.world.requests(), 2, "no key of the set is looked for again")
	for _, owner := range []string{
		"https://login.microsoftonline.com/{tenantid}/v2.0/", "https://login.microsoftonline.com/{tenant}/v2.0", "{tenantid}",
		of(templateV1, contoso), of(templateV2, fabrikam), "https://evil.example/{tenantid}/v2.0",
	} {
		s.owned(t, map[string]string{everybody: owner})
		reject(t, s.validator(t), token(everybody, contoso), validator.ErrInvalidToken, validator.ReasonUnknownKey)
	}
}

// TestKeyThatMovesToAnotherTenant: what it made before is distrusted with it.
func TestKeyThatMovesToAnotherTenant(t *testing.T) {
	s := entraTenants(t, templateV2, validator.Tenants{AnyTenant: true})
	v := s.validator(t)
	kid := s.server.KID()
	raw := s.token(t, contoso, nil)
	accept(t, v, raw)
	s.owned(t, map[string]string{kid: of(templateV2, fabrikam)})
	unknown := s.sign(t, object{"alg": "RS256", "kid": "another"}, merged(s.claims, object{"iss": of(templateV2, contoso), "tid": contoso}))
	reject(t, v, unknown, validator.ErrInvalidToken, validator.ReasonUnknownKey) // reads the set
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestKeysOfOneTenant: a set that is one tenant's need not say so, but may not say
// otherwise; v1.0 keys never say it.
func TestKeysOfOneTenant(t *testing.T) {
	w := newWorld(t, allHosts(t)...)
	for _, name := range []string{"entra-v1", "entra-v2"} {
		s := providers(t)[name].enter(t, w)
		raw := s.mint(t, "JWT", s.claims, nil)
		set := func(owner string) *validator.Validator {
			s.owned(t, map[string]string{s.server.KID(): owner})
			return s.validator(t)
		}
		template := bytes.ReplaceAll([]byte(s.issuer), []byte(contoso), []byte("{tenantid}"))
		accept(t, set(""), raw)
		accept(t, set(s.issuer), raw)
		accept(t, set(string(template)), raw)
		reject(t, set(of(string(template), fabrikam)), raw, validator.ErrInvalidToken, validator.ReasonUnknownKey)
	}
	s := entraTenants(t, templateV1, validator.Tenants{AnyTenant: true})
	accept(t, s.validator(t), s.token(t, contoso, nil))
	s.owned(t, map[string]string{s.server.KID(): of(templateV1, fabrikam)})
	reject(t, s.validator(t), s.token(t, contoso, nil), validator.ErrInvalidToken, validator.ReasonUnknownKey)
}

// TestBothVersions: an API may get tokens of both, each by its own profile.
func TestBothVersions(t *testing.T) {
	w := newWorld(t, allHosts(t)...)
	one, two := providers(t)["entra-v1"].enter(t, w), providers(t)["entra-v2"].enter(t, w)
	issuer := func(s *stage) validator.Issuer {
		return validator.Issuer{URL: s.issuer, Profile: s.profile, Audiences: s.audiences, ClientIDs: s.clients}
	}
	v := build(t, validator.Config{HTTPClient: w.client, Clock: one.at, Issuers: []validator.Issuer{issuer(one), issuer(two)}})
	assert.Equal(t, one.issuer, accept(t, v, one.mint(t, "JWT", one.claims, nil)).Issuer())
	assert.Equal(t, two.issuer, accept(t, v, two.mint(t, "JWT", two.claims, nil)).Issuer())
	reject(t, v, one.mint(t, "JWT", one.claims, object{"ver": "2.0"}), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	reject(t, v, two.mint(t, "JWT", two.claims, object{"ver": "1.0"}), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
}

// TestTemplateMetadata: the document for all tenants names the very template.
func TestTemplateMetadata(t *testing.T) {
	s := entraTenants(t, templateV2, validator.Tenants{AnyTenant: true})
	for _, issuer := range []string{
		of(templateV2, contoso), of(templateV2, "common"), "https://login.microsoftonline.com/{tenant}/v2.0", "https://login.microsoftonline.com/%7Btenantid%7D/v2.0",
	} {
		d := documents(t, "")[s.document]
		d.Document["issuer"] = issuer
		body, err := json.Marshal(d.Document)
		require.NoError(t, err)
		s.world.serve(d.At, body)
		reject(t, s.validator(t), s.token(t, contoso, nil), validator.ErrUnavailable, validator.ReasonKeysUnavailable)
	}
}
