package grpcauth

import (
	"context"
	"errors"

	"google.golang.org/grpc/metadata"

	"github.com/bearerguard/bearerguard/validator"
)

// bearer returns the call's one token: that of the metadata authorization.
func bearer(ctx context.Context) (string, error) {
	scheme, raw, err := validator.ParseAuthorization(metadata.ValueFromIncomingContext(ctx, "authorization"))
	switch {
	case errors.Is(err, validator.ErrNoToken):
		return "", err
	case len(metadata.ValueFromIncomingContext(ctx, "access_token")) > 0:
		// Two methods at once (RFC 6750 2), under the name that the other one has for
		// it (2.3): which of the two would the next hop take?
		return "", validator.NewError(validator.ReasonSecondPlace, "")
	case err != nil:
		return "", err
	case scheme != validator.SchemeBearer:
		// A token presented under another scheme asks for that scheme's checks.
		return "", validator.NewError(validator.ReasonUnsupportedScheme, "")
	}
	return raw, nil
}
