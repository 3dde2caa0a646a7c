package grpcauth

import (
	"context"
	"errors"

	"google.golang.org/grpc/metadata"

	"github.com/bearerguard/bearerguard/validator"
)

// presented is the token of a call, and how it came.
type presented struct {
	scheme validator.Scheme
	token  string
}

// presented returns the call's one token: that of the metadata authorization.
func (g *Guard) presented(ctx context.Context) (presented, error) {
	scheme, raw, err := validator.ParseAuthorization(metadata.ValueFromIncomingContext(ctx, "authorization"))
	switch {
	case errors.Is(err, validator.ErrNoToken):
		return presented{}, err
	case len(metadata.ValueFromIncomingContext(ctx, "access_token")) > 0:
		// Two methods at once (RFC 6750 2), under the name that the other one has for
		// it (2.3): which of the two would the next hop take?
		return presented{}, validator.NewError(validator.ReasonSecondPlace, "")
	case err != nil:
		return presented{}, err
	case scheme != validator.SchemeBearer && (scheme != validator.SchemeDPoP || g.dpop == nil):
		// A token presented under another scheme asks for that scheme's checks.
		return presented{}, validator.NewError(validator.ReasonUnsupportedScheme, "DPoP, and Config.DPoP is not set")
	}
	return presented{scheme, raw}, nil
}
