package jwks_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// issuing is a server with a Source that knows its issuer.
func issuing(t *testing.T, algorithm string) (*validatortest.Server, *subject) {
	t.Helper()
	server := startServer(t, validatortest.Options{Algorithm: algorithm, Clock: time.Now})
	return server, newSubject(t, jwks.Config{Issuer: server.Issuer()})
}

func TestKeyfuncVerifiesTokensOfItsIssuer(t *testing.T) {
	for _, algorithm := range []string{"RS256", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			server, s := issuing(t, algorithm)
			for name, edit := range map[string]validatortest.Edit{
				"as it is": func(_, _ map[string]any) {},
				"no kid":   validatortest.NoHeaderParam("kid"),
				"no typ":   validatortest.NoHeaderParam("typ"),
			} {
				for _, claims := range []jwt.Claims{jwt.MapClaims{}, &jwt.RegisteredClaims{}} {
					token, err := jwt.ParseWithClaims(server.AccessToken(edit), claims, s.Keyfunc())
					require.NoError(t, err, name)
					assert.True(t, token.Valid)
				}
			}
			raw := server.AccessToken()
			_, err := jwt.Parse(raw[:len(raw)-8]+"AAAAAAAA", s.Keyfunc())
			assert.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid)
			assert.Equal(t, 1, server.KeyRequests())
		})
	}
}

func TestKeyfuncRefuses(t *testing.T) {
	server, s := issuing(t, "RS256")
	rsa := server.KID()
	ec := server.Rotate("ES256")
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": server.Issuer()}).SignedString([]byte("secret"))
	require.NoError(t, err)
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": server.Issuer()}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	header, claim := validatortest.HeaderParam, validatortest.Claim
	for name, test := range map[string]struct {
		token string
		error error
	}{
		"crit":                     {server.AccessToken(header("crit", []string{"exp"})), jwks.ErrCriticalHeader},
		"crit, empty":              {server.AccessToken(header("crit", []string{})), jwks.ErrCriticalHeader},
		"crit, null":               {server.AccessToken(header("crit", nil)), jwks.ErrCriticalHeader},
		"b64":                      {server.AccessToken(header("b64", false)), jwks.ErrCriticalHeader},
		"b64, and as it should be": {server.AccessToken(header("b64", true)), jwks.ErrCriticalHeader},
		"HS256":                    {other, jwks.ErrAlgorithm},
		"none":                     {none, jwks.ErrAlgorithm},
		"foreign iss":              {server.AccessToken(claim("iss", "https://evil.example")), jwks.ErrForeignIssuer},
		"longer iss":               {server.AccessToken(claim("iss", server.Issuer()+"/")), jwks.ErrForeignIssuer},
		"no iss":                   {server.AccessToken(validatortest.NoClaim("iss")), jwks.ErrForeignIssuer},
		"empty iss":                {server.AccessToken(claim("iss", "")), jwks.ErrForeignIssuer},
		"iss is a list":            {server.AccessToken(claim("iss", []string{server.Issuer()})), jwks.ErrForeignIssuer},
		"alg of another type":      {server.MintWith(ec, header("kid", rsa)), jwks.ErrUnknownKey},
		"alg of another hash":      {server.MintWith(rsa, header("alg", "RS384")), jwks.ErrUnknownKey},
		"unknown kid":              {server.AccessToken(header("kid", "unknown")), jwks.ErrUnknownKey},
		"a kid of 257 bytes":       {server.AccessToken(header("kid", strings.Repeat("k", 257))), jwks.ErrUnknownKey},
		"kid is a number":          {server.AccessToken(header("kid", 1)), keyfunc.ErrKeyfunc},
	} {
		t.Run(name, func(t *testing.T) {
			s.clock.Advance(time.Minute) // tokens of the bucket
			token, err := jwt.Parse(test.token, s.Keyfunc())
			assert.ErrorIs(t, err, jwt.ErrTokenUnverifiable)
			assert.ErrorIs(t, err, test.error)
			assert.False(t, token.Valid)
			for _, sentinel := range []error{jwks.ErrCriticalHeader, jwks.ErrAlgorithm, jwks.ErrForeignIssuer, jwks.ErrUnknownKey} {
				assert.Equal(t, sentinel == test.error, errors.Is(err, sentinel), "no other reason")
			}
		})
	}
}

// RS384 with a key whose JWK names RS256: the algorithm of the key counts. Where it
// names none, the parser's list is the one that does.
func TestKeyfuncHoldsAKeyToItsAlgorithm(t *testing.T) {
	server, s := issuing(t, "RS256")
	_, err := jwt.Parse(server.AccessToken(), s.Keyfunc(), jwt.WithValidMethods([]string{"RS256"}))
	require.NoError(t, err)
	_, err = jwt.Parse(server.AccessToken(), s.Keyfunc(), jwt.WithValidMethods([]string{"ES256"}))
	assert.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid)
}

