package grpcauth_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	publicOrigin = "https://api.example.com"

	bareDPoP = `DPoP realm="orders", algs="ES256"`
	badProof = `DPoP realm="orders", error="invalid_dpop_proof", error_description="The DPoP proof is invalid", algs="ES256"`
	useNonce = `DPoP realm="orders", error="use_dpop_nonce", error_description="The DPoP proof needs the nonce of this answer", algs="ES256"`
)

// inDPoP is a challenge as the scheme DPoP has it.
func inDPoP(challenge string) string {
	return "DPoP" + strings.TrimPrefix(challenge, "Bearer") + `, algs="ES256"`
}

func proofsAt(t testing.TB, origins ...string) *dpop.Verifier {
	t.Helper()
	v, err := dpop.New(dpop.Config{Origins: origins})
	require.NoError(t, err)
	return v
}

// bound is an API with DPoP, and a client with a key.
type bound struct {
	server *validatortest.Server
	valid  *validator.Validator
	heard  *heard
	guard  *grpcauth.Guard
	key    *dpoptest.Key
}

func newBound(t *testing.T, edits ...func(*dpop.Config)) *bound {
	t.Helper()
	c := dpop.Config{Origins: []string{publicOrigin}, Algorithms: []string{"ES256"}}
	for _, edit := range edits {
		edit(&c)
	}
	config := listed()
	var err error
	config.DPoP, err = dpop.New(c)
	require.NoError(t, err)
	s, v, h := newValidator(t, nil)
	return &bound{s, v, h, newGuard(t, v, config), dpoptest.NewKey("ES256")}
}

// authorize is the metadata of a call with a proof.
func (b *bound) authorize(method, raw string, edits ...validatortest.Edit) []string {
	return []string{"authorization", "DPoP " + raw, "dpop", b.key.Proof("POST", publicOrigin+method, raw, edits...)}
}

// told asserts the code, and the challenges in their order.
func told(t *testing.T, err error, trailer metadata.MD, code codes.Code, challenges ...string) {
	t.Helper()
	assert.Equal(t, code, status.Code(err), "%v", err)
	assert.Equal(t, challenges, trailer["www-authenticate"])
}

