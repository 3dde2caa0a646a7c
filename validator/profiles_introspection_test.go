package validator_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// introspecting are the styles of servers that can be asked.
var introspecting = []string{"RFC 9068", "Okta", "generic", "Keycloak", "Hydra"}

// asks accepts the tokens of a server of the style, which is asked about all of them.
func (st styled) asks(t *testing.T, s *validatortest.Server) *validator.Validator {
	s.AddClient(apiID, apiSecret)
	is := st.issuer(s)
	is.IntrospectAlways = true
	is.Introspection = &introspect.Config{Auth: introspect.ClientSecretBasic(apiID, introspect.StaticSecret(apiSecret))}
	if st.style == validatortest.StyleHydra { // its metadata do not name what is for administrators
		is.Introspection.Endpoint = s.IntrospectionURL()
	}
	return build(t, configure(is))
}

// TestAnswersOfServers: what servers answer about their tokens agrees with what the
// tokens say, in other words or in the same.
func TestAnswersOfServers(t *testing.T) {
	for _, name := range introspecting {
		t.Run(name, func(t *testing.T) {
			st := styles[name]
			s := start(t, validatortest.Options{Style: st.style, Path: st.path})
			v := st.asks(t, s)
			for _, raw := range []string{s.AccessToken(), s.OpaqueToken()} {
				token := accept(t, v, raw)
				assert.Equal(t, client, token.ClientID())
				assert.Equal(t, "user", token.Subject())
				assert.Equal(t, strs{"read", "write"}, strs(token.Scopes()))
				assert.Equal(t, audience, token.MatchedAudience())
				assert.False(t, token.IntrospectedAt().IsZero())
			}
			revoked := s.AccessToken()
			s.Revoke(revoked)
			reject(t, v, revoked, validator.ErrInvalidToken, validator.ReasonInactive)
			for _, raw := range []string{s.IDToken(client), s.RefreshToken(client), s.LogoutToken(client)} {
				reject(t, v, raw, validator.ErrInvalidToken, validator.ReasonNotAccessToken)
			}
		})
	}
}

// TestAnswersAboutOtherTokens: Hydra and Keycloak call refresh tokens active, and say
// so where only they do.
func TestAnswersAboutOtherTokens(t *testing.T) {
	for name, says := range map[string]object{
		"Hydra": {"token_use": "refresh_token"}, "Keycloak": {"typ": "Refresh"}, "generic": {"token_type": "refresh_token"},
	} {
		st := styles[name]
		s := start(t, validatortest.Options{Style: st.style, Path: st.path})
		v := st.asks(t, s)
		s.SetAnswer(func(_ string, answer map[string]any) {
			for member, value := range says {
				require.True(t, member == "token_type" || answer[member] != nil, "the real answer has %s", member)
				answer[member] = value
			}
		})
		reject(t, v, s.OpaqueToken(), validator.ErrInvalidToken, validator.ReasonNotAccessToken)
	}
}
