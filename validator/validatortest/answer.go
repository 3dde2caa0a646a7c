package validatortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// answerAbout is what the introspection endpoint says of a token (RFC 7662
// section 2.2): its claims, under the names of that section.
func (s *Server) answerAbout(token string) map[string]any {
	answer := s.activeClaims(token)
	if answer == nil {
		return map[string]any{"active": false} // and not why
	}
	d := s.dialect()
	if client, ok := answer[d.client]; ok {
		answer["client_id"] = client
	}
	unset(answer, "cid") // while Keycloak leaves azp in
	rename(answer, d.scope, "scope")
	if s.opts.Style == StyleHydra {
		answer["token_use"] = "access_token"
	}
	if scopes, ok := answer["scope"].([]any); ok {
		answer["scope"] = spaced(scopes)
	}
	if sub, ok := answer["sub"]; ok && s.opts.Style == StyleOkta {
		answer["username"] = sub
	}
	answer["active"], answer["token_type"] = true, tokenType(answer)
	return answer
}

func rename(object map[string]any, from, to string) {
	if value, ok := object[from]; ok {
		delete(object, from)
		object[to] = value
	}
}

// spaced spells scopes as RFC 6749 section 3.3 does.
func spaced(scopes []any) string { return strings.TrimSuffix(fmt.Sprintln(scopes...), "\n") }

// tokenType is DPoP for a token bound to a key by RFC 9449 section 6.
func tokenType(claims map[string]any) string {
	cnf, _ := claims["cnf"].(map[string]any)
	if _, ok := cnf["jkt"]; ok {
		return "DPoP"
	}
	return "Bearer"
}

// activeClaims returns the claims of a token that is good now, each time new
// ones, and nil for any other.
func (s *Server) activeClaims(token string) jwt.MapClaims {
	s.mu.Lock()
	opaque, revoked := s.opaque[token], s.revoked[signedPart(token)]
	s.mu.Unlock()
	if opaque != nil {
		return s.activeOpaque(opaque)
	}
	parser := jwt.NewParser(jwt.WithJSONNumber(), jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(s.opts.Clock), jwt.WithIssuer(s.tokenIssuer()))
	parsed, err := parser.Parse(token, s.verificationKeys)
	if err != nil || revoked || !s.isAccessToken(parsed) {
		return nil
	}
	return parsed.Claims.(jwt.MapClaims)
}

func (s *Server) activeOpaque(text []byte) jwt.MapClaims {
	var claims jwt.MapClaims
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // as in JWTs: a number is answered as it was minted
	if err := d.Decode(&claims); err != nil {
		panic(fmt.Sprintf("validatortest: %v", err))
	}
	if jwt.NewValidator(jwt.WithTimeFunc(s.opts.Clock)).Validate(claims) != nil {
		return nil
	}
	return claims
}

// verificationKeys are those of the algorithm that have the token's kid, or
// any kid if it names none. It does not matter whether they are listed: a
// server knows what it signed.
func (s *Server) verificationKeys(t *jwt.Token) (any, error) {
	kid, named := t.Header["kid"]
	s.mu.Lock()
	defer s.mu.Unlock()
	var set jwt.VerificationKeySet
	for _, k := range s.ring.keys {
		if k.alg == t.Method.Alg() && (!named || kid == k.kid) {
			set.Keys = append(set.Keys, k.signer.Public())
		}
	}
	return set, nil
}

// isAccessToken tells the access tokens of the style from the other JWTs that
// the server signs (RFC 8725 section 3.11).
func (s *Server) isAccessToken(t *jwt.Token) bool {
	claims := t.Claims.(jwt.MapClaims)
	has := func(name string) bool { _, ok := claims[name]; return ok }
	kind, use := claims["typ"], claims["token_use"] // Keycloak's, Cognito's
	if slices.ContainsFunc([]string{"nonce", "at_hash", "events"}, has) ||
		kind != nil && kind != "Bearer" && kind != "DPoP" || use != nil && use != "access" {
		return false
	}
	typ, _ := t.Header["typ"].(string)
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") { // RFC 7515 section 4.1.9
	case "at+jwt":
		return true
	case "jwt", "":
		return s.opts.Style != StyleRFC9068 && has(s.dialect().client)
	}
	return false
}
