package validator_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// hostile is a text that differs from a good signal in one thing, and what it is
// refused for.
type hostile struct {
	name   string
	edits  []validatortest.Edit
	reason validator.Reason
}

// common are what makes every kind of signal bad.
func common(s *signalled) []hostile {
	now := s.clock.Now()
	claim, header, none := validatortest.Claim, validatortest.HeaderParam, validatortest.NoClaim
	one := func(name string, edit validatortest.Edit, reason validator.Reason) hostile {
		return hostile{name, []validatortest.Edit{edit}, reason}
	}
	return []hostile{
		one("of nobody", none("iss"), validator.ReasonUnknownIssuer),
		one("of another issuer", claim("iss", "https://other.example.com"), validator.ReasonUnknownIssuer),
		one("of the issuer with a slash", claim("iss", s.Issuer()+"/"), validator.ReasonUnknownIssuer),
		one("of two issuers", claim("iss", []string{s.Issuer()}), validator.ReasonMalformedClaims),
		one("for nobody", none("aud"), validator.ReasonAudienceMismatch),
		one("for another receiver", claim("aud", "https://other.example.com"), validator.ReasonAudienceMismatch),
		one("for the API, by the name in access tokens", claim("aud", audience), validator.ReasonAudienceMismatch),
		one("for other receivers", claim("aud", []string{"a", "b"}), validator.ReasonAudienceMismatch),
		one("audience is a number", claim("aud", 1), validator.ReasonMalformedClaims),
		one("without iat", none("iat"), validator.ReasonClaimMissing),
		one("to come", claim("iat", now.Add(validator.DefaultLeeway+time.Second).Unix()), validator.ReasonIssuedInFuture),
		one("iat is a text", claim("iat", "1"), validator.ReasonMalformedClaims),
		one("iat is infinite", claim("iat", json.RawMessage("1e999")), validator.ReasonMalformedClaims),
		one("expired", claim("exp", now.Add(-validator.DefaultLeeway).Unix()), validator.ReasonExpired),
		one("not yet valid", claim("nbf", now.Add(validator.DefaultLeeway+time.Second).Unix()), validator.ReasonNotYetValid),
		one("without jti", none("jti"), validator.ReasonClaimMissing),
		one("jti is empty", claim("jti", ""), validator.ReasonClaimMissing),
		one("jti is a number", claim("jti", 1), validator.ReasonMalformedClaims),
		one("without events", none("events"), validator.ReasonNotSignal),
		one("events is a list", claim("events", []string{credentialChange, loggedOut}), validator.ReasonMalformedClaims),
		one("events is empty", claim("events", members{}), validator.ReasonMalformedClaims),
		one("events holds no objects", claim("events", members{credentialChange: "", loggedOut: ""}), validator.ReasonMalformedClaims),
		one("a claim that looks like another", claim("evеnts", members{}), validator.ReasonMalformedClaims), // a Cyrillic е
		one("events twice, once in capitals", claim("Events", members{}), validator.ReasonMalformedClaims),
		one("an access token", header("typ", "at+jwt"), validator.ReasonNotSignal),
		one("an empty typ", header("typ", ""), validator.ReasonMalformedJOSEHeader),
		one("alg none", header("alg", "none"), validator.ReasonAlgorithmNotAllowed),
		one("alg HS256", header("alg", "HS256"), validator.ReasonAlgorithmNotAllowed),
		one("alg of another key", header("alg", "RS256"), validator.ReasonUnknownKey),
		one("crit", header("crit", []string{"exp"}), validator.ReasonCriticalHeader),
		one("no such key", header("kid", "none"), validator.ReasonUnknownKey),
		one("too large", claim("filler", strings.Repeat("x", validator.MaxTokenSize)), validator.ReasonTokenTooLarge),
	}
}

