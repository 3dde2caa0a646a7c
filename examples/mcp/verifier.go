package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/auth"

	"github.com/bearerguard/bearerguard/validator"
)

// verifier is the alternative without a Guard: an auth.TokenVerifier for
// auth.RequireBearerToken alone. README.md says what that cannot express.
func verifier(v *validator.Validator) auth.TokenVerifier {
	return func(ctx context.Context, _ string, r *http.Request) (*auth.TokenInfo, error) {
		// The SDK saw the first Authorization header only (RFC 9110 5.3: there is one).
		_, raw, err := validator.ParseAuthorization(r.Header["Authorization"])
		if err != nil {
			return nil, verifierError(v.Refused(ctx, err))
		}
		token, err := v.Validate(ctx, raw)
		if err != nil {
			return nil, verifierError(err)
		}
		return infoOf(token), nil
	}
}

// errUndecided becomes 500: the SDK has no 503. It must not become 401, which has
// clients throw good tokens away.
var errUndecided = errors.New("cannot decide now")

// verifierError chooses the SDK's error by class. Its text reaches the client: it is
// never that of err.
func verifierError(err error) error {
	switch {
	case errors.Is(err, validator.ErrInvalidToken), errors.Is(err, validator.ErrInvalidProof), errors.Is(err, validator.ErrNoToken):
		return auth.ErrInvalidToken // 401
	case errors.Is(err, validator.ErrInvalidRequest):
		return auth.ErrOAuth // 400
	}
	return errUndecided
}
