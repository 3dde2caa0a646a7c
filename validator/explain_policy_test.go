package validator_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// calls counts the calls of all functions that an owner can supply.
type calls struct{ tenants, permit, details, proof, router int }

func (n *calls) requirements() validator.Requirements {
	return validator.Requirements{
		Policy: &validator.Policy{
			Permit:               func(context.Context, *validator.Token) error { n.permit++; return nil },
			AuthorizationDetails: []validator.DetailRule{validator.Detail("pay", func(struct{}) bool { n.details++; return true })},
		},
		Proofs: []validator.Proof{fixedProof{seen: func(string, *validator.Token) { n.proof++ }}},
	}
}

// TestExplainCallsNothingMore: functions of the owner's are called as often as by
// Validate, whether a token is accepted or where it is refused.
func TestExplainCallsNothingMore(t *testing.T) {
	s := start(t, validatortest.Options{Style: validatortest.StyleEntraV2, Path: "/{tenantid}/v2.0", Algorithm: "RS256"})
	pay := validatortest.Claim("authorization_details", []map[string]any{{"type": "pay"}})
	for name, tc := range map[string]struct {
		raw  string
		want calls
	}{
		"accepted":  {s.AccessToken(pay), calls{tenants: 2, permit: 1, details: 1, proof: 1, router: 0}},
		"typ":       {s.AccessToken(pay, validatortest.NoClaim("azp")), calls{}},
		"alg":       {s.AccessToken(pay, validatortest.HeaderParam("alg", "none")), calls{tenants: 1}},
		"signature": {s.AccessToken(pay)[:400] + "AAAA", calls{}},
		"details":   {s.AccessToken(), calls{tenants: 2, proof: 1}},
		"opaque":    {"an-opaque-token", calls{router: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var validated, explained calls
			for _, n := range []*calls{&validated, &explained} {
				is := styles["Entra v2, all"].issuer(s)
				is.Profile = validator.EntraV2(validator.Tenants{Permit: func(string) bool { n.tenants++; return true }})
				opaque := ask(start(t, validatortest.Options{}))
				c := configure(is, opaque)
				c.OpaqueIssuer = func(string) string { n.router++; return "" }
				v, require := build(t, c), n.requirements()
				require.Policy.AnyTrustedIssuer = true
				if n == &validated {
					_, _ = v.ValidateWith(t.Context(), tc.raw, require)
					continue
				}
				v.ExplainWith(t.Context(), tc.raw, require)
			}
			assert.Equal(t, validated, explained)
			if name != "signature" {
				assert.Equal(t, tc.want, explained)
			}
		})
	}
}

// TestExplainOrderOfPolicies: the checks of a policy stand in the order in which it
// evaluates them, and each field that demands something has one.
func TestExplainOrderOfPolicies(t *testing.T) {
	s, second := start(t, validatortest.Options{}), start(t, validatortest.Options{})
	v := build(t, configure(trust(s), func() validator.Issuer { is := trust(second); is.Audiences = strs{"api://second"}; return is }()))
	no := errors.New("no")
	unmet := validator.Policy{
		Scopes: strs{"root"}, AnyScope: strs{"root"}, Issuers: strs{second.Issuer()}, Audiences: strs{"api://second"}, ClientIDs: strs{"stranger"},
		MaxTokenAge: time.Second, ACRValues: strs{"gold"}, MaxAuthAge: time.Minute,
		AuthorizationDetails: []validator.DetailRule{validator.Detail("pay", func(struct{}) bool { return false })},
		Permit:               func(context.Context, *validator.Token) error { return no },
	}
	fields := []struct {
		field, check string
	}{
		{"Issuers", "policy issuers"}, {"Audiences", "policy audiences"}, {"ClientIDs", "policy clients"}, {"MaxTokenAge", "policy token age"},
		{"Scopes", "policy scopes"}, {"AnyScope", "policy scopes"}, {"AuthorizationDetails", "policy authorization_details"},
		{"ACRValues", "policy acr"}, {"MaxAuthAge", "policy auth_time"}, {"Permit", "policy permit"},
	}
	known := map[string]bool{"AnyTrustedIssuer": true, "AnyToken": true, "Fresh": true, "PermitName": true} // demand nothing, or of the answer
	raw := s.AccessToken(validatortest.Claim("iat", time.Now().Add(-time.Hour).Unix()))
	for _, f := range fields {
		known[f.field] = true
		_, err := v.ValidateWith(t.Context(), raw, validator.Requirements{Policy: &unmet})
		x := v.ExplainWith(t.Context(), raw, validator.Requirements{Policy: &unmet})
		assert.Equal(t, f.check, agrees(t, x, raw, err).Name, f.field)
		reflect.ValueOf(&unmet).Elem().FieldByName(f.field).SetZero()
		if f.field == "Issuers" {
			unmet.AnyTrustedIssuer = false
			unmet.Issuers = strs{s.Issuer()} // else it leaves open whose
		}
	}
	for field := range reflect.TypeFor[validator.Policy]().Fields() {
		assert.True(t, known[field.Name], "Policy.%s: which check of an explanation is it?", field.Name)
	}
}

// TestExplainPermitAndProof: whatever reason they give, it is theirs.
func TestExplainPermitAndProof(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	raw := s.AccessToken()
	for _, reason := range []validator.Reason{validator.ReasonInsufficientScope, validator.ReasonACRInsufficient, validator.ReasonPermitUnavailable} {
		call := validator.Requirements{Policy: &validator.Policy{Permit: func(_ context.Context, _ *validator.Token) error {
			return validator.NewError(reason, "it quotes "+raw+" and "+raw[:40])
		}}}
		_, err := v.ValidateWith(t.Context(), raw, call)
		c := agrees(t, v.ExplainWith(t.Context(), raw, call), raw, err)
		assert.Equal(t, "policy permit", c.Name)
		assert.Equal(t, "it quotes [redacted] and [redacted]", c.Actual)
	}
	for _, reason := range []validator.Reason{validator.ReasonExpired, validator.ReasonRevoked, validator.ReasonProofNonce} {
		call := validator.Requirements{Proofs: []validator.Proof{fixedProof{err: validator.NewError(reason, "")}}}
		_, err := v.ValidateWith(t.Context(), raw, call)
		assert.Equal(t, "proof", agrees(t, v.ExplainWith(t.Context(), raw, call), raw, err).Name)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	for name, call := range map[string]validator.Requirements{
		"proof":         {Proofs: []validator.Proof{fixedProof{err: context.Canceled}}},
		"policy permit": {Policy: &validator.Policy{Permit: func(context.Context, *validator.Token) error { return context.Canceled }}},
	} {
		x := v.ExplainWith(left, raw, call)
		assert.Equal(t, validator.ReasonCallerLeft, x.Reason)
		assert.Equal(t, strs{name}, strs(failures(x)))
	}
}
