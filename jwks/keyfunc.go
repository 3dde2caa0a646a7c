package jwks

import (
	"context"
	"errors"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Errors of Keyfunc, beside those of Key and of the keyfunc package.
var (
	// ErrCriticalHeader: the header has crit or b64.
	ErrCriticalHeader = errors.New("jwks: the header asks for an extension that is not understood")
	// ErrAlgorithm: no asymmetric algorithm that is supported, or the token is to be
	// verified by another one than its header names.
	ErrAlgorithm = errors.New("jwks: the algorithm is not one that verifies tokens here")
	// ErrForeignIssuer: iss is absent, or not Config.Issuer.
	ErrForeignIssuer = errors.New("jwks: the token is not of the issuer whose keys these are")
)

// Keyfunc finds keys for the parser of github.com/golang-jwt/jwt/v5, for programs
// that use it already. A token that the parser then accepts has a signature of this
// issuer, and that is all. It is NOT checked
//
//   - that the token is meant for you: aud, client_id, azp (jwt.WithAudience);
//   - that it has an expiry at all (jwt.WithExpirationRequired), nor iat, nbf;
//   - that it is an access token: an ID token or a logout token of the same issuer
//     passes (typ, token_use and the like);
//   - that whoever sends it holds the key that it is bound to (cnf), nor scopes, nor
//     revocation;
//   - that header and claims say one thing to every reader: duplicate members,
//     members that differ from a claim only by case, other base64 than RFC 7515
//     defines, any salt length of PS256 (jwt.WithStrictDecoding helps with one).
//
// The validator package checks all of these: prefer it.
//
// What it does check, before it looks for a key: the header has neither crit nor
// b64 (ErrCriticalHeader); its alg is an asymmetric one, and the one that the token
// will be verified by (ErrAlgorithm); iss is exactly Config.Issuer, which must not
// be empty (ErrForeignIssuer). Then the key must fit the alg. Without kid, it must be
// the only one that does. The errors of Key can be had by errors.Is and errors.As
// from the parser's; *UnavailableError among them says nothing against the token.
//
// It waits for fetches as Key does, for as long as one may take; see KeyfuncCtx.
func (s *Source) Keyfunc() jwt.Keyfunc { return s.KeyfuncCtx(context.Background()) }

// KeyfuncCtx is Keyfunc for the time of one request: it does not wait for a key any
// longer than ctx lasts.
func (s *Source) KeyfuncCtx(ctx context.Context) jwt.Keyfunc {
	return func(token *jwt.Token) (any, error) {
		algorithm, err := s.judgeToken(token)
		if err != nil {
			return nil, err
		}
		find, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: storage{source: s, algorithm: algorithm}})
		if err != nil {
			return nil, err
		}
		return find.Keyfunc(token)
	}
}

// judgeToken refuses what golang-jwt would let pass, and returns the alg.
func (s *Source) judgeToken(token *jwt.Token) (algorithm string, err error) {
	for _, name := range []string{"crit", "b64"} {
		if _, ok := token.Header[name]; ok {
			return "", ErrCriticalHeader // RFC 7515 4.1.11, RFC 7797
		}
	}
	algorithm, _ = token.Header["alg"].(string)
	if _, ok := jose.ParseAlgorithm(algorithm); !ok || token.Method == nil || token.Method.Alg() != algorithm {
		return "", ErrAlgorithm // RFC 8725 3.1
	}
	if token.Claims == nil {
		return "", ErrForeignIssuer
	}
	// RFC 8725 3.8: the keys must belong to the issuer.
	if issuer, err := token.Claims.GetIssuer(); err != nil || issuer == "" || issuer != s.config.Issuer {
		return "", ErrForeignIssuer
	}
	return algorithm, nil
}

// storage answers the keyfunc package for one token: with the key that fits its
// algorithm, where it would take any. Nothing else of a Storage is asked of it, and
// would panic.
type storage struct {
	jwkset.Storage
	source    *Source
	algorithm string
}

func (s storage) KeyRead(ctx context.Context, kid string) (jwkset.JWK, error) {
	k, err := s.source.Key(ctx, kid, s.algorithm)
	if err != nil {
		return jwkset.JWK{}, err
	}
	return k.jwk()
}

// KeyReadAll is asked for when a token has no kid, and all would be tried.
func (s storage) KeyReadAll(ctx context.Context) ([]jwkset.JWK, error) {
	k, err := s.KeyRead(ctx, "")
	if err != nil {
		return nil, err
	}
	return []jwkset.JWK{k}, nil
}
