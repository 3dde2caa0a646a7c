package transports

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// A testCase is one request of the table.
type testCase struct {
	name      string
	policy    func() validator.Policy
	send      func(products) []string // values of Authorization
	reason    validator.Reason        // as the observer hears it; "accepted"
	class     error                   // nil: let through
	challenge string                  // to the byte; empty: none
}

const accepted validator.Reason = "accepted"

const (
	bare      = `Bearer realm="orders"`
	malformed = bare + `, error="invalid_request", error_description="The request is malformed"`
	invalid   = bare + `, error="invalid_token", error_description="The access token is invalid"`
	expired   = bare + `, error="invalid_token", error_description="The access token expired"`
	denied    = bare + `, error="insufficient_scope", error_description="The access token does not permit this request"`
	stepUp    = bare + `, error="insufficient_user_authentication", error_description="A different authentication is required"`
)

// readers is the policy of most cases: a scope, and whose it must be.
func readers() validator.Policy {
	return validator.Policy{Scopes: []string{"read"}, Issuers: []string{"orders"}}
}

// strong also wants the user to have authenticated in some way.
func strong() validator.Policy {
	p := readers()
	p.ACRValues, p.MaxAuthAge = []string{"mfa"}, 5*time.Minute
	return p
}

func cases() []testCase {
	return []testCase{
		{"good", readers, one(), accepted, nil, ""},
		{"good, step-up done", strong, one(validatortest.Claim("acr", "mfa"), validatortest.Claim("auth_time", time.Now().Unix())), accepted, nil, ""},
		{"no token", readers, values(), validator.ReasonNoToken, validator.ErrNoToken, bare},
		{"another scheme", readers, values("Basic dTpw"), validator.ReasonUnsupportedScheme, validator.ErrNoToken, bare},
		{"two headers", readers, twice, validator.ReasonSeveralHeaders, validator.ErrInvalidRequest, malformed},
		{"two tokens in one", readers, values("Bearer a b"), validator.ReasonMalformedHeader, validator.ErrInvalidRequest, malformed},
		{"malformed", readers, values("Bearer eyJhbGciOiJFUzI1NiJ9.e30"), validator.ReasonNotJWT, validator.ErrInvalidToken, invalid},
		{"too large", readers, values("Bearer " + strings.Repeat("a", validator.MaxTokenSize+1)), validator.ReasonTokenTooLarge, validator.ErrInvalidToken, invalid},
		{"expired", readers, one(validatortest.Expiry(time.Now().Add(-time.Hour))), validator.ReasonExpired, validator.ErrInvalidToken, expired},
		{"another audience", readers, one(validatortest.Audience("api://billing")), validator.ReasonAudienceMismatch, validator.ErrInvalidToken, invalid},
		{"bound token", readers, one(validatortest.Claim("cnf", map[string]any{"jkt": strings.Repeat("A", 43)})), validator.ReasonProofMissing, validator.ErrInvalidProof, invalid},
		{"wrong scope", readers, one(validatortest.Scope("write")), validator.ReasonInsufficientScope, validator.ErrInsufficientScope, denied + `, scope="read"`},
		{"another product's", readers, foreign, validator.ReasonIssuerNotAllowed, validator.ErrInsufficientScope, denied},
		{"step-up", strong, one(), validator.ReasonACRInsufficient, validator.ErrInsufficientAuthentication, stepUp + `, acr_values="mfa", max_age="300"`},
		{"outage", readers, outage, validator.ReasonKeysUnavailable, validator.ErrUnavailable, ""},
	}
}

func values(list ...string) func(products) []string {
	return func(products) []string { return list }
}

// one is a good token, after edits.
func one(edits ...validatortest.Edit) func(products) []string {
	return func(p products) []string { return []string{"Bearer " + p.mint(edits...)} }
}

func (p products) mint(edits ...validatortest.Edit) string {
	return p.orders.AccessToken(append([]validatortest.Edit{validatortest.Audience("api://orders")}, edits...)...)
}

func twice(p products) []string {
	value := "Bearer " + p.mint()
	return []string{value, value}
}

func foreign(p products) []string {
	return []string{"Bearer " + p.billing.AccessToken(validatortest.Audience("api://billing"))}
}

func outage(p products) []string {
	p.orders.SetMode(validatortest.ModeError)
	return []string{"Bearer " + p.mint()}
}

// errorCode is the parameter error of a challenge; empty: there is none.
func errorCode(challenge string) string {
	_, rest, _ := strings.Cut(challenge, ` error="`)
	code, _, _ := strings.Cut(rest, `"`)
	return code
}

// heard is what an observer heard.
type heard struct {
	mu      sync.Mutex
	reasons []validator.Reason
}

func (h *heard) decision(_ context.Context, d validator.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reason := accepted
	if d.Err != nil {
		reason = d.Err.Reason
	}
	h.reasons = append(h.reasons, reason)
}

func (h *heard) list() []validator.Reason {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reasons
}
