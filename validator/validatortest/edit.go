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

// Scope sets the scopes, in scp where the token has that, cid (Okta) or tid
// (Entra), else in scope: as an array where there is one, or cid, else as a
// string. No scopes at all remove the claim.
func Scope(scopes ...string) Edit {
	return func(_, claims map[string]any) {
		name, list := scopeForm(claims)
		claims[name] = spell(list, scopes...)
		if len(scopes) == 0 {
			delete(claims, name)
		}
	}
}

// scopeForm is the claim that the scopes belong into, and whether it is an array.
func scopeForm(claims map[string]any) (name string, list bool) {
	scp, has := claims["scp"]
	_, text := scp.(string)
	_, cid := claims["cid"]
	_, tid := claims["tid"]
	switch {
	case has:
		return "scp", !text
	case cid, tid:
		return "scp", cid
	}
	return "scope", false
}

// spell spells scopes as an array, or as RFC 6749 section 3.3 does.
func spell(list bool, scopes ...string) any {
	if list {
		return scopes
	}
	return strings.Join(scopes, " ")
}

// ClientID sets the client, in each of cid, azp, appid and client_id that the
// token has, and in client_id if it has none.
func ClientID(id string) Edit {
	return func(_, claims map[string]any) {
		named := false
		for _, name := range []string{"cid", "azp", "appid"} {
			if _, has := claims[name]; has {
				claims[name], named = id, true
			}
		}
		if _, has := claims["client_id"]; has || !named {
			claims["client_id"] = id
		}
	}
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
