package validator_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// payment is what one API calls a payment.
type payment struct {
	Actions []string `json:"actions"`
	Amount  int      `json:"amount"`
}

func details(text string) validatortest.Edit {
	return validatortest.Claim("authorization_details", json.RawMessage(text))
}

// small asks for a payment of 1 to 100.
var small = validator.Detail("payment", func(p payment) bool { return p.Amount > 0 && p.Amount <= 100 })

func detailed(rules ...validator.DetailRule) validator.Policy {
	return validator.Policy{AuthorizationDetails: rules}
}

// TestAuthorizationDetails (RFC 9396): one element of exactly the type, that decodes, and that the
// predicate permits.
func TestAuthorizationDetails(t *testing.T) {
	s, _, v := still(t, 0)
	const insufficient, malformed = validator.ReasonDetailsInsufficient, validator.ReasonDetailsMalformed
	for name, tc := range map[string]struct {
		claim  string // empty: none
		reason validator.Reason
	}{
		"one":                       {claim: `[{"type":"payment","amount":100}]`},
		"members that T has not":    {claim: `[{"type":"payment","amount":1,"purpose":"x","locations":["a"]}]`},
		"among others":              {claim: `[{"type":"account"},{"type":"payment","amount":7},{"type":"payment","amount":700}]`},
		"after one that is refused": {claim: `[{"type":"payment","amount":700},{"type":"payment","amount":7}]`},
		"after one that misfits":    {claim: `[{"type":"payment","amount":"7"},{"type":"payment","amount":7}]`},
		"others of any form":        {claim: `[{"type":"account","amount":"many"},{"type":"payment","amount":7}]`},
		"escaped":                   {claim: `[{"typ\u0065":"p\u0061yment","amount":7}]`},
		"no claim":                  {reason: insufficient},
		"no element":                {claim: `[]`, reason: insufficient},
		"refused":                   {claim: `[{"type":"payment","amount":101}]`, reason: insufficient},
		"misfit":                    {claim: `[{"type":"payment","amount":"7"}]`, reason: insufficient},
		"fraction":                  {claim: `[{"type":"payment","amount":7.5}]`, reason: insufficient},
		"member of another case":    {claim: `[{"type":"payment","Amount":7}]`, reason: insufficient},
		"null for a member":         {claim: `[{"type":"payment","amount":null}]`, reason: insufficient},
		"another type":              {claim: `[{"type":"account","amount":7}]`, reason: insufficient},
		"type of another case":      {claim: `[{"type":"Payment","amount":7}]`, reason: insufficient},
		"longer type":               {claim: `[{"type":"payment_initiation","amount":7}]`, reason: insufficient},
		"empty type":                {claim: `[{"type":"","amount":7}]`, reason: insufficient},
		"one level down":            {claim: `[{"type":"x","sub":{"type":"payment","amount":7}}]`, reason: insufficient},
		"null":                      {claim: `null`, reason: malformed},
		"an object":                 {claim: `{"type":"payment","amount":7}`, reason: malformed},
		"a string":                  {claim: `"[{\"type\":\"payment\",\"amount\":7}]"`, reason: malformed},
		"an array in an array":      {claim: `[[{"type":"payment","amount":7}]]`, reason: malformed},
		"an element is no object":   {claim: `[{"type":"payment","amount":7},"x"]`, reason: malformed},
		"an element is null":        {claim: `[{"type":"payment","amount":7},null]`, reason: malformed},
		"an element has no type":    {claim: `[{"type":"payment","amount":7},{"amount":7}]`, reason: malformed},
		"a type is no string":       {claim: `[{"type":"payment","amount":7},{"type":7}]`, reason: malformed},
		"a type is null":            {claim: `[{"type":"payment","amount":7},{"type":null}]`, reason: malformed},
		"a type is a list":          {claim: `[{"type":["payment"],"amount":7}]`, reason: malformed},
		"Type":                      {claim: `[{"Type":"payment","amount":7}]`, reason: malformed},
		"type and Type":             {claim: `[{"type":"payment","Type":"account","amount":7}]`, reason: malformed},
	} {
		for kind, mint := range kinds(s) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				raw := mint()
				if tc.claim != "" {
					raw = mint(details(tc.claim))
				}
				if tc.reason == "" {
					permitted(t, v, raw, detailed(small))
					return
				}
				e := denied(t, v, raw, detailed(small), validator.ErrInsufficientScope, tc.reason)
				assert.Equal(t, validator.Challenge{Code: "insufficient_scope", Description: "The access token does not permit this request"}, e.Challenge)
			})
		}
	}
	for _, name := range []string{"Authorization_Details", "authorization_detail\u017f"} { // before it and behind it
		denied(t, v, s.AccessToken(details(`[{"type":"payment","amount":7}]`), validatortest.Claim(name, "x")), detailed(small),
			validator.ErrInsufficientScope, validator.ReasonDetailsMalformed)
	}
	// Whoever does not ask does not look.
	permitted(t, v, s.AccessToken(details(`7`), validatortest.Claim("ACR", "x")), validator.Policy{AnyToken: true})
	permitted(t, v, s.AccessToken(details(`[{"type":"payment","amount":7}]`), validatortest.Claim("ACR", "x")), detailed(small))
}

