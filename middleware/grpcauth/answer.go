package grpcauth

import (
	"errors"
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/bearerguard/bearerguard/middleware/internal/reply"
	"github.com/bearerguard/bearerguard/validator"
)

// ErrorDomain is the domain of the google.rpc.ErrorInfo that a refused call is
// answered with. Its reason is the error code of the challenge in capital letters:
// INVALID_REQUEST, INVALID_TOKEN, INSUFFICIENT_SCOPE,
// INSUFFICIENT_USER_AUTHENTICATION, INVALID_DPOP_PROOF or USE_DPOP_NONCE (RFC 6750 3.1,
// RFC 9470 3, RFC 9449 12.2).
const ErrorDomain = "bearerguard"

// refusal is the answer to a call that is not let through. It is an error whose
// text is what the client is told; the cause is behind Unwrap, for interceptors
// further out that log.
type refusal struct {
	status  *status.Status
	trailer metadata.MD
	cause   *validator.Error
}

func (r *refusal) Error() string              { return r.status.Err().Error() }
func (r *refusal) GRPCStatus() *status.Status { return r.status }
func (r *refusal) Unwrap() error              { return r.cause }

// answers maps classes to codes, and to what is said where there is no challenge to
// say it. A class that is not here is a refusal that nobody decided: Unavailable.
var answers = []struct {
	class error
	answer
}{
	{validator.ErrNoToken, answer{codes.Unauthenticated, http.StatusUnauthorized, "an access token is required"}},
	{validator.ErrInvalidRequest, answer{codes.InvalidArgument, http.StatusBadRequest, ""}},
	{validator.ErrInvalidToken, answer{codes.Unauthenticated, http.StatusUnauthorized, ""}},
	{validator.ErrInvalidProof, answer{codes.Unauthenticated, http.StatusUnauthorized, ""}},
	{validator.ErrInsufficientAuthentication, answer{codes.Unauthenticated, http.StatusUnauthorized, ""}},
	{validator.ErrInsufficientScope, answer{codes.PermissionDenied, http.StatusForbidden, ""}},
}

// answer is a code, the status of HTTP by which its challenges are chosen, and a text.
type answer struct {
	code   codes.Code
	status int
	text   string
}

// refuse makes the answer of an error. It is chosen by its class alone: like the
// challenge, it does not help to guess which check failed.
func (g *Guard) refuse(err error) *refusal {
	e := reply.Refusal(err)
	if e.Reason == validator.ReasonCallerLeft && e.Cause != nil {
		return &refusal{status: status.FromContextError(e.Cause), cause: e} // as grpc itself has it
	}
	for _, a := range answers {
		if errors.Is(e, a.class) {
			return g.challenge(e, a.answer)
		}
	}
	wait := &errdetails.RetryInfo{RetryDelay: durationpb.New(reply.Wait(e.RetryAfter))}
	return &refusal{status: detailed(codes.Unavailable, "the access token cannot be checked now", wait), cause: e}
}

// challenge is an answer with the challenges of RFC 6750 3 and RFC 9449 7.1, as HTTP
// has them.
func (g *Guard) challenge(e *validator.Error, a answer) *refusal {
	r := &refusal{trailer: metadata.MD{"www-authenticate": g.challenges.Values(a.status, e.Challenge)}, cause: e}
	if nonce := e.Challenge.Nonce; nonce != "" && reply.Printable(nonce) { // RFC 9449 9
		r.trailer.Set(nonceName, nonce)
	}
	if e.Challenge.Code == "" { // RFC 6750 3.1: no error code where there was no token
		r.status = status.New(a.code, a.text)
		return r
	}
	r.status = detailed(a.code, e.Challenge.Description, &errdetails.ErrorInfo{
		Reason: strings.ToUpper(e.Challenge.Code), // UPPER_SNAKE_CASE, as google.rpc.ErrorInfo has it
		Domain: ErrorDomain,
	})
	return r
}

func detailed(code codes.Code, text string, detail protoadapt.MessageV1) *status.Status {
	plain := status.New(code, text)
	if full, err := plain.WithDetails(detail); err == nil {
		return full
	}
	return plain
}
