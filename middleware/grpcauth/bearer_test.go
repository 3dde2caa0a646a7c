package grpcauth_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestMetadata: the one place for a token, and what is beside it.
func TestMetadata(t *testing.T) {
	s, v, h := newValidator(t, nil)
	client := serve(t, orders{}, newGuard(t, v, listed()).ServerOptions()...)
	good := "Bearer " + s.AccessToken()
	for name, tc := range map[string]struct {
		pairs     []string
		code      codes.Code
		reason    validator.Reason
		challenge string
	}{
		"good":                     {[]string{"authorization", good}, codes.OK, "accepted", ""},
		"name in capitals":         {[]string{"Authorization", good}, codes.OK, "accepted", ""},
		"scheme in lower case":     {[]string{"authorization", "b" + good[1:]}, codes.OK, "accepted", ""},
		"by grpc-gateway too":      {[]string{"authorization", good, "grpcgateway-authorization", good}, codes.OK, "accepted", ""},
		"other metadata":           {[]string{"authorization", good, "x-access_token", "x", "token", "x"}, codes.OK, "accepted", ""},
		"none":                     {nil, codes.Unauthenticated, validator.ReasonNoToken, bare},
		"empty":                    {[]string{"authorization", ""}, codes.Unauthenticated, validator.ReasonNoToken, bare},
		"twice the same":           {[]string{"authorization", good, "authorization", good}, codes.InvalidArgument, validator.ReasonSeveralHeaders, malformed},
		"good and empty":           {[]string{"authorization", good, "authorization", ""}, codes.InvalidArgument, validator.ReasonSeveralHeaders, malformed},
		"two in one":               {[]string{"authorization", good + "," + good}, codes.InvalidArgument, validator.ReasonMalformedHeader, malformed},
		"scheme alone":             {[]string{"authorization", "Bearer"}, codes.InvalidArgument, validator.ReasonMalformedHeader, malformed},
		"DPoP":                     {[]string{"authorization", "DPoP " + good[7:]}, codes.Unauthenticated, validator.ReasonUnsupportedScheme, bare},
		"binary":                   {[]string{"authorization-bin", good}, codes.Unauthenticated, validator.ReasonNoToken, bare},
		"cookie":                   {[]string{"cookie", "access_token=" + good}, codes.Unauthenticated, validator.ReasonNoToken, bare},
		"another place":            {[]string{"access_token", good[7:]}, codes.Unauthenticated, validator.ReasonNoToken, bare},
		"another place and scheme": {[]string{"access_token", good[7:], "authorization", "Basic x"}, codes.Unauthenticated, validator.ReasonUnsupportedScheme, bare},
		"two places":               {[]string{"authorization", good, "access_token", good[7:]}, codes.InvalidArgument, validator.ReasonSecondPlace, malformed},
		"two places, one empty":    {[]string{"authorization", good, "Access_Token", ""}, codes.InvalidArgument, validator.ReasonSecondPlace, malformed},
		"two places, malformed":    {[]string{"authorization", "Bearer", "access_token", "x"}, codes.InvalidArgument, validator.ReasonSecondPlace, malformed},
		"two places, DPoP":         {[]string{"authorization", "DPoP x", "access_token", "x"}, codes.InvalidArgument, validator.ReasonSecondPlace, malformed},
	} {
		for kind, way := range kinds {
			t.Run(name+" of "+kind, func(t *testing.T) {
				h.take()
				answer, trailer, err := way.do(with(t.Context(), tc.pairs...), client, way.method)
				assert.Equal(t, []validator.Reason{tc.reason}, h.take())
				if tc.code == codes.OK {
					require.NoError(t, err)
					assert.Equal(t, validatortest.DefaultSubject, answer)
					return
				}
				text := map[string]string{bare: "an access token is required", malformed: "The request is malformed"}[tc.challenge]
				answered(t, err, trailer, tc.code, text, tc.challenge)
			})
		}
	}
}