// ofEvents are what makes an event bad, though its issuer signed it.
func ofEvents(s *signalled) []hostile {
	subject := func(of any) []validatortest.Edit { return []validatortest.Edit{validatortest.Claim("sub_id", of)} }
	payload := func(of members) []validatortest.Edit {
		return []validatortest.Edit{validatortest.Claim("events", members{credentialChange: of})}
	}
	const malformed = validator.ReasonMalformedClaims
	return []hostile{
		{"typ of an ID token", []validatortest.Edit{validatortest.HeaderParam("typ", "JWT")}, validator.ReasonNotSignal},
		{"without typ", []validatortest.Edit{validatortest.NoHeaderParam("typ")}, validator.ReasonNotSignal},
		{"a logout token", []validatortest.Edit{validatortest.HeaderParam("typ", "logout+jwt")}, validator.ReasonNotSignal},
		{"about nobody", []validatortest.Edit{validatortest.NoClaim("sub_id")}, validator.ReasonClaimMissing},
		{"sub is no sub_id", []validatortest.Edit{validatortest.NoClaim("sub_id"), validatortest.Subject("user")}, validator.ReasonClaimMissing},
		{"a subject that looks like another", []validatortest.Edit{validatortest.Claim("Sub_id", s.issSub("joe"))}, malformed},
		{"subject is a text", subject("user"), malformed},
		{"subject without a format", subject(members{"iss": s.Issuer(), "sub": "user"}), malformed},
		{"format is no text", subject(members{"format": 1, "sub": "user"}), malformed},
		{"iss_sub without sub", subject(members{"format": "iss_sub", "iss": s.Issuer()}), malformed},
		{"iss_sub with an empty sub", subject(s.issSub("")), malformed},
		{"iss_sub with a number for sub", subject(members{"format": "iss_sub", "iss": s.Issuer(), "sub": 1}), malformed},
		{"iss_sub without iss", subject(members{"format": "iss_sub", "sub": "user"}), malformed},
		{"opaque without id", subject(members{"format": "opaque", "sub": "user"}), malformed},
		{"jwt_id without jti", subject(members{"format": "jwt_id", "iss": s.Issuer(), "id": "x"}), malformed},
		{"a member that looks like another", subject(members{"format": "iss_sub", "iss": s.Issuer(), "sub": "user", "ѕub": "joe"}), malformed},
		{"aliases of nobody", subject(members{"format": "aliases"}), malformed},
		{"aliases of texts", subject(members{"format": "aliases", "identifiers": []string{"user"}}), malformed},
		{"aliases of a malformed one", subject(members{"format": "aliases", "identifiers": []members{s.issSub("user"), {"format": "opaque"}}}), malformed},
		{"a malformed user", subject(members{"format": "complex", "user": members{"format": "opaque"}, "session": members{"format": "opaque", "id": "s"}}), malformed},
		{"a malformed session", subject(members{"format": "complex", "user": s.issSub("user"), "session": "s"}), malformed},
		{"a time that is a text", payload(members{"event_timestamp": "1"}), malformed},
		{"a time that is null", payload(members{"event_timestamp": nil}), malformed},
		{"a toe that is a text", []validatortest.Edit{validatortest.Claim("toe", "1")}, malformed},
		{"an event with a member that looks like another", payload(members{"subject": s.issSub("user"), "Subject": s.issSub("joe")}), malformed},
		{"one event of two is bad", []validatortest.Edit{validatortest.Claim("events", members{
			accountDisabled: members{"subject": s.issSub("user")}, credentialChange: members{"subject": "user"},
		})}, malformed},
	}
}

// ofLogouts are what makes a logout token bad.
func ofLogouts(*signalled) []hostile {
	return []hostile{
		{"an event", []validatortest.Edit{validatortest.HeaderParam("typ", "secevent+jwt")}, validator.ReasonNotSignal},
		{"an ID token", []validatortest.Edit{validatortest.NoClaim("events"), validatortest.HeaderParam("typ", "JWT")}, validator.ReasonNotSignal},
		{"with a nonce", []validatortest.Edit{validatortest.Claim("nonce", "n")}, validator.ReasonNotSignal},
		{"with a nonce of null", []validatortest.Edit{validatortest.Claim("nonce", nil)}, validator.ReasonNotSignal},
		{"another event", []validatortest.Edit{validatortest.Claim("events", members{credentialChange: members{}})}, validator.ReasonNotSignal},
		{"of nobody's session", []validatortest.Edit{validatortest.NoClaim("sub"), validatortest.NoClaim("sid")}, validator.ReasonClaimMissing},
		{"sid is a number", []validatortest.Edit{validatortest.Claim("sid", 1)}, validator.ReasonMalformedClaims},
		{"sub is null", []validatortest.Edit{validatortest.Subject(""), validatortest.NoClaim("sid")}, validator.ReasonClaimMissing},
	}
}

