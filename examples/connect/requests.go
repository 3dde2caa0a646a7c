package main

import (
	"context"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// step is one request, and the answer that it must get in whichever way it is sent.
type step struct {
	name          string
	change        func() // at the authorization server before; may be nil
	unlisted      bool   // it calls a procedure that nobody listed
	authorization []string
	code          connect.Code // accepted: none
	reason        validator.Reason
}

const accepted connect.Code = 0

// steps returns the requests of the table, in their order. The tokens that an honest
// client can get come from the token endpoints; validatortest mints the others.
func (d *demo) steps(ctx context.Context) ([]step, error) {
	reader, err := d.fetchToken(ctx, d.orders, ordersApp, "orders.read")
	if err != nil {
		return nil, err
	}
	writer, err := d.fetchToken(ctx, d.orders, ordersApp, "orders.write")
	if err != nil {
		return nil, err
	}
	invoices, err := d.fetchToken(ctx, d.invoices, invoicesApp, "orders.read")
	if err != nil {
		return nil, err
	}
	// mint makes an access token like that of reader, with changes of your choice.
	mint := func(as *validatortest.Server, kid string, changes ...validatortest.Edit) []string {
		return bearer(as.MintWith(kid, append([]validatortest.Edit{
			validatortest.ClientID(ordersApp.id), validatortest.Subject(ordersApp.id), validatortest.Scope("orders.read"),
		}, changes...)...))
	}
	cnf := validatortest.Claim("cnf", map[string]any{"jkt": strings.Repeat("A", 43)})
	goDown := func() { d.orders.SetMode(validatortest.ModeDown) }

	return []step{
		{name: "no token", code: connect.CodeUnauthenticated, reason: validator.ReasonNoToken},
		{name: "two Authorization headers", authorization: append(bearer(reader), bearer(writer)...), code: connect.CodeInvalidArgument, reason: validator.ReasonSeveralHeaders},
		{name: "two tokens in one header", authorization: bearer(reader + " " + writer), code: connect.CodeInvalidArgument, reason: validator.ReasonMalformedHeader},
		{name: "not a token at all", authorization: bearer("hello"), code: connect.CodeUnauthenticated, reason: validator.ReasonNotJWT},
		{name: "expired", authorization: mint(d.orders, "", validatortest.Expiry(time.Now().Add(-time.Minute))), code: connect.CodeUnauthenticated, reason: validator.ReasonExpired},
		{name: "of an issuer that nobody trusts", authorization: mint(d.stranger, ""), code: connect.CodeUnauthenticated, reason: validator.ReasonUnknownIssuer},
		{name: "of another product's issuer", authorization: bearer(invoices), code: connect.CodePermissionDenied, reason: validator.ReasonIssuerNotAllowed},
		{name: "that may only write", authorization: bearer(writer), code: connect.CodePermissionDenied, reason: validator.ReasonInsufficientScope},
		{name: "bound to a key, without a proof", authorization: mint(d.orders, "", cnf), code: connect.CodeUnauthenticated, reason: validator.ReasonProofMissing},
		{name: "good", authorization: bearer(reader), code: accepted},
		{name: "good", unlisted: true, authorization: bearer(reader), code: connect.CodePermissionDenied, reason: validator.ReasonRouteUnknown},
		{name: "none", unlisted: true, code: connect.CodeUnauthenticated, reason: validator.ReasonNoToken},

		// The authorization server does not answer any more.
		{name: "server down, known key", change: goDown, authorization: mint(d.orders, "", validatortest.Claim("jti", "another")), code: accepted},
		{name: "server down, unknown key", authorization: mint(d.orders, d.orders.Prepare("ES256")), code: connect.CodeUnavailable, reason: validator.ReasonKeysUnavailable},
	}, nil
}

func bearer(token string) []string { return []string{"Bearer " + token} }