// TestDuplicatesInDetails: as anywhere in a token.
func TestDuplicatesInDetails(t *testing.T) {
	s, _, v := still(t, 0)
	raw := s.AccessToken(details(`[{"type":"payment","amount":700,"amount":7}]`))
	reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonMalformedClaims)
}

// TestDetailsMustAllBeSatisfied: each rule by an element, of whatever type and form.
func TestDetailsMustAllBeSatisfied(t *testing.T) {
	s, _, v := still(t, 0)
	account := validator.Detail("account", func(a map[string]any) bool { return a["iban"] == "DE1" && a["type"] == "account" })
	refund := validator.Detail("payment", func(p payment) bool { return len(p.Actions) == 1 && p.Actions[0] == "refund" })
	const one, two, three = `{"type":"payment","amount":7}`, `{"type":"account","iban":"DE1"}`, `{"type":"payment","amount":700,"actions":["refund"]}`
	permitted(t, v, s.AccessToken(details("["+one+","+two+"]")), detailed(small, account))
	permitted(t, v, s.AccessToken(details("["+three+","+two+","+one+"]")), detailed(small, account, refund))
	for _, lacking := range []string{one, two, one + "," + three, two + "," + one, ""} {
		denied(t, v, s.AccessToken(details("["+lacking+"]")), detailed(small, account, refund),
			validator.ErrInsufficientScope, validator.ReasonDetailsInsufficient)
	}
}

// TestDetailSaysWhatWasFound: in the log, not to the client.
func TestDetailSaysWhatWasFound(t *testing.T) {
	s, _, v := still(t, 0)
	e := denied(t, v, s.AccessToken(details(`[{"type":"payment","amount":700},{"type":"payment","amount":"7"}]`)), detailed(small),
		validator.ErrInsufficientScope, validator.ReasonDetailsInsufficient)
	assert.Contains(t, e.Detail, `type "payment" that it permits, found 2 of that type; one does not decode: `)
	e = denied(t, v, s.AccessToken(details(`[{"type":"payment","amount":700}]`)), detailed(small),
		validator.ErrInsufficientScope, validator.ReasonDetailsInsufficient)
	assert.Contains(t, e.Detail, "found 1 of that type")
	assert.NotContains(t, e.Detail, "decode")
	e = denied(t, v, s.AccessToken(details(`[{"type":"a"},{}]`)), detailed(small), validator.ErrInsufficientScope, validator.ReasonDetailsMalformed)
	assert.Contains(t, e.Detail, "element 1: ")
	e = denied(t, v, s.AccessToken(details(`{"type":"payment"}`)), detailed(small), validator.ErrInsufficientScope, validator.ReasonDetailsMalformed)
	assert.Equal(t, "not an array", e.Detail)
}

// TestDetailsAreBesideScopes: neither stands for the other.
func TestDetailsAreBesideScopes(t *testing.T) {
	s, _, v := still(t, 0)
	p := detailed(small)
	p.Scopes = strs{"pay"}
	good := details(`[{"type":"payment","amount":7}]`)
	permitted(t, v, s.AccessToken(good, validatortest.Scope("pay")), p)
	denied(t, v, s.AccessToken(good), p, validator.ErrInsufficientScope, validator.ReasonInsufficientScope)
	denied(t, v, s.AccessToken(validatortest.Scope("pay")), p, validator.ErrInsufficientScope, validator.ReasonDetailsInsufficient)
}

// TestDetailWithoutPredicate: a rule that says nothing is a mistake, not a
// permission.
func TestDetailWithoutPredicate(t *testing.T) {
	s, _, v := still(t, 0)
	token := accept(t, v, s.AccessToken(details(`[{"type":"payment","amount":7},{"type":""}]`)))
	for _, rule := range []validator.DetailRule{
		{}, validator.Detail[payment]("payment", nil), validator.Detail("", func(payment) bool { return true }),
	} {
		err := detailed(small, rule).Check(context.Background(), token)
		refused(t, err, validator.ErrInsufficientScope, validator.ReasonPolicyInvalid)
	}
}
