package validatortest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) {
	// net/http waits half a second where it closes before all was read; as long as goleak waits.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

func start(t *testing.T, o validatortest.Options) *validatortest.Server {
	t.Helper()
	if o.Algorithm == "" {
		o.Algorithm = "ES256" // cheap
	}
	s, err := validatortest.Start(o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// get asks within ten seconds.
func get(t *testing.T, s *validatortest.Server, address string, header ...string) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

// servedKeys reads the key set with another library than the one it is
// written by.
func servedKeys(t *testing.T, s *validatortest.Server) map[string]any {
	t.Helper()
	answer, body, err := get(t, s, s.JWKSURL())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	var set jwkset.JWKSMarshal
	require.NoError(t, json.Unmarshal([]byte(body), &set))
	keys := map[string]any{}
	for _, m := range set.Keys {
		k, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		require.NoError(t, err)
		keys[m.KID] = k.Key()
	}
	return keys
}

// verify checks a token against the served key set.
func verify(t *testing.T, s *validatortest.Server, token string) (*jwt.Token, error) {
	t.Helper()
	keys := servedKeys(t, s)
	return jwt.Parse(token, func(tok *jwt.Token) (any, error) {
		k, ok := keys[tok.Header["kid"].(string)]
		if !ok {
			return nil, jwt.ErrTokenUnverifiable
		}
		return k, nil
	}, jwt.WithIssuer(s.Issuer()), jwt.WithExpirationRequired())
}

func TestEveryAlgorithmVerifies(t *testing.T) {
	s := start(t, validatortest.Options{})
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		kid := s.Rotate(alg)
		require.Equal(t, kid, s.KID())
		tok, err := verify(t, s, s.AccessToken())
		require.NoError(t, err, alg)
		assert.Equal(t, alg, tok.Header["alg"])
		assert.Equal(t, kid, tok.Header["kid"])
	}
	assert.Len(t, servedKeys(t, s), 11)
	assert.Len(t, s.Algorithms(), 10)
}

func TestStartRefuses(t *testing.T) {
	_, err := validatortest.Start(validatortest.Options{Algorithm: "HS256"})
	assert.ErrorContains(t, err, "HS256")
	_, err = validatortest.Start(validatortest.Options{Path: "oauth2"})
	assert.ErrorContains(t, err, "oauth2")
}

func TestDiscovery(t *testing.T) {
	for _, path := range []string{"", "/", "/oauth2/default"} {
		s := start(t, validatortest.Options{Path: path, TLS: path == "/"})
		u, err := url.Parse(s.Issuer())
		require.NoError(t, err)
		assert.Equal(t, path, u.Path)
		u.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(path, "/")
		for _, address := range []string{s.MetadataURL(), u.String()} {
			answer, body, err := get(t, s, address)
			require.NoError(t, err)
			assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
			var document map[string]any
			require.NoError(t, json.Unmarshal([]byte(body), &document))
			assert.Equal(t, s.Issuer(), document["issuer"])
			assert.Equal(t, s.JWKSURL(), document["jwks_uri"])
			assert.Equal(t, s.TokenURL(), document["token_endpoint"])
			assert.Equal(t, s.IntrospectionURL(), document["introspection_endpoint"])
			assert.Equal(t, []any{"client_secret_basic", "client_secret_post"},
				document["introspection_endpoint_auth_methods_supported"])
		}
		assert.Equal(t, 2, s.MetadataRequests())
		_, err = verify(t, s, s.AccessToken())
		assert.NoError(t, err)
	}
}

func TestSetMetadata(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.SetMetadata(func(m map[string]any) { m["issuer"] = "https://evil.example" })
	_, body, err := get(t, s, s.MetadataURL())
	require.NoError(t, err)
	assert.Contains(t, body, "evil.example")
	s.SetMetadata(nil)
	_, body, err = get(t, s, s.MetadataURL())
	require.NoError(t, err)
	assert.NotContains(t, body, "evil.example")
}

func TestKeyLife(t *testing.T) {
	s := start(t, validatortest.Options{})
	first := s.KID()
	next := s.Prepare("ES256")
	early := s.MintWith(next)
	_, err := verify(t, s, early)
	assert.Error(t, err, "not listed yet")
	s.Publish(next)
	_, err = verify(t, s, early)
	assert.NoError(t, err)
	assert.Equal(t, first, s.KID(), "listing a key does not make it sign")

	old := s.AccessToken()
	before := string(s.KeySet())
	s.Reorder()
	assert.Less(t, strings.Index(before, first), strings.Index(before, next))
	after := string(s.KeySet())
	assert.Greater(t, strings.Index(after, first), strings.Index(after, next))

	s.Rekey(first)
	_, err = verify(t, s, old)
	assert.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid)
	_, err = verify(t, s, s.AccessToken())
	assert.NoError(t, err)

	s.Withdraw(first)
	_, err = verify(t, s, s.AccessToken())
	assert.ErrorIs(t, err, jwt.ErrTokenUnverifiable)
	s.Withdraw(next)
	assert.JSONEq(t, `{"keys":[]}`, string(s.KeySet()))
	s.ServeKeySet([]byte("nonsense"))
	_, body, err := get(t, s, s.JWKSURL())
	require.NoError(t, err)
	assert.Equal(t, "nonsense", body)
	s.ServeKeySet(nil)
	assert.JSONEq(t, `{"keys":[]}`, string(s.KeySet()))
	assert.Panics(t, func() { s.MintWith("no such key") })
}

func TestServersShareNoKey(t *testing.T) {
	a, b := start(t, validatortest.Options{Algorithm: "RS256"}), start(t, validatortest.Options{Algorithm: "RS256"})
	assert.Equal(t, a.KID(), b.KID())
	assert.NotEqual(t, servedKeys(t, a), servedKeys(t, b))
}

func TestETag(t *testing.T) {
	s := start(t, validatortest.Options{})
	answer, body, err := get(t, s, s.JWKSURL())
	require.NoError(t, err)
	require.NotEmpty(t, body)
	tag := answer.Header.Get("ETag")
	answer, body, err = get(t, s, s.JWKSURL(), "If-None-Match", tag)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotModified, answer.StatusCode)
	assert.Empty(t, body)
	s.Rotate("ES256")
	answer, _, err = get(t, s, s.JWKSURL(), "If-None-Match", tag)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, 3, s.KeyRequests())
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := start(t, validatortest.Options{Path: "/oauth2/default"})
	for address, status := range map[string]int{
		s.Issuer():           http.StatusNotFound,
		s.JWKSURL() + "/x":   http.StatusNotFound,
		s.TokenURL():         http.StatusMethodNotAllowed,
		s.IntrospectionURL(): http.StatusMethodNotAllowed,
	} {
		answer, _, err := get(t, s, address)
		require.NoError(t, err)
		assert.Equal(t, status, answer.StatusCode, address)
	}
	answer, err := s.Client().Post(s.JWKSURL(), "text/plain", nil)
	require.NoError(t, err)
	answer.Body.Close()
	assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
}

