package validator_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
)

// TestPolicyString: one line that says every demand.
func TestPolicyString(t *testing.T) {
	never := func(context.Context, *validator.Token) error { return nil }
	account := validator.Detail("account information", func(struct{}) bool { return true })
	for want, p := range map[string]validator.Policy{
		"nothing demanded":                                        {},
		"any token":                                               {AnyToken: true},
		"any token; any trusted issuer":                           {AnyToken: true, AnyTrustedIssuer: true},
		"scopes orders.read":                                      {Scopes: strs{"orders.read"}},
		"scopes b, a; any of d, c":                                {Scopes: strs{"b", "a"}, AnyScope: strs{"d", "c"}},
		"introspected within 1m0s":                                {Fresh: validator.IntrospectedWithin(time.Minute)},
		"introspected now":                                        {Fresh: validator.IntrospectedNow(), PermitName: "alone"},
		`issuers "a, b", "", "a;b", "a\nb"`:                       {Issuers: strs{"a, b", "", "a;b", "a\nb"}},
		`audiences "größe", "say \"x\""`:                          {Audiences: strs{"größe", `say "x"`}},
		"a predicate":                                             {Permit: never},
		`permit "business hours"`:                                 {Permit: never, PermitName: "business hours"},
		"authenticated within 1h0m0s":                             {MaxAuthAge: time.Hour},
		"issued within -1s":                                       {MaxTokenAge: -time.Second},
		"authenticated within -1s":                                {MaxAuthAge: -time.Second},
		"any token; acr gold":                                     {AnyToken: true, ACRValues: strs{"gold"}},
		`authorization details payment, "a,"`:                     {AuthorizationDetails: []validator.DetailRule{small, validator.Detail("a,", func(any) bool { return true }), small}},
		"introspected now (within 5m0s while the issuer is down)": {Fresh: validator.IntrospectedNow().OrIfDown(5 * time.Minute)},
		"introspected within 1m0s (within 5m0s while the issuer is down)": {Fresh: validator.IntrospectedWithin(time.Minute).OrIfDown(5 * time.Minute)},
		"any token; introspected within 5m0s while the issuer is down":    {AnyToken: true, Fresh: validator.Freshness{}.OrIfDown(5 * time.Minute)},
		"any token; introspected within 0s while the issuer is down":      {AnyToken: true, Fresh: validator.Freshness{}.OrIfDown(0)},
		"any token; introspected within 1m0s":                             {AnyToken: true, Fresh: validator.IntrospectedWithin(time.Minute).OrIfDown(0)},
		"scopes orders.pay; any of x, y; issuers staff, https://as.example.com; audiences api://orders; clients web, app; any trusted issuer; " +
			"issued within 10m0s; acr gold or silver; authenticated within 5m0s; introspected within 1s; " +
			`authorization details payment, "account information"; permit limits`: {
			Scopes: strs{"orders.pay"}, AnyScope: strs{"x", "y"}, Issuers: strs{"staff", "https://as.example.com"}, Audiences: strs{"api://orders"},
			ClientIDs: strs{"web", "app"}, AnyTrustedIssuer: true, MaxTokenAge: 10 * time.Minute, ACRValues: strs{"gold", "silver"},
			MaxAuthAge: 5 * time.Minute, Fresh: validator.IntrospectedWithin(time.Second),
			AuthorizationDetails: []validator.DetailRule{small, account}, Permit: never, PermitName: "limits",
		},
	} {
		assert.Equal(t, want, p.String())
		assert.Equal(t, want, fmt.Sprintf("%v", p))
		assert.Equal(t, want, fmt.Sprint(&p))
	}
}
