package main

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	publicOrigin = "https://api.example.com"
	unaryPath    = "/test.v1.Test/Unary"
)

// send calls the unary procedure with this header, and returns that of the answer.
func (h *house) send(t *testing.T, header http.Header, options ...connect.ClientOption) (http.Header, error) {
	t.Helper()
	request := connect.NewRequest(&emptypb.Empty{})
	for name, values := range header {
		request.Header()[name] = values
	}
	response, err := connect.NewClient[emptypb.Empty, structpb.Struct](h.h2c, h.address+unaryPath, options...).CallUnary(t.Context(), request)
	if refusal := (*connect.Error)(nil); errors.As(err, &refusal) {
		return refusal.Meta(), err
	}
	require.NoError(t, err)
	return response.Header(), nil
}

// TestBoundToken: with a Guard that knows DPoP, a bound token needs a proof, used once;
// as Bearer it is refused. Challenges and nonces are those of net/http.
func TestBoundToken(t *testing.T) {
	proofs, err := dpop.New(dpop.Config{
		Origins: []string{publicOrigin}, Algorithms: []string{"ES256"}, Nonces: &dpop.Nonces{Secret: []byte("a secret for tests, of 32 bytes!")},
	})
	require.NoError(t, err)
	h := newHouseWith(t, middleware.Config{DPoP: proofs})
	h.unary(unaryPath, unaryPath, nothing)
	key := dpoptest.NewKey("ES256")
	token := h.as.AccessToken(key.Bind())
	proof := func(scheme string, edits ...validatortest.Edit) http.Header {
		return http.Header{"Authorization": {scheme + " " + token}, "Dpop": {key.Proof("POST", publicOrigin+unaryPath, token, edits...)}}
	}
	for name, protocol := range map[string][]connect.ClientOption{"Connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()}} {
		t.Run(name, func(t *testing.T) {
			refuses := func(header http.Header, reason validator.Reason, challenges ...string) http.Header {
				t.Helper()
				answer, err := h.send(t, header, protocol...)
				h.assertRefused(t, err, connect.CodeUnauthenticated, reason)
				assert.Equal(t, challenges, answer.Values("WWW-Authenticate"))
				return answer
			}
			const offered = `DPoP algs="ES256"`
			refuses(proof("Bearer"), validator.ReasonProofScheme, `Bearer error="invalid_token", error_description="The access token is invalid"`, offered)
			nonce := refuses(proof("DPoP"), validator.ReasonProofNonce,
				`DPoP error="use_dpop_nonce", error_description="The DPoP proof needs the nonce of this answer", algs="ES256"`, "Bearer").Get("DPoP-Nonce")
			good := proof("DPoP", validatortest.Claim("nonce", nonce))
			answer, err := h.send(t, good, protocol...)
			require.NoError(t, err)
			assert.Equal(t, validator.Reason(""), <-h.reasons)
			assert.NotEmpty(t, answer.Get("DPoP-Nonce"))
			refuses(good, validator.ReasonProofReplayed,
				`DPoP error="invalid_dpop_proof", error_description="The DPoP proof is invalid", algs="ES256"`, "Bearer")
		})
	}
}

// TestBoundTokenWithoutProofs: where the Guard knows of none, a bound token is refused
// in every way.
func TestBoundTokenWithoutProofs(t *testing.T) {
	h := newHouse(t)
	h.unary(unaryPath, unaryPath, nothing)
	h.stream("/test.v1.Test/Stream", func(context.Context, *connect.ServerStream[structpb.Struct]) error { return nil })
	bound := bearer(h.as.AccessToken(dpoptest.NewKey("ES256").Bind()))
	for _, w := range h.ways() {
		path := map[bool]string{false: unaryPath, true: "/test.v1.Test/Stream"}[w.streamed]
		_, err := w.call(t.Context(), h.address+path, bound)
		h.assertRefused(t, err, connect.CodeUnauthenticated, validator.ReasonProofMissing)
	}
}