// TestDPoP: what passes, and what a client is told, in the challenge of the scheme that
// it used.
func TestDPoP(t *testing.T) {
	b := newBound(t)
	client := serve(t, orders{}, b.guard.ServerOptions()...)
	token, plain := b.server.AccessToken(b.key.Bind()), b.server.AccessToken()
	proof := func(edits ...validatortest.Edit) func(string) []string {
		return func(method string) []string { return b.authorize(method, token, edits...) }
	}
	for name, tc := range map[string]struct {
		send       func(method string) []string
		code       codes.Code
		challenges []string
		reason     validator.Reason
		detail     string
	}{
		"good":            {proof(), codes.OK, nil, "accepted", ""},
		"plain as Bearer": {func(string) []string { return []string{"authorization", "Bearer " + plain} }, codes.OK, nil, "accepted", ""},
		"no token":        {func(string) []string { return nil }, codes.Unauthenticated, []string{bare, bareDPoP}, validator.ReasonNoToken, ""},
		"bound as Bearer": {
			func(method string) []string {
				return append([]string{"authorization", "Bearer " + token}, b.authorize(method, token)[2:]...)
			},
			codes.Unauthenticated, []string{invalid, bareDPoP}, validator.ReasonProofScheme, "INVALID_TOKEN",
		},
		"plain as DPoP": {
			func(method string) []string { return b.authorize(method, plain) },
			codes.Unauthenticated, []string{inDPoP(invalid), bare}, validator.ReasonProofScheme, "INVALID_TOKEN",
		},
		"no proof": {
			func(string) []string { return []string{"authorization", "DPoP " + token} },
			codes.Unauthenticated, []string{inDPoP(invalid), bare}, validator.ReasonProofMissing, "INVALID_TOKEN",
		},
		"two proofs": {
			func(method string) []string {
				return append(b.authorize(method, token), b.authorize(method, token)[2:]...)
			},
			codes.Unauthenticated, []string{badProof, bare}, validator.ReasonProofSeveral, "INVALID_DPOP_PROOF",
		},
		"of a GET":         {proof(validatortest.Claim("htm", "GET")), codes.Unauthenticated, []string{badProof, bare}, validator.ReasonProofMethod, "INVALID_DPOP_PROOF"},
		"of another call":  {proof(validatortest.Claim("htu", publicOrigin+drop)), codes.Unauthenticated, []string{badProof, bare}, validator.ReasonProofURI, "INVALID_DPOP_PROOF"},
		"of another host":  {proof(validatortest.Claim("htu", "https://evil.example"+get)), codes.Unauthenticated, []string{badProof, bare}, validator.ReasonProofURI, "INVALID_DPOP_PROOF"},
		"of another token": {proof(validatortest.Claim("ath", strings.Repeat("A", 43))), codes.Unauthenticated, []string{badProof, bare}, validator.ReasonProofToken, "INVALID_DPOP_PROOF"},
		"of another key": {
			func(method string) []string {
				return b.authorize(method, b.server.AccessToken(dpoptest.NewKey("ES256").Bind()))
			},
			codes.Unauthenticated, []string{inDPoP(invalid), bare}, validator.ReasonProofMismatch, "INVALID_TOKEN",
		},
		"two headers": {
			func(method string) []string {
				return append(b.authorize(method, token), "authorization", "DPoP "+token)
			},
			codes.InvalidArgument, []string{malformed, inDPoP(malformed)}, validator.ReasonSeveralHeaders, "INVALID_REQUEST",
		},
		"wrong scope": {
			func(method string) []string {
				return b.authorize(method, b.server.AccessToken(b.key.Bind(), validatortest.Scope("write")))
			},
			codes.PermissionDenied, []string{inDPoP(denied + `, scope="read"`)}, validator.ReasonInsufficientScope, "INSUFFICIENT_SCOPE",
		},
	} {
		for kind, way := range kinds {
			t.Run(name+" of "+kind, func(t *testing.T) {
				b.heard.take()
				answer, trailer, err := way.do(with(t.Context(), tc.send(way.method)...), client, way.method)
				assert.Equal(t, []validator.Reason{tc.reason}, b.heard.take())
				told(t, err, trailer, tc.code, tc.challenges...)
				assert.Empty(t, trailer["dpop-nonce"])
				switch {
				case tc.code == codes.OK:
					assert.Equal(t, validatortest.DefaultSubject, answer)
				case tc.detail == "":
					detailed(t, err, nil)
				default:
					detailed(t, err, reason(tc.detail))
				}
			})
		}
	}
}

// TestDPoPReplay: a proof is for one call, of whatever kind, also where that is refused
// for its policy.
func TestDPoPReplay(t *testing.T) {
	b := newBound(t)
	client := serve(t, orders{}, b.guard.ServerOptions()...)
	token := b.server.AccessToken(b.key.Bind())
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			b.heard.take()
			ctx := with(t.Context(), b.authorize(way.method, token)...)
			_, _, err := way.do(ctx, client, way.method)
			require.NoError(t, err)
			_, trailer, err := way.do(ctx, client, way.method)
			told(t, err, trailer, codes.Unauthenticated, badProof, bare)

			ctx = with(t.Context(), b.authorize(way.unlisted, token)...)
			_, trailer, err = way.do(ctx, client, way.unlisted)
			told(t, err, trailer, codes.PermissionDenied, inDPoP(denied))
			_, trailer, err = way.do(ctx, client, way.unlisted)
			told(t, err, trailer, codes.Unauthenticated, badProof, bare)
			assert.Equal(t, []validator.Reason{
				"accepted", validator.ReasonProofReplayed, validator.ReasonRouteUnknown, validator.ReasonProofReplayed,
			}, b.heard.take())
		})
	}
}

