package validator_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// beginsAsJWS reports whether what is before the first dot is the header of a JWS.
func beginsAsJWS(raw string) bool {
	first, _, dotted := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(first)
	var header struct{ Alg, Enc string }
	return dotted && err == nil && json.Unmarshal(text, &header) == nil && header.Alg != "" && header.Enc == ""
}

// TestCorpusIsShownToNobody: where an issuer is asked about opaque tokens, a bad JWT is
// refused for the reason that it has anywhere, and nobody is asked about it, nor about what
// only begins as one. What is no JWT by its looks is asked about.
func TestCorpusIsShownToNobody(t *testing.T) {
	for _, name := range tellingStyles[:2] {
		s := start(t, validatortest.Options{Style: styles[name].style, Path: styles[name].path})
		cases := s.Corpus(client)
		is := ask(s)
		is.Profile, is.Algorithms = styles[name].profile, s.Algorithms()
		v := build(t, configure(is))
		for _, c := range cases {
			before := s.IntrospectionRequests()
			switch {
			case c.Accept:
				accept(t, v, c.Token)
			case c.Reason == string(validator.ReasonNotJWT) && beginsAsJWS(c.Token):
				reject(t, v, c.Token, validator.ErrInvalidToken, validator.ReasonMalformedToken)
			case c.Reason == string(validator.ReasonNotJWT): // what its issuer says counts
				if token, err := v.Validate(t.Context(), c.Token); err != nil {
					refused(t, err, validator.ErrInvalidToken, validator.ReasonInactive)
				} else {
					assert.Equal(t, validator.OriginIntrospection, token.Origin(), c.Name)
				}
				before++
			default:
				reject(t, v, c.Token, classOf(validator.Reason(c.Reason)), validator.Reason(c.Reason))
			}
			assert.Equal(t, before, s.IntrospectionRequests(), c.Name)
		}
	}
}
