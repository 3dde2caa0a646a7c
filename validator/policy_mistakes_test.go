package validator_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

// TestPolicyMistakes: wiring finds them, and so does a request whose policy was
// never shown to CheckPolicy.
func TestPolicyMistakes(t *testing.T) {
	s, _, v := still(t, 0)
	token := accept(t, v, s.AccessToken())
	never := func(context.Context, *validator.Token) error { return nil }
	type policy = validator.Policy
	scoped := func(p policy) policy {
		p.Scopes = strs{"read"}
		return p
	}
	tests := map[string]struct {
		policy policy
		fields strs
	}{
		"only an age":                  {policy{MaxTokenAge: time.Minute}, strs{"Policy"}},
		"only an acr":                  {policy{ACRValues: strs{"gold"}}, strs{"Policy"}},
		"only an authentication":       {policy{MaxAuthAge: time.Minute}, strs{"Policy"}},
		"only fresh":                   {policy{Fresh: validator.IntrospectedNow()}, strs{"Policy"}},
		"all of these":                 {policy{MaxTokenAge: time.Minute, ACRValues: strs{"a"}, MaxAuthAge: time.Minute, Fresh: validator.IntrospectedNow()}, strs{"Policy"}},
		"any token and details":        {policy{AnyToken: true, AuthorizationDetails: []validator.DetailRule{small}}, strs{"Policy"}},
		"any token and Permit":         {policy{AnyToken: true, Permit: never}, strs{"Policy"}},
		"emptied acr":                  {scoped(policy{ACRValues: strs{}}), strs{"Policy"}},
		"emptied details":              {scoped(policy{AuthorizationDetails: []validator.DetailRule{}}), strs{"Policy"}},
		"negative age":                 {scoped(policy{MaxTokenAge: -time.Minute}), strs{"Policy.MaxTokenAge"}},
		"age without unit":             {scoped(policy{MaxTokenAge: 600}), strs{"Policy.MaxTokenAge"}},
		"empty acr":                    {scoped(policy{ACRValues: strs{"gold", ""}}), strs{"Policy.ACRValues"}},
		"two acr in one":               {scoped(policy{ACRValues: strs{"gold silver"}}), strs{"Policy.ACRValues"}},
		"acr beyond ASCII":             {scoped(policy{ACRValues: strs{"größe"}}), strs{"Policy.ACRValues"}},
		"acr with a line break":        {scoped(policy{ACRValues: strs{"a\nb"}}), strs{"Policy.ACRValues"}},
		"negative authentication":      {scoped(policy{MaxAuthAge: -time.Second}), strs{"Policy.MaxAuthAge"}},
		"authentication without unit":  {scoped(policy{MaxAuthAge: 300}), strs{"Policy.MaxAuthAge"}},
		"half a second":                {scoped(policy{MaxAuthAge: 1500 * time.Millisecond}), strs{"Policy.MaxAuthAge"}},
		"a millisecond":                {scoped(policy{MaxAuthAge: time.Millisecond}), strs{"Policy.MaxAuthAge"}},
		"fresh without unit":           {scoped(policy{Fresh: validator.IntrospectedWithin(60)}), strs{"Policy.Fresh"}},
		"outage without unit":          {scoped(policy{Fresh: validator.IntrospectedNow().OrIfDown(60)}), strs{"Policy.Fresh"}},
		"outage alone without unit":    {scoped(policy{Fresh: validator.Freshness{}.OrIfDown(60)}), strs{"Policy.Fresh"}},
		"rule of nothing":              {scoped(policy{AuthorizationDetails: []validator.DetailRule{small, {}}}), strs{"Policy.AuthorizationDetails", "Policy.AuthorizationDetails"}},
		"rule without a predicate":     {policy{AuthorizationDetails: []validator.DetailRule{validator.Detail[payment]("payment", nil)}}, strs{"Policy.AuthorizationDetails"}},
		"rule without a type":          {policy{AuthorizationDetails: []validator.DetailRule{validator.Detail("", func(payment) bool { return true })}}, strs{"Policy.AuthorizationDetails"}},
		"name without Permit":          {scoped(policy{PermitName: "business hours"}), strs{"Policy.PermitName"}},
		"a name that permits nobody":   {policy{PermitName: "business hours"}, strs{"Policy", "Policy.PermitName"}},
		"good: Permit alone":           {policy: policy{Permit: never}},
		"good: details alone":          {policy: policy{AuthorizationDetails: []validator.DetailRule{small}}},
		"good: any token and the rest": {policy: policy{AnyToken: true, MaxTokenAge: time.Minute, ACRValues: strs{"gold"}, MaxAuthAge: time.Minute, Fresh: validator.IntrospectedNow()}},
		"only an issuer and an age":    {policy{Issuers: strs{s.Issuer()}, MaxTokenAge: time.Minute}, strs{"Policy"}},
		"good: issuer and an age":      {policy: policy{AnyToken: true, Issuers: strs{s.Issuer()}, MaxTokenAge: time.Millisecond}},
		"good: an acr that is a URN":   {policy: scoped(policy{ACRValues: strs{"urn:mace:incommon:iap:silver", "0", "http://id.example/loa/1"}})},
		"good: a second":               {policy: scoped(policy{MaxAuthAge: time.Second})},
		"good: a moment":               {policy: scoped(policy{Fresh: validator.IntrospectedWithin(-time.Second).OrIfDown(-time.Second)})},
		"good: an outage alone":        {policy: scoped(policy{Fresh: validator.Freshness{}.OrIfDown(time.Minute)})},
		"good: a name of a predicate":  {policy: policy{Permit: never, PermitName: "business hours"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := v.CheckPolicy(tc.policy)
			if tc.fields == nil {
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, tc.fields, fields(t, err))
			tc.policy.Fresh = validator.Freshness{} // settled before the policy is looked at
			if v.CheckPolicy(tc.policy) != nil {
				refused(t, tc.policy.Check(t.Context(), token), validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
				refused(t, held(t, v, s.AccessToken(), tc.policy), validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
			}
		})
	}
	odd := scoped(policy{Fresh: validator.IntrospectedWithin(time.Hour).OrIfDown(60)})
	refused(t, held(t, v, s.OpaqueToken(), odd), validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
}

// TestEveryPolicyMistakeIsReported, in the order of the fields.
func TestEveryPolicyMistakeIsReported(t *testing.T) {
	err := build(t, goodConfig()).CheckPolicy(validator.Policy{
		Scopes: strs{"a b"}, MaxTokenAge: -1, ACRValues: strs{"", "a b"}, MaxAuthAge: 1, Fresh: validator.IntrospectedWithin(1),
		AuthorizationDetails: []validator.DetailRule{{}}, PermitName: "x",
	})
	assert.Equal(t, strs{
		"Policy", "Policy.Fresh", "Policy.Scopes", "Policy.MaxTokenAge", "Policy.ACRValues", "Policy.ACRValues", "Policy.MaxAuthAge",
		"Policy.Fresh", "Policy.AuthorizationDetails", "Policy.AuthorizationDetails", "Policy.PermitName",
	}, fields(t, err))
}

// TestFreshWhereNobodyIsAsked: at wiring, not as a 503 on every request.
func TestFreshWhereNobodyIsAsked(t *testing.T) {
	c := goodConfig()
	c.Issuers[1].Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic("a", introspect.StaticSecret("b"))}
	v := build(t, c)
	fresh := func(p validator.Policy) error {
		p.AnyToken, p.Fresh = true, validator.IntrospectedNow()
		return v.CheckPolicy(p)
	}
	assert.NoError(t, fresh(validator.Policy{AnyTrustedIssuer: true}))
	assert.NoError(t, fresh(validator.Policy{Issuers: strs{"orders", "https://as.example.com/reports/"}}))
	assert.NoError(t, fresh(validator.Policy{Audiences: strs{"api://reports"}}))
	assert.Equal(t, strs{"Policy.Fresh"}, fields(t, fresh(validator.Policy{Issuers: strs{"orders"}})))
	assert.Equal(t, strs{"Policy.Fresh"}, fields(t, fresh(validator.Policy{Audiences: strs{"api://orders"}})))
	assert.NoError(t, v.CheckPolicy(validator.Policy{AnyToken: true, Issuers: strs{"orders"}}))
	assert.Equal(t, strs{"Policy.Fresh"}, fields(t, v.CheckPolicy(validator.Policy{
		AnyToken: true, Issuers: strs{"orders"}, Fresh: validator.Freshness{}.OrIfDown(time.Hour),
	})))
}

// TestPolicyClone: no list is shared, whichever are added; what is nil stays nil, and
// what is emptied stays a mistake.
func TestPolicyClone(t *testing.T) {
	var full validator.Policy
	value := reflect.ValueOf(&full).Elem()
	lists := 0
	for i := range value.NumField() {
		if field := value.Field(i); field.Kind() == reflect.Slice {
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			lists++
		}
	}
	full.MaxTokenAge, full.PermitName = time.Minute, "x"
	clone := full.Clone()
	assert.Equal(t, full, clone)
	copied := reflect.ValueOf(clone)
	for i := range value.NumField() {
		if value.Field(i).Kind() == reflect.Slice {
			assert.NotEqual(t, value.Field(i).Pointer(), copied.Field(i).Pointer(), value.Type().Field(i).Name)
			lists--
		}
	}
	assert.Zero(t, lists)
	assert.Equal(t, validator.Policy{}, validator.Policy{}.Clone())
	emptied := validator.Policy{Scopes: strs{}, AuthorizationDetails: []validator.DetailRule{}}.Clone()
	assert.NotNil(t, emptied.Scopes)
	assert.NotNil(t, emptied.AuthorizationDetails)
}
