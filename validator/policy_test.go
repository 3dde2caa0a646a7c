package validator_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

type strs = []string

func TestPolicy(t *testing.T) {
	s := start(t, validatortest.Options{})
	c := configure(trust(s))
	c.Issuers[0].Name, c.Issuers[0].ClientIDs = "orders", strs{client, "other"}
	v := build(t, c)
	token := accept(t, v, s.AccessToken(validatortest.Scope("read", "write")))
	tests := map[string]struct {
		policy validator.Policy
		reason validator.Reason // empty: permitted
		scope  strs
	}{
		"any token":                 {policy: validator.Policy{AnyToken: true}},
		"one scope":                 {policy: validator.Policy{Scopes: strs{"read"}}},
		"all scopes":                {policy: validator.Policy{Scopes: strs{"write", "read"}}},
		"any of":                    {policy: validator.Policy{AnyScope: strs{"admin", "write"}}},
		"all of and any of":         {policy: validator.Policy{Scopes: strs{"read"}, AnyScope: strs{"admin", "write"}}},
		"issuer by name":            {policy: validator.Policy{AnyToken: true, Issuers: strs{"orders"}}},
		"issuer by URL":             {policy: validator.Policy{AnyToken: true, Issuers: strs{s.Issuer()}}},
		"audience":                  {policy: validator.Policy{AnyToken: true, Audiences: strs{audience}}},
		"client":                    {policy: validator.Policy{ClientIDs: strs{client}}},
		"any token of issuer":       {policy: validator.Policy{AnyToken: true, Issuers: strs{"orders"}}},
		"any issuer with scope":     {policy: validator.Policy{AnyTrustedIssuer: true, Scopes: strs{"read"}}},
		"everything":                {policy: validator.Policy{Scopes: strs{"read"}, AnyScope: strs{"write"}, Issuers: strs{"orders"}, Audiences: strs{audience}, ClientIDs: strs{client}}},
		"only an issuer":            {policy: validator.Policy{Issuers: strs{"orders"}}, reason: validator.ReasonPolicyInvalid},
		"only an audience":          {policy: validator.Policy{Audiences: strs{audience}}, reason: validator.ReasonPolicyInvalid},
		"zero":                      {policy: validator.Policy{}, reason: validator.ReasonPolicyInvalid},
		"only a relaxation":         {policy: validator.Policy{AnyTrustedIssuer: true}, reason: validator.ReasonPolicyInvalid},
		"any token and a scope":     {policy: validator.Policy{AnyToken: true, Scopes: strs{"read"}}, reason: validator.ReasonPolicyInvalid},
		"any token and any scope":   {policy: validator.Policy{AnyToken: true, AnyScope: strs{"read"}}, reason: validator.ReasonPolicyInvalid},
		"any token and a client":    {policy: validator.Policy{AnyToken: true, ClientIDs: strs{client}}, reason: validator.ReasonPolicyInvalid},
		"any issuer and an issuer":  {policy: validator.Policy{AnyToken: true, AnyTrustedIssuer: true, Issuers: strs{"orders"}}, reason: validator.ReasonPolicyInvalid},
		"any issuer and audience":   {policy: validator.Policy{AnyToken: true, AnyTrustedIssuer: true, Audiences: strs{audience}}, reason: validator.ReasonPolicyInvalid},
		"missing scope":             {policy: validator.Policy{Scopes: strs{"read", "admin"}}, reason: validator.ReasonInsufficientScope, scope: strs{"read", "admin"}},
		"none of":                   {policy: validator.Policy{AnyScope: strs{"admin", "root"}}, reason: validator.ReasonInsufficientScope, scope: strs{"admin"}},
		"all of but none of":        {policy: validator.Policy{Scopes: strs{"read"}, AnyScope: strs{"admin"}}, reason: validator.ReasonInsufficientScope, scope: strs{"read", "admin"}},
		"any of but not all of":     {policy: validator.Policy{Scopes: strs{"admin"}, AnyScope: strs{"read"}}, reason: validator.ReasonInsufficientScope, scope: strs{"admin", "read"}},
		"any of is among all of":    {policy: validator.Policy{Scopes: strs{"admin"}, AnyScope: strs{"admin", "read"}}, reason: validator.ReasonInsufficientScope, scope: strs{"admin"}},
		"an emptied list":           {policy: validator.Policy{Scopes: strs{"read"}, ClientIDs: strs{}}, reason: validator.ReasonPolicyInvalid},
		"any of it has one":         {policy: validator.Policy{Scopes: strs{"admin"}, AnyScope: strs{"root", "write"}}, reason: validator.ReasonInsufficientScope, scope: strs{"admin", "write"}},
		"empty client":              {policy: validator.Policy{ClientIDs: strs{client, ""}}, reason: validator.ReasonPolicyInvalid},
		"scope of other case":       {policy: validator.Policy{Scopes: strs{"Read"}}, reason: validator.ReasonInsufficientScope, scope: strs{"Read"}},
		"prefix of a scope":         {policy: validator.Policy{Scopes: strs{"rea"}}, reason: validator.ReasonInsufficientScope, scope: strs{"rea"}},
		"other issuer":              {policy: validator.Policy{Issuers: strs{"reports"}, Scopes: strs{"read"}}, reason: validator.ReasonIssuerNotAllowed},
		"other audience":            {policy: validator.Policy{Audiences: strs{"api://reports"}, Scopes: strs{"read"}}, reason: validator.ReasonAudienceNotAllowed},
		"other client":              {policy: validator.Policy{ClientIDs: strs{"other"}, Scopes: strs{"read"}}, reason: validator.ReasonClientNotAllowed},
		"an issuer and no audience": {policy: validator.Policy{AnyToken: true, Issuers: strs{"orders"}, Audiences: strs{"api://x"}}, reason: validator.ReasonAudienceNotAllowed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			direct := tc.policy.Check(t.Context(), token)
			got, validated := v.ValidateWith(t.Context(), s.AccessToken(validatortest.Scope("read", "write")), validator.Requirements{Policy: &tc.policy})
			if tc.reason == "" {
				require.NoError(t, direct)
				require.NoError(t, validated)
				assert.NotNil(t, got)
				return
			}
			assert.Nil(t, got)
			for _, err := range []error{direct, validated} {
				e := refused(t, err, validator.ErrInsufficientScope, tc.reason)
				assert.True(t, e.Verified)
				assert.Equal(t, tc.scope, e.Challenge.Scope)
				assert.Equal(t, "insufficient_scope", e.Challenge.Code)
			}
		})
	}
	for _, none := range []*validator.Token{nil, {}} {
		refused(t, validator.Policy{AnyToken: true}.Check(t.Context(), none), validator.ErrNoToken, validator.ReasonNoToken)
	}
}

