package introspect_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			other := listen(t, saying(200, yes), plain)
			o := listen(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, other.URL+"/introspect", status)
			}, plain)
			fails(t, socketClient(t, o), introspect.Unavailable)
			assert.Equal(t, 1, o.count())
			assert.Zero(t, other.count(), "neither the token nor the secret")
		})
	}
}

// Nor one to the same place, nor by the rules of the user's client.
func TestNoRedirectIsFollowedOnTheSameHost(t *testing.T) {
	n := replying(func(r *http.Request) (*http.Response, error) {
		if r.URL.String() == endpoint {
			return respond(r, 307, strings.NewReader(yes), "Location", endpoint+"/2"), nil
		}
		return respond(r, 200, strings.NewReader(yes)), nil
	})
	base := &http.Client{Transport: n, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	neverSuspends(t, newClient(t, n, client(base)), introspect.Unavailable)
	assert.Equal(t, n.count(), n.countOf(endpoint))
}

func TestUsersClientIsOnlyCopied(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, err := url.Parse(endpoint)
	require.NoError(t, err)
	jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: "1"}})
	n := replying(with(200, yes, "Set-Cookie", "other=2"))
	base := &http.Client{Transport: n, Jar: jar, Timeout: time.Hour}
	isActive(t, newClient(t, n, client(base)))

	assert.NotContains(t, n.last(t).header, "Cookie")
	assert.Len(t, jar.Cookies(u), 1)
	assert.Same(t, jar, base.Jar)
	assert.Nil(t, base.CheckRedirect)
	assert.Equal(t, time.Hour, base.Timeout)
}

func TestHangingServerIsWaitedForNoLongerThanTimeout(t *testing.T) {
	for name, test := range map[string]struct{ client, config, want time.Duration }{
		"default":                    {0, 0, introspect.MaxTimeout},
		"shorter":                    {0, 300 * time.Millisecond, 300 * time.Millisecond},
		"the user's client's":        {200 * time.Millisecond, 300 * time.Millisecond, 200 * time.Millisecond},
		"not the user's client's":    {time.Hour, 300 * time.Millisecond, 300 * time.Millisecond},
		"the default all the same":   {time.Hour, 0, introspect.MaxTimeout},
		"the longest, and no longer": {0, introspect.MaxTimeout, introspect.MaxTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := replying(hang)
				c := newClient(t, n, client(&http.Client{Transport: n, Timeout: test.client}), func(s *setup) { s.Timeout = test.config })
				began := time.Now()
				fails(t, c, introspect.Unavailable)
				assert.Equal(t, test.want, time.Since(began))
			})
		})
	}
}

// stalling is a body that begins well and does not go on.
type stalling struct {
	io.Reader
	ctx context.Context
}

func (s stalling) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestTimeoutCoversTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := replying(func(r *http.Request) (*http.Response, error) {
			return respond(r, 200, stalling{strings.NewReader(yes), r.Context()}), nil
		})
		began := time.Now()
		fails(t, newClient(t, n), introspect.Unavailable)
		assert.Equal(t, introspect.MaxTimeout, time.Since(began))
	})
}

// A status that refuses is known before the body is.
func TestBodyOfARefusalNeedNotEnd(t *testing.T) {
	n := replying(func(r *http.Request) (*http.Response, error) {
		return respond(r, 401, io.MultiReader(strings.NewReader("half"), broken{})), nil
	})
	fails(t, newClient(t, n), introspect.Denied)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestCallerWhoLeavesIsToldSoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, replying(hang))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Introspect(ctx, token)
		failed(t, introspect.Unavailable, err)
		assert.Equal(t, time.Second, time.Since(began))
	})
}

// Nobody can suspend the questions of others by hanging up.
func TestCallersWhoLeaveDoNotCountAgainstTheServer(t *testing.T) {
	n := replying(hang)
	c := newClient(t, n)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for i := range 20 {
		_, err := c.Introspect(ctx, token+string(rune('a'+i)))
		failed(t, introspect.Unavailable, err)
	}
	n.set(with(200, yes))
	isActive(t, c)
}

func TestQuestionIsSentWhenTheClockSays(t *testing.T) {
	now := newClock()
	n := replying(nil)
	n.set(func(r *http.Request) (*http.Response, error) {
		now.Advance(time.Minute) // until the answer
		return respond(r, 200, strings.NewReader(yes)), nil
	})
	get := introspect.SecretFunc(func(context.Context) (string, error) {
		now.Advance(time.Hour) // before the question
		return "secret", nil
	})
	began := now.Now()
	answer := isActive(t, newClient(t, n, clocked(now.Now), auth(introspect.BearerToken(get))))
	assert.Equal(t, began.Add(time.Hour), answer.SentAt)
}

func TestClockIsTheTimeUnlessItIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assert.Equal(t, time.Now(), isActive(t, newClient(t, replying(with(200, yes)))).SentAt)
	})
}

// The address is judged before every question, so that what is not asked any more
// gets nothing.
func TestAddressIsJudgedBeforeEachQuestion(t *testing.T) {
	n := replying(with(200, yes))
	refuse := false
	c := newClient(t, n, func(s *setup) {
		s.CheckURL = func(u *url.URL) error {
			if refuse {
				return errors.New("not any more")
			}
			return remote.CheckURL(u, false)
		}
	})
	isActive(t, c)
	refuse = true
	neverSuspends(t, c, introspect.Unavailable)
	assert.Equal(t, 1, n.count())
}

func TestOwnTransportKeepsTheConnection(t *testing.T) {
	var connections []string
	o := listen(t, func(w http.ResponseWriter, r *http.Request) {
		connections = append(connections, r.RemoteAddr)
		saying(200, yes)(w, r)
	}, plain)
	c := socketClient(t, o)
	isActive(t, c)
	isActive(t, c)
	require.Len(t, connections, 2)
	assert.Equal(t, connections[0], connections[1])
}
