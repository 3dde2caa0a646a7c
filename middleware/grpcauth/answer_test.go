package grpcauth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	bare      = `Bearer realm="orders"`
	malformed = bare + `, error="invalid_request", error_description="The request is malformed"`
	invalid   = bare + `, error="invalid_token", error_description="The access token is invalid"`
	expired   = bare + `, error="invalid_token", error_description="The access token expired"`
	denied    = bare + `, error="insufficient_scope", error_description="The access token does not permit this request"`
)

func reason(code string) proto.Message {
	return &errdetails.ErrorInfo{Reason: code, Domain: grpcauth.ErrorDomain}
}

// TestAnswers: code, text, challenge and details of every class. Nothing in them
// tells which check failed.
func TestAnswers(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	config := listed()
	config.Methods[get] = validator.Policy{Scopes: []string{"read"}, ACRValues: []string{"mfa"}, MaxAuthAge: time.Minute}
	config.Methods[chat] = config.Methods[get]
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	for name, tc := range map[string]struct {
		authorization string
		code          codes.Code
		text          string
		challenge     string
		detail        proto.Message
	}{
		"no token":       {"", codes.Unauthenticated, "an access token is required", bare, nil},
		"another scheme": {"Basic dTpw", codes.Unauthenticated, "an access token is required", bare, nil},
		"DPoP scheme":    {"DPoP " + s.AccessToken(), codes.Unauthenticated, "an access token is required", bare, nil},
		"malformed":      {"Bearer a b", codes.InvalidArgument, "The request is malformed", malformed, reason("INVALID_REQUEST")},
		"invalid":        {"Bearer x", codes.Unauthenticated, "The access token is invalid", invalid, reason("INVALID_TOKEN")},
		"other audience": {
			"Bearer " + s.AccessToken(validatortest.Audience("x")), codes.Unauthenticated, "The access token is invalid", invalid, reason("INVALID_TOKEN"),
		},
		"expired": {
			"Bearer " + s.AccessToken(validatortest.Expiry(time.Now().Add(-time.Hour))), codes.Unauthenticated,
			"The access token expired", expired, reason("INVALID_TOKEN"),
		},
		"bound": {
			"Bearer " + s.AccessToken(validatortest.Claim("cnf", map[string]any{"jkt": strings.Repeat("A", 43)})), codes.Unauthenticated,
			"The access token is invalid", invalid, reason("INVALID_TOKEN"),
		},
		"scope": {
			"Bearer " + s.AccessToken(validatortest.Scope("write")), codes.PermissionDenied,
			"The access token does not permit this request", denied + `, scope="read"`, reason("INSUFFICIENT_SCOPE"),
		},
		"step-up": {
			"Bearer " + s.AccessToken(), codes.Unauthenticated, "A different authentication is required",
			bare + `, error="insufficient_user_authentication", error_description="A different authentication is required", acr_values="mfa", max_age="60"`,
			reason("INSUFFICIENT_USER_AUTHENTICATION"),
		},
	} {
		for kind, way := range kinds {
			t.Run(name+" of "+kind, func(t *testing.T) {
				_, trailer, err := way.do(with(t.Context(), "authorization", tc.authorization), client, way.method)
				answered(t, err, trailer, tc.code, tc.text, tc.challenge)
				detailed(t, err, tc.detail)
			})
		}
	}
}

// detailed holds a status to its one detail; nil: none.
func detailed(t *testing.T, err error, detail proto.Message) {
	t.Helper()
	details := status.Convert(err).Details()
	if detail == nil {
		assert.Empty(t, details)
		return
	}
	require.Len(t, details, 1)
	assert.True(t, proto.Equal(detail, details[0].(proto.Message)), "%v", details[0])
}

// TestUnavailable: what could not be decided says when to ask again, and nothing of
// the token.
func TestUnavailable(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	wait := time.Duration(0)
	config := listed()
	config.Methods[chat] = validator.Policy{AnyToken: true}
	config.Methods[get] = validator.Policy{Permit: func(context.Context, *validator.Token) error {
		e := validator.NewError(validator.ReasonPermitUnavailable, "secret")
		e.RetryAfter = wait
		return e
	}}
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	ctx := bearer(t.Context(), s.AccessToken())
	for _, tc := range []struct{ known, told time.Duration }{{0, 10 * time.Second}, {1500 * time.Millisecond, 1500 * time.Millisecond}} {
		wait = tc.known
		_, trailer, err := call(ctx, client, get)
		answered(t, err, trailer, codes.Unavailable, "the access token cannot be checked now", "")
		detailed(t, err, &errdetails.RetryInfo{RetryDelay: durationpb.New(tc.told)})
	}
	s.SetMode(validatortest.ModeError)
	s.Rotate("ES256")
	_, trailer, err := talk(bearer(t.Context(), s.AccessToken()), client, chat)
	answered(t, err, trailer, codes.Unavailable, "the access token cannot be checked now", "")
	require.Len(t, status.Convert(err).Details(), 1)
	assert.LessOrEqual(t, status.Convert(err).Details()[0].(*errdetails.RetryInfo).GetRetryDelay().AsDuration(), time.Second)
}