// TestPolicyNamesItsIssuer (design rule 7): with several issuers, or one with
// several audiences, a policy says which it means.
func TestPolicyNamesItsIssuer(t *testing.T) {
	one, two := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	wide := trust(one)
	wide.Audiences = strs{audience, "api://more"}
	second := trust(two)
	second.Audiences = strs{audience, "api://second"}
	elsewhere := trust(two)
	elsewhere.Audiences = strs{"api://elsewhere"}
	scoped := validator.Policy{Scopes: strs{"read"}}
	for name, v := range map[string]*validator.Validator{
		"two issuers":   build(t, configure(trust(one), elsewhere)),
		"two audiences": build(t, configure(wide)),
		"two of each":   build(t, configure(wide, elsewhere)),
	} {
		t.Run(name, func(t *testing.T) {
			check := func(p validator.Policy) error {
				_, err := v.ValidateWith(t.Context(), one.AccessToken(), validator.Requirements{Policy: &p})
				return err
			}
			refused(t, check(scoped), validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
			refused(t, check(validator.Policy{AnyToken: true}), validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
			assert.NoError(t, check(validator.Policy{Scopes: strs{"read"}, Issuers: strs{one.Issuer()}}))
			assert.NoError(t, check(validator.Policy{Scopes: strs{"read"}, Audiences: strs{audience}}))
			assert.NoError(t, check(validator.Policy{Scopes: strs{"read"}, AnyTrustedIssuer: true}))
			assert.Equal(t, strs{"Policy"}, fields(t, v.CheckPolicy(scoped)))
		})
	}
	// One that the issuer serves, but that the token does not name, does not count.
	_, err := build(t, configure(wide)).ValidateWith(t.Context(), one.AccessToken(),
		validator.Requirements{Policy: &validator.Policy{AnyToken: true, Audiences: strs{"api://more"}}})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonAudienceNotAllowed)
	// An audience that is configured twice is one audience.
	twice := trust(one)
	twice.Audiences = strs{audience, audience}
	_, err = build(t, configure(twice)).ValidateWith(t.Context(), one.AccessToken(), validator.Requirements{Policy: &scoped})
	assert.NoError(t, err)
	// An audience that two issuers serve does not say which of them is meant.
	shared := build(t, configure(trust(one), trust(two)))
	policy := validator.Policy{Scopes: strs{"read"}}
	_, err = shared.ValidateWith(t.Context(), one.AccessToken(), validator.Requirements{Policy: &policy})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
	policy.Audiences = strs{audience}
	_, err = shared.ValidateWith(t.Context(), one.AccessToken(), validator.Requirements{Policy: &policy})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
	policy.Issuers = strs{one.Issuer()}
	_, err = shared.ValidateWith(t.Context(), one.AccessToken(), validator.Requirements{Policy: &policy})
	assert.NoError(t, err)
	_, err = shared.ValidateWith(t.Context(), two.AccessToken(), validator.Requirements{Policy: &policy})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonIssuerNotAllowed)
	// An audience that only another issuer is trusted for does not count, even
	// though the token names it.
	v := build(t, configure(trust(one), second))
	_, err = v.ValidateWith(t.Context(), one.AccessToken(validatortest.Audience(audience, "api://second")),
		validator.Requirements{Policy: &validator.Policy{AnyToken: true, Audiences: strs{"api://second"}}})
	refused(t, err, validator.ErrInsufficientScope, validator.ReasonAudienceNotAllowed)
}