// TestHostileSignals: none of these changes anything. Their good neighbours do
// (TestEventsRevoke, TestLogoutRevokes).
func TestHostileSignals(t *testing.T) {
	s := newSignalled(t)
	raw := s.AccessToken(sid("s1"))
	accept(t, s.validator, raw)
	for kind, tc := range map[validator.SignalKind]struct {
		receive func(context.Context, string) (validator.Outcome, error)
		mint    func(...validatortest.Edit) string
		hostile []hostile
	}{
		validator.SignalEvent: {s.validator.ReceiveEvent, func(edits ...validatortest.Edit) string {
			return s.event(credentialChange, s.issSub("user"), edits...)
		}, append(common(s), ofEvents(s)...)},
		validator.SignalLogout: {s.validator.ReceiveLogout, func(edits ...validatortest.Edit) string {
			return s.logout(append([]validatortest.Edit{sid("s1")}, edits...)...)
		}, append(common(s), ofLogouts(s)...)},
	} {
		type judged struct {
			raw    string
			reason validator.Reason
		}
		texts := map[string]judged{}
		for _, h := range tc.hostile {
			texts[h.name] = judged{tc.mint(h.edits...), h.reason}
		}
		good := tc.mint()
		unlisted := s.Prepare("ES256")
		header, payload, _ := strings.Cut(good, ".")
		payload, signature, _ := strings.Cut(payload, ".")
		for name, bad := range map[string]judged{
			"nothing":                    {"", validator.ReasonMalformedToken},
			"no JWS":                     {"signal", validator.ReasonMalformedToken},
			"no JWS, as long as can be":  {strings.Repeat("a", validator.MaxTokenSize), validator.ReasonMalformedToken},
			"two parts":                  {header + "." + payload, validator.ReasonMalformedToken},
			"a line feed at the end":     {good + "\n", validator.ReasonMalformedToken},
			"a space in the header":      {header[:8] + " " + header[9:] + "." + payload + "." + signature, validator.ReasonMalformedToken},
			"no alg":                     {base64URL(`{"typ":"secevent+jwt"}`) + "." + payload + "." + signature, validator.ReasonNotJWT},
			"signed by an unlisted key":  {s.Sign(unlisted, []byte(decoded(t, header)), []byte(decoded(t, payload))), validator.ReasonBadSignature},
			"signed by nobody":           {forged(good), validator.ReasonBadSignature},
			"no signature":               {header + "." + payload + ".", validator.ReasonMalformedToken},
			"a signature of another one": {header + "." + payload + "." + strings.Split(s.AccessToken(), ".")[2], validator.ReasonBadSignature},
			"duplicate members":          {s.Sign("", []byte(decoded(t, header)), []byte(`{"iss":"x",`+decoded(t, payload)[1:])), validator.ReasonMalformedClaims},
			"an access token":            {s.AccessToken(), validator.ReasonNotSignal},
		} {
			texts[name] = bad
		}
		for name, bad := range texts {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				outcome, err := tc.receive(t.Context(), bad.raw)
				assert.Empty(t, outcome)
				refused(t, err, validator.ErrInvalidToken, bad.reason)
				heard := s.last(t)
				assert.Equal(t, bad.reason, heard.Err.Reason)
				assert.Empty(t, heard.Outcome)
				assert.Zero(t, s.revocations.Status().Marks)
				accept(t, s.validator, raw)
			})
		}
	}
}

func decoded(t testing.TB, segment string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(segment)
	require.NoError(t, err)
	return string(text)
}

// TestSubjectsDoNotMultiply: a signal that names many users and many sessions makes as
// many marks as it names, and no more.
func TestSubjectsDoNotMultiply(t *testing.T) {
	const many = 150
	made := 0
	s := newSignalled(t, func(c *validator.Config) {
		c.Revocations = newRevocations(t, validator.RevocationsConfig{OnMark: func(validator.Watermark) { made++ }})
	})
	aliases := func(prefix string) members {
		list := make([]members, many)
		for i := range list {
			list[i] = members{"format": "opaque", "id": fmt.Sprint(prefix, i)}
		}
		return members{"format": "aliases", "identifiers": list}
	}
	s.receive(t, validator.SignalEvent, s.event(sessionRevoked, members{"format": "complex", "user": aliases("u"), "session": aliases("s")}))
	assert.Equal(t, 2*many, made)
	assert.Equal(t, 2*many, s.revocations.Status().Marks)
	for _, n := range []int{0, many - 1} {
		for _, meant := range [][]validatortest.Edit{{validatortest.Subject(fmt.Sprint("u", n))}, {sid(fmt.Sprint("s", n))}} {
			reject(t, s.validator, s.AccessToken(meant...), validator.ErrInvalidToken, validator.ReasonRevoked)
		}
	}
	accept(t, s.validator, s.AccessToken(validatortest.Subject("u0"), sid("another")))
}
