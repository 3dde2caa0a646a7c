package validatortest

import (
	"strings"
	"time"
)

// Edit changes a token before it is signed. Values are those of
// encoding/json; a json.RawMessage stands for itself.
type Edit func(header, claims map[string]any)

// Claim sets a claim.
func Claim(name string, value any) Edit {
	return func(_, claims map[string]any) { claims[name] = value }
}

// NoClaim removes a claim.
func NoClaim(name string) Edit {
	return func(_, claims map[string]any) { delete(claims, name) }
}

// HeaderParam sets a header parameter.
func HeaderParam(name string, value any) Edit {
	return func(header, _ map[string]any) { header[name] = value }
}

// NoHeaderParam removes a header parameter.
func NoHeaderParam(name string) Edit {
	return func(header, _ map[string]any) { delete(header, name) }
}

// Scope sets the scopes, in scp where the token has that or cid, as Okta's
// have, else in scope. No scopes at all remove the claim.
func Scope(scopes ...string) Edit {
	return func(_, claims map[string]any) {
		name, value := "scope", any(strings.Join(scopes, " "))
		if likeOkta(claims) {
			name, value = "scp", scopes
		}
		claims[name] = value
		if len(scopes) == 0 {
			delete(claims, name)
		}
	}
}

// ClientID sets the client, in cid where the token has that or scp, as Okta's
// have, else in client_id.
func ClientID(id string) Edit {
	return func(_, claims map[string]any) {
		if likeOkta(claims) {
			claims["cid"] = id
			return
		}
		claims["client_id"] = id
	}
}

func likeOkta(claims map[string]any) bool {
	_, cid := claims["cid"]
	_, scp := claims["scp"]
	return cid || scp
}

// Subject sets sub.
func Subject(sub string) Edit { return Claim("sub", sub) }

// Expiry sets exp, in whole seconds. A validator may grant leeway beyond it
// (package validator: 30 s), so a token that is to be expired has one a minute ago.
func Expiry(t time.Time) Edit { return Claim("exp", t.Unix()) }

// Audience sets aud: a string if it is one, an array otherwise (RFC 7519
// section 4.1.3).
func Audience(aud ...string) Edit {
	if len(aud) == 1 {
		return Claim("aud", aud[0])
	}
	return Claim("aud", append([]string{}, aud...))
}
