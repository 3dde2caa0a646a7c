package validator_test

import (
	"slices"
	"testing"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestDefaultAlgorithmsOfServers: where nobody names algorithms, they are those that
// the server signs access tokens with.
func TestDefaultAlgorithmsOfServers(t *testing.T) {
	any := strs{"RS256", "PS256", "ES256", "EdDSA"}
	for name, signs := range map[string]strs{
		"Okta": any[:1], "Auth0": any[:2], "Auth0 RFC 9068": any[:2], "Entra v1": any[:1], "Entra v2": any[:1],
		"Keycloak": any, "Cognito": any[:1], "Hydra": any, "RFC 9068": any, "generic": any,
	} {
		st := styles[name]
		s := start(t, validatortest.Options{Style: st.style, Path: st.path, Algorithm: "RS256"})
		kids := map[string]string{"RS256": s.KID()}
		for _, algorithm := range any[1:] {
			kids[algorithm] = s.Rotate(algorithm)
		}
		is := st.issuer(s)
		is.Algorithms = nil
		v := build(t, configure(is))
		for _, algorithm := range any {
			raw := s.MintWith(kids[algorithm])
			if slices.Contains(signs, algorithm) {
				accept(t, v, raw)
				continue
			}
			reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonAlgorithmNotAllowed)
		}
	}
}