// TestResourceMetadata: challenges name it (RFC 9728 5.1).
func TestResourceMetadata(t *testing.T) {
	_, v, _ := newValidator(t, nil)
	config := listed()
	config.ResourceMetadata = "https://api.example.com/.well-known/oauth-protected-resource"
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	_, trailer, err := call(t.Context(), client, get)
	answered(t, err, trailer, codes.Unauthenticated, "an access token is required",
		bare+`, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`)
}

// TestCauseIsForOthers: an interceptor further out finds it, the client does not.
func TestCauseIsForOthers(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	causes := make(chan error, 1)
	outer := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			answer, err := next(ctx, r)
			causes <- err
			return answer, err
		}),
		grpc.ChainStreamInterceptor(func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			err := next(server, stream)
			causes <- err
			return err
		}),
	}
	client := serve(t, orders{}, append(outer, newGuard(t, v, listed()).ServerOptions()...)...)
	for kind, way := range kinds {
		t.Run(kind, func(t *testing.T) {
			_, trailer, err := way.do(bearer(t.Context(), s.AccessToken(validatortest.Audience("x"))), client, way.method)
			answered(t, err, trailer, codes.Unauthenticated, "The access token is invalid", invalid)
			cause := <-causes
			var e *validator.Error
			require.ErrorAs(t, cause, &e)
			assert.Equal(t, validator.ReasonAudienceMismatch, e.Reason)
			assert.ErrorIs(t, cause, validator.ErrInvalidToken)
			assert.NotContains(t, cause.Error(), "aud", "its own text is for clients")
		})
	}
}

// TestCallerThatLeft: the end of the call's own context is no verdict on the token.
func TestCallerThatLeft(t *testing.T) {
	s, v, h := newValidator(t, nil)
	g := newGuard(t, v, listed())
	defer s.Hold()()
	incoming := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+s.AccessToken()))
	cancelled, cancel := context.WithCancel(incoming)
	cancel()
	late, cancel := context.WithTimeout(incoming, -1)
	defer cancel()
	for ctx, code := range map[context.Context]codes.Code{cancelled: codes.Canceled, late: codes.DeadlineExceeded} {
		_, err := g.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: get}, nil)
		assert.Equal(t, code, status.Code(err))
		detailed(t, err, nil)
		assert.ErrorIs(t, err, ctx.Err())
		stream := &lone{ctx: ctx}
		err = g.Stream(nil, stream, &grpc.StreamServerInfo{FullMethod: chat}, nil)
		assert.Equal(t, code, status.Code(err))
		assert.Empty(t, stream.trailer)
		assert.Equal(t, []validator.Reason{validator.ReasonCallerLeft, validator.ReasonCallerLeft}, h.take())
	}
}

// lone is a stream without a connection.
type lone struct {
	grpc.ServerStream
	ctx     context.Context
	trailer metadata.MD
}

var errLone = errors.New("there is no connection")

func (l *lone) Context() context.Context  { return l.ctx }
func (l *lone) SetTrailer(md metadata.MD) { l.trailer = metadata.Join(l.trailer, md) }
func (l *lone) SendMsg(any) error         { return errLone }
func (l *lone) RecvMsg(any) error         { return errLone }

// TestDeadlineOfTheCaller, over the wire: what waits for keys ends with it.
func TestDeadlineOfTheCaller(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	client := serve(t, orders{}, newGuard(t, v, listed()).ServerOptions()...)
	defer s.Hold()()
	ctx, cancel := context.WithCancel(bearer(t.Context(), s.AccessToken()))
	go func() {
		_ = s.WaitKeyRequests(t.Context(), 1)
		cancel()
	}()
	_, _, err := call(ctx, client, get)
	assert.Equal(t, codes.Canceled, status.Code(err))
	assert.True(t, errors.Is(ctx.Err(), context.Canceled))
}
