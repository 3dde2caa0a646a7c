package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"connectrpc.com/connect"

	"github.com/bearerguard/bearerguard/validator"
)

// codes maps the classes of refusal to Connect's codes, which are gRPC's. A class
// that is not here is a refusal that nobody decided: Unavailable.
var codes = []struct {
	class error
	code  connect.Code
}{
	{validator.ErrNoToken, connect.CodeUnauthenticated},
	{validator.ErrInvalidRequest, connect.CodeInvalidArgument},
	{validator.ErrInvalidToken, connect.CodeUnauthenticated},
	{validator.ErrInvalidProof, connect.CodeUnauthenticated},
	{validator.ErrInsufficientAuthentication, connect.CodeUnauthenticated},
	{validator.ErrInsufficientScope, connect.CodePermissionDenied},
}

func codeOf(err error) connect.Code {
	for _, c := range codes {
		if errors.Is(err, c.class) {
			return c.code
		}
	}
	return connect.CodeUnavailable
}

// refusal is the error that the client gets: a code, and a text that is the same for
// all of a class (but for "expired"). The cause stays here.
func refusal(err error) *connect.Error {
	var e *validator.Error
	if !errors.As(err, &e) {
		e = validator.NewError("", "") // undecided, not bad
	}
	return connect.NewError(codeOf(e), errors.New(cmp.Or(e.Challenge.Description, e.Class.Error())))
}

// refuse is refusal, with the challenge (RFC 6750 3) or Retry-After in the header of
// the response, as net/http has them. Clients find both in the metadata of the error.
// (That is not where they are put, because gRPC sends it as trailers, among which
// net/http has neither WWW-Authenticate nor Cache-Control: RFC 9110 6.5.1.)
func (g *gate) refuse(ctx context.Context, err error) *connect.Error {
	if header, ok := ctx.Value(headerKey{}).(http.Header); ok {
		answer := headerOnly{}
		g.guard.Refuse(answer, err)
		for _, name := range []string{"Www-Authenticate", "Retry-After", "Dpop-Nonce", "Cache-Control"} {
			if values, ok := answer[name]; ok {
				header[name] = values
			}
		}
	}
	return refusal(err)
}

type headerKey struct{}

// nonce gives the holder of a token's key a nonce for the next proof (RFC 9449 8.2),
// where the Guard's DPoP has nonces.
func (g *gate) nonce(ctx context.Context, token *validator.Token) {
	if header, ok := ctx.Value(headerKey{}).(http.Header); ok {
		g.guard.SetNonce(headerOnly(header), token)
	}
}

// withHeader lets refuse and nonce find the header of the response, which an authn.AuthFunc is
// not given.
func withHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), headerKey{}, w.Header())))
	})
}

// headerOnly is an http.ResponseWriter for the header of an answer that is sent by
// other means.
type headerOnly http.Header

func (h headerOnly) Header() http.Header          { return http.Header(h) }
func (headerOnly) WriteHeader(int)                {}
func (headerOnly) Write(body []byte) (int, error) { return len(body), nil }