func TestCheckPolicy(t *testing.T) {
	v := build(t, goodConfig())
	tests := map[string]struct {
		policy validator.Policy
		fields strs
	}{
		"good":                       {policy: validator.Policy{Issuers: strs{"orders", "https://as.example.com/reports/"}, Scopes: strs{"a"}}},
		"client of any":              {policy: validator.Policy{ClientIDs: strs{"anybody"}, AnyTrustedIssuer: true}},
		"zero":                       {fields: strs{"Policy"}},
		"unknown issuer":             {policy: validator.Policy{Issuers: strs{"orders", "x"}, Scopes: strs{"a"}}, fields: strs{"Policy.Issuers"}},
		"unknown audience":           {policy: validator.Policy{Audiences: strs{"x"}, Scopes: strs{"a"}}, fields: strs{"Policy.Audiences"}},
		"not a scope":                {policy: validator.Policy{Issuers: strs{"orders"}, Scopes: strs{"a b"}}, fields: strs{"Policy.Scopes"}},
		"not any scope":              {policy: validator.Policy{Issuers: strs{"orders"}, AnyScope: strs{""}}, fields: strs{"Policy.AnyScope"}},
		"audience of another issuer": {policy: validator.Policy{Issuers: strs{"orders"}, Audiences: strs{"api://reports"}, Scopes: strs{"a"}}, fields: strs{"Policy.Audiences"}},
		"client of another audience": {policy: validator.Policy{Audiences: strs{"api://orders"}, ClientIDs: strs{"anybody"}}, fields: strs{"Policy.ClientIDs"}},
		"client of another issuer":   {policy: validator.Policy{Issuers: strs{"orders"}, ClientIDs: strs{"anybody"}}, fields: strs{"Policy.ClientIDs"}},
		"everything at once": {
			policy: validator.Policy{Issuers: strs{"x"}, Audiences: strs{"y"}, Scopes: strs{"\""}, AnyToken: true},
			fields: strs{"Policy", "Policy.Issuers", "Policy.Audiences", "Policy.Scopes"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := v.CheckPolicy(tc.policy)
			if tc.fields == nil {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, tc.fields, fields(t, err))
		})
	}
	c := goodConfig()
	c.Issuers = c.Issuers[:1]
	assert.Equal(t, strs{"Policy.ClientIDs"}, fields(t, build(t, c).CheckPolicy(validator.Policy{ClientIDs: strs{"web", "x"}})))
}
