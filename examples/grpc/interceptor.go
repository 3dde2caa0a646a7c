package main

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerguard/bearerguard/validator"
)

// authenticate is an interceptor by hand: every unary call needs a good token, which
// the handler finds in its context.
func authenticate(v *validator.Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		scheme, rawToken, err := validator.ParseAuthorization(metadata.ValueFromIncomingContext(ctx, "authorization"))
		if err == nil && scheme != validator.SchemeBearer {
			err = validator.NewError(validator.ReasonUnsupportedScheme, "")
		}
		if err != nil {
			return nil, answer(v.Refused(ctx, err)) // the observer hears of every call
		}
		token, err := v.Validate(ctx, rawToken)
		if err != nil {
			return nil, answer(err)
		}
		return next(validator.NewContext(ctx, token), request)
	}
}

// answer tells the client whether to get another token. Why is for the log.
func answer(err error) error {
	if errors.Is(err, validator.ErrUnavailable) {
		return status.Error(codes.Unavailable, "the access token cannot be checked now")
	}
	return status.Error(codes.Unauthenticated, "a good access token is required")
}
