package validator_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// What other projects' tests say about the reading of header and claims, by their
// own status. Package jwks runs these tokens, and all others of the file, up to
// their signature.
var peerStatuses = map[string]validator.Reason{
	"JwtHeaderParseErrorBadBase64":                  validator.ReasonNotJWT,
	"JwtHeaderParseErrorBadJson":                    validator.ReasonNotJWT,
	"JwtHeaderBadAlg":                               validator.ReasonMalformedJOSEHeader,
	"JwtHeaderBadKid":                               validator.ReasonMalformedJOSEHeader,
	"JwtHeaderNotImplementedAlg":                    read,
	"JwtPayloadParseErrorBadBase64":                 validator.ReasonMalformedToken,
	"JwtPayloadParseErrorBadJson":                   validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorIssNotString":              validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorSubNotString":              validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorIatNotInteger":             validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorIatOutOfRange":             validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorNbfNotInteger":             validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorNbfOutOfRange":             validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorExpNotInteger":             validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorExpOutOfRange":             validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorJtiNotString":              validator.ReasonMalformedClaims,
	"JwtPayloadParseErrorAudNotString":              validator.ReasonMalformedClaims,
	"JwtSignatureParseErrorBadBase64":               read,
	"Ok":                                            read,
	"spring-MALFORMED_JWT":                          validator.ReasonMalformedClaims,
	"spring-EMPTY_EXP":                              read,
	"jwt_verify_lib-parse-TestParseHeaderAbsentAlg": validator.ReasonNotJWT, // RFC 7515 4.1.1: no alg, no JWS
}

// read is how a token ends whose header and claims could be read and that names
// none of our issuers: what its algorithm, its exp and its signature may be does
// not matter any more.
const read = validator.ReasonUnknownIssuer

func TestTokensOfOtherProjectsAreRead(t *testing.T) {
	content, err := os.ReadFile("../internal/jose/testdata/peer_tokens.json")
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			ID, Token, Layer, Expect string
			Status                   string `json:"upstream_status"`
		}
	}
	require.NoError(t, json.Unmarshal(content, &file))

	as := start(t, validatortest.Options{})
	v := build(t, configure(trust(as)))
	ended := map[string]int{}
	for _, c := range file.Cases {
		if c.Layer == "jws" {
			continue
		}
		want, ok := peerStatuses[c.ID]
		if !ok {
			want, ok = peerStatuses[c.Status]
		}
		require.True(t, ok, c.ID)
		if c.Expect == "parse-ok" {
			assert.Equal(t, read, want, c.ID)
		}
		t.Run(c.ID, func(t *testing.T) { reject(t, v, c.Token, validator.ErrInvalidToken, want) })
		ended[c.Expect+" "+string(want)]++
	}
	assert.Equal(t, map[string]int{
		"parse-ok unknown_issuer": 5, "invalid unknown_issuer": 3, "invalid not_a_jwt": 3, "invalid malformed_header": 2,
		"invalid malformed_token": 1, "invalid malformed_claims": 16,
	}, ended)
	assert.Zero(t, as.KeyRequests())
}