// TestDPoPNonces: without one, a proof is refused with one in the trailer (RFC 9449 9);
// a success has a fresh one in the header. Nobody else gets any.
func TestDPoPNonces(t *testing.T) {
	b := newBound(t, func(c *dpop.Config) { c.Nonces = &dpop.Nonces{Secret: []byte("a secret for tests, of 32 bytes!")} })
	client := serve(t, orders{}, b.guard.ServerOptions()...)
	token := b.server.AccessToken(b.key.Bind())
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			b.heard.take()
			_, trailer, err := way.do(with(t.Context(), b.authorize(way.method, token)...), client, way.method)
			told(t, err, trailer, codes.Unauthenticated, useNonce, bare)
			detailed(t, err, reason("USE_DPOP_NONCE"))
			require.Len(t, trailer["dpop-nonce"], 1)
			for nonce, n := trailer["dpop-nonce"], 0; n < 2; n++ {
				header, err := headerOf(with(t.Context(), b.authorize(way.method, token, validatortest.Claim("nonce", nonce[0]))...), client, way.method)
				require.NoError(t, err)
				nonce = header["dpop-nonce"]
				require.Len(t, nonce, 1)
			}
			header, err := headerOf(bearer(t.Context(), b.server.AccessToken()), client, way.method)
			require.NoError(t, err)
			assert.Empty(t, header["dpop-nonce"], "it would be for nobody's key")
			_, trailer, err = way.do(with(t.Context(), "authorization", "DPoP "+token), client, way.method)
			told(t, err, trailer, codes.Unauthenticated, inDPoP(invalid), bare)
			assert.Empty(t, trailer["dpop-nonce"])
			assert.Equal(t, []validator.Reason{
				validator.ReasonProofNonce, "accepted", "accepted", "accepted", validator.ReasonProofMissing,
			}, b.heard.take())
		})
	}
}

// asking is a proof that asks for a nonce.
type asking string

func (a asking) Confirm(context.Context, string, *validator.Token) (validator.Confirmation, error) {
	e := validator.NewError(validator.ReasonProofNonce, "")
	e.Challenge.Nonce = string(a)
	return validator.Confirmation{}, e
}

// TestNonceOfAnotherProof: it is passed on, unless it cannot stand in a header.
func TestNonceOfAnotherProof(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	for nonce, want := range map[asking][]string{"n1": {"n1"}, "": nil, "a\r\nX: y": nil, "\u00e9": nil} {
		config := listed()
		config.Proofs = []validator.Proof{nonce}
		client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
		for _, way := range kinds {
			_, trailer, err := way.do(bearer(t.Context(), s.AccessToken()), client, way.method)
			assert.Equal(t, codes.Unauthenticated, status.Code(err))
			assert.Equal(t, want, trailer["dpop-nonce"])
		}
	}
}

// headerOf makes a call, and returns the header of its answer.
func headerOf(ctx context.Context, client *grpc.ClientConn, method string) (header metadata.MD, err error) {
	if method == get {
		err = client.Invoke(ctx, method, wrapperspb.String("x"), new(wrapperspb.StringValue), grpc.Header(&header))
		return header, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := client.NewStream(ctx, chatDesc, method)
	if err != nil {
		return nil, err
	}
	if err := s.SendMsg(wrapperspb.String("x")); err != nil {
		return nil, err
	}
	if err := s.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return nil, err
	}
	return s.Header()
}

// TestDPoPUndecided: a store that is full is no fault of the client's.
func TestDPoPUndecided(t *testing.T) {
	full, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 1})
	require.NoError(t, err)
	b := newBound(t, func(c *dpop.Config) { c.Replays = full })
	client := serve(t, orders{}, b.guard.ServerOptions()...)
	token := b.server.AccessToken(b.key.Bind())
	_, _, err = call(with(t.Context(), b.authorize(get, token)...), client, get)
	require.NoError(t, err)
	_, trailer, err := call(with(t.Context(), b.authorize(get, token)...), client, get)
	told(t, err, trailer, codes.Unavailable, []string(nil)...)
	assert.Equal(t, []validator.Reason{"accepted", validator.ReasonProofKeyFull}, b.heard.take())
}

// TestDPoPStreamEnds: its proof is for its beginning, and the challenge at its end is in
// the scheme that it began with.
func TestDPoPStreamEnds(t *testing.T) {
	b := newBound(t)
	require.NoError(t, b.valid.Ready(t.Context()))
	synctest.Test(t, func(t *testing.T) {
		client := serveInMemory(t, orders{}, b.guard.ServerOptions()...)
		for name, tc := range map[string]struct {
			sent       func() []string // by then
			challenges []string
		}{
			"DPoP":   {func() []string { return b.authorize(chat, b.server.AccessToken(b.key.Bind())) }, []string{inDPoP(expired), bare}},
			"Bearer": {func() []string { return []string{"authorization", "Bearer " + b.server.AccessToken()} }, []string{expired, bareDPoP}},
		} {
			stream := open(with(t.Context(), tc.sent()...), t, client)
			err := stream.RecvMsg(new(wrapperspb.StringValue))
			told(t, err, stream.Trailer(), codes.Unauthenticated, tc.challenges...)
			assert.Equal(t, []validator.Reason{"accepted", validator.ReasonExpired}, b.heard.take(), name)
		}
	})
}