func TestModes(t *testing.T) {
	s := start(t, validatortest.Options{})
	for _, address := range []string{s.MetadataURL(), s.JWKSURL(), s.TokenURL(), s.IntrospectionURL()} {
		for mode, status := range map[validatortest.Mode]int{
			validatortest.ModeError:    http.StatusInternalServerError,
			validatortest.ModeNotFound: http.StatusNotFound,
			validatortest.ModeGarbage:  http.StatusOK,
			validatortest.ModeHuge:     http.StatusOK,
		} {
			s.SetMode(mode)
			answer, body, err := get(t, s, address)
			require.NoError(t, err)
			assert.Equal(t, status, answer.StatusCode)
			if mode == validatortest.ModeGarbage {
				assert.Contains(t, answer.Header.Get("Content-Type"), "text/html")
			}
			assert.Equal(t, mode == validatortest.ModeHuge, len(body) > 10<<20)
		}
		s.SetMode(validatortest.ModeDown)
		_, _, err := get(t, s, address)
		assert.ErrorIs(t, err, io.EOF)
		s.SetMode(validatortest.ModeTruncated)
		answer, _, err := get(t, s, address)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, http.StatusOK, answer.StatusCode)
	}
	s.SetMode(validatortest.ModeUp)
	_, err := verify(t, s, s.AccessToken())
	assert.NoError(t, err)
	assert.Equal(t, 7, s.KeyRequests(), "one for each request, cut or not")
}

// later asks for the key set in the background.
func later(t *testing.T, s *validatortest.Server) <-chan string {
	done := make(chan string, 1)
	go func() {
		_, body, err := get(t, s, s.JWKSURL())
		if err != nil {
			body = "error: " + err.Error()
		}
		done <- body
	}()
	return done
}

func waitKeyRequests(t *testing.T, s *validatortest.Server, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.WaitKeyRequests(ctx, n))
}

func TestHangEndsWithTheMode(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.SetMode(validatortest.ModeHang)
	body := later(t, s)
	waitKeyRequests(t, s, 1)
	select {
	case <-body:
		t.Fatal("answered")
	default:
	}
	s.SetMode(validatortest.ModeUp)
	assert.Equal(t, string(s.KeySet()), <-body)
}

func TestHangEndsWithTheClient(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.SetMode(validatortest.ModeHang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.TokenURL(), strings.NewReader("grant_type=x"))
	require.NoError(t, err)
	_, err = s.Client().Do(r)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCloseReleases(t *testing.T) {
	for _, stop := range []func(*validatortest.Server){
		func(s *validatortest.Server) { s.SetMode(validatortest.ModeHang) },
		func(s *validatortest.Server) { s.SetDelay(time.Hour) },
		func(s *validatortest.Server) { s.Hold() },
	} {
		s := start(t, validatortest.Options{})
		stop(s)
		body := later(t, s)
		waitKeyRequests(t, s, 1)
		s.Close()
		s.Close()
		assert.Contains(t, <-body, "error")
	}
}

func TestHoldAnswersWithTheSetOfItsArrival(t *testing.T) {
	s := start(t, validatortest.Options{})
	before := string(s.KeySet())
	release := s.Hold()
	body := later(t, s)
	waitKeyRequests(t, s, 1)
	s.Rotate("ES256")
	release()
	release()
	assert.Equal(t, before, <-body)
	_, now, err := get(t, s, s.JWKSURL())
	require.NoError(t, err)
	assert.Equal(t, string(s.KeySet()), now)
}

func TestDelay(t *testing.T) {
	s := start(t, validatortest.Options{})
	s.SetDelay(20 * time.Millisecond)
	began := time.Now()
	_, body, err := get(t, s, s.JWKSURL())
	require.NoError(t, err)
	assert.Equal(t, string(s.KeySet()), body)
	assert.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
}

func TestWaitKeyRequestsGivesUp(t *testing.T) {
	s := start(t, validatortest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, s.WaitKeyRequests(ctx, 1), context.Canceled)
	assert.NoError(t, s.WaitKeyRequests(ctx, 0))
}

func TestSignTakesAnyBytes(t *testing.T) {
	s := start(t, validatortest.Options{})
	token := s.Sign("", []byte("not json"), []byte{0, 255})
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 255}, payload)
	sig, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	require.NoError(t, err)
	key := servedKeys(t, s)[s.KID()]
	assert.NoError(t, jwt.SigningMethodES256.Verify(parts[0]+"."+parts[1], sig, key))
}
