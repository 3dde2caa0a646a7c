package validator_test

import (
	"testing"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// passes are the profiles, by the server, under which its tokens bear the marks of an
// access token though the profile is not for it; and what is wrong with them then,
// if anything is.
var passes = map[string]map[string]validator.Reason{
	"RFC 9068":       {"generic": "", "Auth0": "", "Hydra": ""},
	"Okta":           {"generic": ""},
	"generic":        {"Hydra": ""},
	"Auth0 RFC 9068": {"generic": "", "RFC 9068": "", "Hydra": ""},
	"Entra v2":       {"Auth0": validator.ReasonScopeConflict},
	"Keycloak":       {"Auth0": ""},
	"Cognito":        {"generic": validator.ReasonAudienceMissing, "Hydra": validator.ReasonAudienceMissing},
	"Hydra":          {"generic": ""},
}

// TestEveryProfileOnEveryServer: a profile for one server takes no token of another
// for an access token by chance.
func TestEveryProfileOnEveryServer(t *testing.T) {
	same := map[string]string{"Auth0 RFC 9068": "Auth0", "Entra v1, all": "Entra v1", "Entra v2, all": "Entra v2"}
	for server, st := range styles {
		s := start(t, validatortest.Options{Style: st.style, Path: st.path})
		for profile, other := range styles {
			is := st.issuer(s)
			is.Profile = other.profile
			v, err := validator.New(configure(is))
			if profile == server || profile == same[server] || same[profile] != "" || err != nil { // no tenant in the URL, no custom server of Okta
				continue
			}
			t.Run(profile+" on "+server, func(t *testing.T) {
				reason, passes := passes[server][profile]
				if !passes {
					reason = validator.ReasonNotAccessToken
				}
				if reason == "" {
					accept(t, v, s.AccessToken())
					return
				}
				reject(t, v, s.AccessToken(), validator.ErrInvalidToken, reason)
			})
		}
	}
}
