package introspect_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// odd has what a form or a Basic header would take apart (RFC 6749 2.3.1).
const (
	odd        = "a b:c%+&é"
	oddEncoded = "a+b%3Ac%25%2B%26%C3%A9"
	tokenForm  = "token=mF_9.B5f-4.1JqM&token_type_hint=access_token"
)

func TestEachMethodSendsExactlyThis(t *testing.T) {
	const oddSecret, oddSecretEncoded = odd + "&=", oddEncoded + "%26%3D"
	for name, test := range map[string]struct {
		auth                introspect.Auth
		authorization, body string
	}{
		"basic": {
			introspect.ClientSecretBasic("client", static("secret")), "Basic Y2xpZW50OnNlY3JldA==", tokenForm,
		},
		"basic, odd": {
			introspect.ClientSecretBasic(odd, static(oddSecret)),
			"Basic " + base64.StdEncoding.EncodeToString([]byte(oddEncoded+":"+oddSecretEncoded)), tokenForm,
		},
		"post": {
			introspect.ClientSecretPost("client", static("secret")), "", "client_id=client&client_secret=secret&" + tokenForm,
		},
		"post, odd": {
			introspect.ClientSecretPost(odd, static(oddSecret)), "",
			"client_id=" + oddEncoded + "&client_secret=" + oddSecretEncoded + "&" + tokenForm,
		},
		"bearer": {introspect.BearerToken(static("ours")), "Bearer ours", tokenForm},
	} {
		t.Run(name, func(t *testing.T) {
			o := listen(t, saying(200, yes), plain)
			isActive(t, socketClient(t, o, auth(test.auth)))
			got := o.last(t)
			assert.Equal(t, "POST", got.method)
			assert.Equal(t, "/introspect", got.address)
			assert.Equal(t, test.body, got.body)
			assert.Equal(t, test.authorization, got.header.Get("Authorization"))
			assert.Equal(t, "application/json", got.header.Get("Accept"))
			assert.Equal(t, "application/x-www-form-urlencoded", got.header.Get("Content-Type"))
			names := []string{"Accept", "Accept-Encoding", "Content-Length", "Content-Type", "User-Agent"}
			if test.authorization != "" {
				names = append(names, "Authorization")
			}
			assert.ElementsMatch(t, names, slices.Collect(maps.Keys(got.header)), "and nothing else, such as a cookie")
		})
	}
}

// What is asked about is the caller's text, letter by letter.
func TestTokenIsSentAsItIs(t *testing.T) {
	n := replying(with(200, yes))
	c := newClient(t, n)
	for _, token := range []string{"", " ", odd, "a=b&token=c&client_id=d", "\x00\xff\n"} {
		_, err := c.Introspect(t.Context(), token)
		require.NoError(t, err)
		form := n.last(t).form(t)
		assert.Equal(t, []string{token}, form["token"])
		assert.Equal(t, []string{"access_token"}, form["token_type_hint"])
		assert.Len(t, form, 2)
	}
}

// No other method is tried after one was refused: whoever answers 401 would get
// the secret in another form.
func TestOnlyOneMethodIsEverTried(t *testing.T) {
	for name, a := range map[string]introspect.Auth{
		"basic":  basic,
		"post":   introspect.ClientSecretPost("client", static("secret")),
		"bearer": introspect.BearerToken(static("ours")),
	} {
		for _, status := range []int{400, 401, 403} {
			t.Run(name, func(t *testing.T) {
				n := replying(with(status, `{"error":"invalid_client"}`, "WWW-Authenticate", `Basic realm="x"`))
				fails(t, newClient(t, n, auth(a)), introspect.Denied)
				assert.Equal(t, 1, n.count())
			})
		}
	}
}

// secretMethods are those that need a text.
var secretMethods = map[string]func(introspect.Secret) introspect.Auth{
	"basic":  func(s introspect.Secret) introspect.Auth { return introspect.ClientSecretBasic("client", s) },
	"post":   func(s introspect.Secret) introspect.Auth { return introspect.ClientSecretPost("client", s) },
	"bearer": introspect.BearerToken,
}

func TestSecretThatCannotBeHadIsOurOwnTrouble(t *testing.T) {
	for method, of := range secretMethods {
		for name, get := range map[string]func(context.Context) (string, error){
			"error":            func(context.Context) (string, error) { return "", errors.New("sealed") },
			"error and a text": func(context.Context) (string, error) { return "old", errors.New("sealed") },
			"empty":            func(context.Context) (string, error) { return "", nil },
		} {
			t.Run(method+", "+name, func(t *testing.T) {
				n := replying(with(200, yes))
				c := newClient(t, n, auth(of(introspect.SecretFunc(get))))
				neverSuspends(t, c, introspect.Credentials)
				assert.Zero(t, n.count(), "no question without credentials")
			})
		}
	}
}

func TestSecretIsAskedForEachTime(t *testing.T) {
	for method, of := range secretMethods {
		t.Run(method, func(t *testing.T) {
			secret := "old"
			n := replying(with(200, yes))
			c := newClient(t, n, auth(of(introspect.SecretFunc(func(context.Context) (string, error) { return secret, nil }))))
			isActive(t, c)
			old := n.last(t)
			secret = "new"
			isActive(t, c)
			assert.NotEqual(t, [2]string{old.header.Get("Authorization"), old.body}, [2]string{n.last(t).header.Get("Authorization"), n.last(t).body})
		})
	}
}

// A vault that is slow is not waited for longer than the caller waits.
func TestSecretIsAskedForWithTheCallersContext(t *testing.T) {
	for method, of := range secretMethods {
		t.Run(method, func(t *testing.T) {
			n := replying(with(200, yes))
			c := newClient(t, n, auth(of(introspect.SecretFunc(func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			}))))
			ctx, leave := context.WithCancel(t.Context())
			leave()
			_, err := c.Introspect(ctx, token)
			failed(t, introspect.Credentials, err)
			assert.Zero(t, n.count())
		})
	}
}

func TestAuthNamesMethodAndClient(t *testing.T) {
	for want, a := range map[string]introspect.Auth{
		"none":                       {},
		"client_secret_basic client": basic,
		"client_secret_post client":  introspect.ClientSecretPost("client", static("secret")),
		"private_key_jwt client":     introspect.PrivateKeyJWT("client", nil),
		"tls_client_auth client":     introspect.TLSClientAuth("client", nil),
	} {
		assert.Equal(t, want, a.String())
	}
	assert.Contains(t, introspect.BearerToken(static("ours")).String(), "bearer")
}
