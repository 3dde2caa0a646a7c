package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// step is one request to the API and the answer it must get.
type step struct {
	name   string
	change func()              // at the authorization server before; may be nil
	method string              // empty: GET
	dress  func(*http.Request) // puts the token where this step has it
	want   outcome
}

type outcome struct {
	status int
	reason validator.Reason // empty: accepted
	cached bool
}

// steps returns the requests of the table, in their order. The tokens that an
// honest client can get come from the token endpoint; validatortest mints the
// others.
func (d demo) steps(ctx context.Context) ([]step, error) {
	var reader, writer, invoices, stranger string
	for _, t := range []struct {
		token    *string
		who      app
		scope    string
		audience string
	}{
		{&reader, ordersApp, "orders.read", audience},
		{&writer, ordersApp, "orders.read orders.write", audience},
		{&invoices, ordersApp, "orders.read", "api://invoices"},
		{&stranger, otherApp, "orders.read", audience},
	} {
		var err error
		if *t.token, err = d.fetchToken(ctx, t.who, t.scope, t.audience); err != nil {
			return nil, err
		}
	}

	as := d.as
	// mint makes an access token of the accepted app, with changes of your choice.
	mint := func(changes ...validatortest.Edit) string { return as.MintWith("", honest(changes)...) }
	opaque := func(changes ...validatortest.Edit) string { return as.OpaqueToken(honest(changes)...) }
	kept, fresh, revoked := opaque(), opaque(), opaque()
	as.Revoke(revoked)
	unlisted := func() string { return as.MintWith(as.Prepare("ES256"), honest(nil)...) }
	rotate := func() {
		old := as.KID()
		as.Rotate("ES256")
		as.Withdraw(old)
	}
	revokeKept := func() { as.Revoke(kept) }
	goDown := func() { as.SetMode(validatortest.ModeDown) }

	return []step{
		{name: "no token", dress: nothing, want: outcome{401, validator.ReasonNoToken, false}},
		{name: "a good token", dress: bearer(reader), want: outcome{200, "", false}},
		{name: "the same token again", dress: bearer(reader), want: outcome{200, "", true}},
		{name: "a token that may only read", method: "POST", dress: bearer(reader), want: outcome{403, validator.ReasonInsufficientScope, true}},
		{name: "a token that may write", method: "POST", dress: bearer(writer), want: outcome{201, "", false}},
		{name: "expired", dress: bearer(mint(validatortest.Expiry(time.Now().Add(-time.Minute)))), want: outcome{401, validator.ReasonExpired, false}},
		{name: "for another API", dress: bearer(invoices), want: outcome{401, validator.ReasonAudienceMismatch, false}},
		{name: "of another client", dress: bearer(stranger), want: outcome{401, validator.ReasonClientMismatch, false}},
		{name: "changed signature", dress: bearer(tampered(reader)), want: outcome{401, validator.ReasonBadSignature, false}},
		{name: "alg none", dress: bearer(mint(validatortest.HeaderParam("alg", "none"))), want: outcome{401, validator.ReasonAlgorithmNotAllowed, false}},
		{name: "an ID token", dress: bearer(as.IDToken(ordersApp.id)), want: outcome{401, validator.ReasonNotAccessToken, false}},
		{name: "not a token at all", dress: bearer("hello"), want: outcome{401, validator.ReasonOpaqueFormat, false}},
		{name: "a key that nobody lists", dress: bearer(unlisted()), want: outcome{401, validator.ReasonUnknownKey, false}},
		{name: "the token in the query", dress: inQuery(reader), want: outcome{401, validator.ReasonTokenInQuery, false}},
		{name: "two Authorization headers", dress: twice(reader, writer), want: outcome{400, validator.ReasonSeveralHeaders, false}},

		// Opaque tokens: the authorization server is asked once, and its answer kept
		// until exp, as the result of any validation is. Asking more often is a setting
		// (IntrospectionMaxAge), or a requirement of the call (Freshness).
		{name: "an opaque token", dress: bearer(kept), want: outcome{200, "", false}},
		{name: "the same opaque token again", dress: bearer(kept), want: outcome{200, "", true}},
		{name: "a revoked opaque token", dress: bearer(revoked), want: outcome{401, validator.ReasonInactive, false}},
		{name: "an opaque token of another client", dress: bearer(opaque(validatortest.ClientID(otherApp.id))), want: outcome{401, validator.ReasonClientMismatch, false}},
		{name: "revoked after it was accepted", change: revokeKept, dress: bearer(kept), want: outcome{200, "", true}},

		// The authorization server gets a new key and withdraws the old one. Keys
		// are fetched again when a token names an unknown one, and not before.
		{name: "old key, withdrawn unnoticed", change: rotate, dress: bearer(reader), want: outcome{200, "", true}},
		{name: "new key", dress: lazily(mint), want: outcome{200, "", false}},
		{name: "old key, after that refresh", dress: bearer(reader), want: outcome{401, validator.ReasonUnknownKey, false}},

		// The authorization server does not answer any more.
		{name: "server down, known key", change: goDown, dress: lazily(mint), want: outcome{200, "", false}},
		{name: "server down, unknown key", dress: bearer(unlisted()), want: outcome{503, validator.ReasonIntrospectionUnavailable, false}},
		{name: "server down, known opaque token", dress: bearer(kept), want: outcome{200, "", true}},
		{name: "server down, new opaque token", dress: bearer(fresh), want: outcome{503, validator.ReasonIntrospectionUnavailable, false}},
	}, nil
}

// honest are the edits that make a token of validatortest one of ordersApp.
func honest(changes []validatortest.Edit) []validatortest.Edit {
	return append([]validatortest.Edit{
		validatortest.ClientID(ordersApp.id), validatortest.Subject(ordersApp.id), validatortest.Scope("orders.read"),
	}, changes...)
}

// tampered changes one character of the signature.
func tampered(token string) string {
	i := strings.LastIndexByte(token, '.') + 10
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

func nothing(*http.Request) {}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// lazily mints the token when its turn has come: with the key of that time.
func lazily(mint func(...validatortest.Edit) string) func(*http.Request) {
	return func(r *http.Request) { bearer(mint())(r) }
}

func inQuery(token string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = "access_token=" + token }
}

func twice(one, other string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header["Authorization"] = []string{"Bearer " + one, "Bearer " + other}
	}
}