// What the parser made of a token may be changed before the function sees it.
func TestKeyfuncRefusesATokenThatIsToBeVerifiedOtherwise(t *testing.T) {
	server, s := issuing(t, "RS256")
	parsed := func() *jwt.Token {
		token, _, err := jwt.NewParser().ParseUnverified(server.AccessToken(), jwt.MapClaims{})
		require.NoError(t, err)
		return token
	}
	key, err := s.Keyfunc()(parsed())
	require.NoError(t, err)
	assert.Implements(t, (*interface{ Equal(crypto.PublicKey) bool })(nil), key)
	for name, test := range map[string]struct {
		change func(*jwt.Token)
		error  error
	}{
		"by HMAC":           {func(token *jwt.Token) { token.Method = jwt.SigningMethodHS256 }, jwks.ErrAlgorithm},
		"by another hash":   {func(token *jwt.Token) { token.Method = jwt.SigningMethodRS384 }, jwks.ErrAlgorithm},
		"by nothing":        {func(token *jwt.Token) { token.Method = nil }, jwks.ErrAlgorithm},
		"no alg":            {func(token *jwt.Token) { delete(token.Header, "alg") }, jwks.ErrAlgorithm},
		"alg is a list":     {func(token *jwt.Token) { token.Header["alg"] = []any{"RS256"} }, jwks.ErrAlgorithm},
		"both named nobody": {func(token *jwt.Token) { token.Header["alg"], token.Method = "HS256", jwt.SigningMethodHS256 }, jwks.ErrAlgorithm},
		"claims in doubt":   {func(token *jwt.Token) { token.Claims = doubtful{token.Claims} }, jwks.ErrForeignIssuer},
		"no claims":         {func(token *jwt.Token) { token.Claims = nil }, jwks.ErrForeignIssuer},
	} {
		token := parsed()
		test.change(token)
		key, err := s.Keyfunc()(token)
		assert.ErrorIs(t, err, test.error, name)
		assert.Nil(t, key, name)
	}
	assert.Equal(t, 1, server.KeyRequests())
}

// doubtful claims have an issuer, and an error.
type doubtful struct{ jwt.Claims }

func (d doubtful) GetIssuer() (string, error) {
	issuer, _ := d.Claims.GetIssuer()
	return issuer, errors.New("two of them")
}

// Without an issuer there is none that a token could be of.
func TestKeyfuncWithoutAnIssuerRefusesEverything(t *testing.T) {
	server := startServer(t, validatortest.Options{})
	s := newSubject(t, jwks.Config{URL: server.JWKSURL()})
	for _, edit := range []validatortest.Edit{validatortest.Claim("iss", ""), validatortest.NoClaim("iss"), validatortest.Claim("x", 1)} {
		_, err := jwt.Parse(server.AccessToken(edit), s.Keyfunc())
		assert.ErrorIs(t, err, jwks.ErrForeignIssuer)
	}
	assert.Zero(t, server.KeyRequests())
}

// A token without kid, where two keys fit, is not tried with both.
func TestKeyfuncDoesNotGuess(t *testing.T) {
	server, s := issuing(t, "ES256")
	old := server.KID()
	server.Rotate("ES256")
	_, err := jwt.Parse(server.MintWith(old, validatortest.NoHeaderParam("kid")), s.Keyfunc())
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	_, err = jwt.Parse(server.MintWith(old, validatortest.HeaderParam("kid", "")), s.Keyfunc())
	assert.ErrorIs(t, err, jwks.ErrUnknownKey)
	_, err = jwt.Parse(server.MintWith(old), s.Keyfunc())
	assert.NoError(t, err)
}

func TestKeyfuncFindsARotatedKey(t *testing.T) {
	server, s := issuing(t, "ES256")
	find := s.Keyfunc()
	_, err := jwt.Parse(server.AccessToken(), find)
	require.NoError(t, err)
	for range 3 {
		server.Rotate("ES256")
		_, err = jwt.Parse(server.AccessToken(), find)
		require.NoError(t, err)
	}
	assert.Equal(t, 4, server.KeyRequests())
}

// What Source.Key says can be had from what the parser says.
func TestKeyfuncErrorsAreThoseOfTheSource(t *testing.T) {
	for _, edit := range []validatortest.Edit{func(_, _ map[string]any) {}, validatortest.NoHeaderParam("kid")} {
		server, s := issuing(t, "ES256")
		server.SetKeysMode(validatortest.ModeError)
		_, err := jwt.Parse(server.AccessToken(edit), s.Keyfunc())
		assert.ErrorIs(t, err, jwt.ErrTokenUnverifiable)
		assert.Equal(t, 500, remoteCause(t, err).Status)
		assert.Equal(t, time.Second, unavailable(t, err).RetryAfter)

		server.SetKeysMode(validatortest.ModeUp)
		s.clock.Advance(time.Second)
		_, err = jwt.Parse(server.AccessToken(edit), s.Keyfunc())
		require.NoError(t, err)
		for i := range 5 {
			_, err = jwt.Parse(server.AccessToken(validatortest.HeaderParam("kid", fmt.Sprint(i))), s.Keyfunc())
		}
		throttled(t, err)
	}
}

func TestKeyfuncCtxLeavesWithItsContext(t *testing.T) {
	server, s := issuing(t, "ES256")
	release := server.Hold()
	defer release()
	ctx, cancel := context.WithCancelCause(t.Context())
	bored := errors.New("bored")
	done := make(chan error, 1)
	w := watch(ctx)
	go func() {
		_, err := jwt.Parse(server.AccessToken(), s.KeyfuncCtx(w))
		done <- err
	}()
	<-w.waiting
	cancel(bored)
	assert.ErrorIs(t, <-done, bored)
	release()
	_, err := jwt.Parse(server.AccessToken(), s.KeyfuncCtx(t.Context()))
	assert.NoError(t, err)
}

func TestKeyfuncOfAnImportedSet(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES384", "EdDSA"} {
		server, from := issuing(t, algorithm)
		require.NoError(t, from.Ready(t.Context()))
		to := importing(t, jwks.Config{Issuer: server.Issuer(), HTTPClient: noNetwork(t)}, export(t, from.Source))
		_, err := jwt.Parse(server.AccessToken(), to.Keyfunc())
		assert.NoError(t, err)
	}
}
