package remote_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/internal/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddressesOfAnAuthorizationServer(t *testing.T) {
	const never, withInsecure, always = 0, 1, 2
	for address, allowed := range map[string]int{
		"https://as.example":               always,
		"https://as.example:8443/a/b":      always,
		"https://as.example/a?b=c":         always,
		"HTTPS://as.example":               always,
		"https://127.0.0.1":                always,
		"https://[::1]:8443":               always,
		"http://localhost":                 withInsecure,
		"http://LOCALHOST:8080":            withInsecure,
		"http://127.0.0.1":                 withInsecure,
		"http://127.1.2.3:8080/a":          withInsecure,
		"http://[::1]":                     withInsecure,
		"http://[::1]:8080":                withInsecure,
		"http://[::ffff:127.0.0.1]":        withInsecure,
		"http://[::ffff:127.0.0.1]:80":     withInsecure,
		"http://as.example":                never,
		"http://localhost.evil.com":        never,
		"http://127.0.0.1.nip.io":          never,
		"http://evil.com#localhost":        never,
		"http://localhost.":                never,
		"http://notlocalhost":              never,
		"http://127.1":                     never,
		"http://2130706433":                never,
		"http://0x7f000001":                never,
		"http://0.0.0.0":                   never,
		"http://10.0.0.1":                  never,
		"http://128.0.0.1":                 never,
		"http://169.254.169.254":           never,
		"http://[::]":                      never,
		"http://[::2]":                     never,
		"http://[::ffff:10.0.0.1]":         never,
		"https://user@as.example":          never,
		"https://аs.example":               never, // Cyrillic
		"https://as.exämple:8443/a":        never,
		"https://xn--as-xka.example":       always,
		"https://as.example/ä":             always,
		"https://a~b.example":              always,
		"https://user:password@as.example": never,
		"http://user@127.0.0.1":            never,
		"https://as.example/#fragment":     never,
		"https://as.example/#%2F":          never,
		"https:as.example":                 never,
		"https://*.example":                never,
		"https://as.example:":              never,
		"https://as.example:0":             never,
		"https://as.example:1":             always,
		"https://as.example:65535":         always,
		"https://as.example:65536":         never,
		"https:/keys":                      never,
		"https://":                         never,
		"https:///keys":                    never,
		"https://:443/keys":                never,
		"/keys":                            never,
		"//as.example/keys":                never,
		"":                                 never,
		"as.example":                       never,
		"ftp://as.example":                 never,
		"ftp://127.0.0.1":                  never,
		"file:///etc/passwd":               never,
		"file://localhost/etc/passwd":      never,
		"data:application/json,{}":         never,
		"ws://127.0.0.1":                   never,
	} {
		t.Run(address, func(t *testing.T) {
			u, err := url.Parse(address)
			require.NoError(t, err)
			assert.Equal(t, allowed == always, remote.CheckURL(u, false) == nil)
			assert.Equal(t, allowed != never, remote.CheckURL(u, true) == nil, "with InsecureAllowHTTP")
		})
	}
}

// A URL that was built rather than parsed.
func TestOpaqueAddressIsRefused(t *testing.T) {
	assert.NotNil(t, remote.CheckURL(&url.URL{Scheme: "https", Host: "as.example", Opaque: "//evil.example/keys"}, true))
	assert.NotNil(t, remote.CheckURL(&url.URL{Scheme: "https", Host: "as.example", RawFragment: "x"}, true))
}

// transport answers without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(r *http.Request, status int, body io.Reader, header ...string) *http.Response {
	response := &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(body), Request: r}
	for i := 0; i < len(header); i += 2 {
		response.Header.Set(header[i], header[i+1])
	}
	return response
}

func httpsOnly(u *url.URL) error { return remote.CheckURL(u, false) }
func anything(*url.URL) error    { return nil }

// get fetches address from a network that is one function.
func get(f transport, address, etag string) (remote.Document, error) {
	return remote.NewClient(&http.Client{Transport: f}, httpsOnly).Get(context.Background(), address, etag)
}

// kind asserts that err is a failed request that looks like no other error.
func kind(t *testing.T, want remote.Kind, err error) *remote.Error {
	t.Helper()
	var failed *remote.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, want, failed.Kind)
	assert.NotErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, context.Canceled)
	var refused *url.Error
	assert.False(t, errors.As(err, &refused))
	return failed
}

const address = "https://as.example/keys"

func TestRequestAsksForTheOriginAndForJSON(t *testing.T) {
	var header http.Header
	document, err := get(func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, http.MethodGet, r.Method)
		header = r.Header
		return respond(r, 200, strings.NewReader("body"), "ETag", `"tag"`), nil
	}, address, "")
	require.NoError(t, err)
	assert.Equal(t, remote.Document{Body: []byte("body"), ETag: `"tag"`}, document)
	assert.Equal(t, "no-cache", header.Get("Cache-Control"))
	assert.Contains(t, header.Get("Accept"), "application/json")
	assert.NotContains(t, header, "If-None-Match")
}

func TestETagMakesTheRequestConditional(t *testing.T) {
	document, err := get(func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, `"tag"`, r.Header.Get("If-None-Match"))
		return respond(r, 304, strings.NewReader("ignored")), nil
	}, address, `"tag"`)
	require.NoError(t, err)
	assert.Equal(t, remote.Document{NotModified: true, ETag: `"tag"`}, document)

	_, err = get(func(r *http.Request) (*http.Response, error) { return respond(r, 304, strings.NewReader("")), nil }, address, "")
	assert.Equal(t, 304, kind(t, remote.Status, err).Status, "nothing was asked that could be unmodified")
}

func TestOnly200IsADocument(t *testing.T) {
	for _, status := range []int{201, 204, 206, 300, 400, 401, 403, 404, 410, 429, 500, 502, 503} {
		_, err := get(func(r *http.Request) (*http.Response, error) {
			return respond(r, status, strings.NewReader("body")), nil
		}, address, `"tag"`)
		failed := kind(t, remote.Status, err)
		assert.Equal(t, status, failed.Status)
		assert.Zero(t, failed.RetryAfter)
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"1":                             time.Second,
		"59":                            59 * time.Second,
		"60":                            time.Minute,
		"61":                            time.Minute,
		"86400":                         time.Minute,
		"9223372036854775807":           time.Minute,
		"-1":                            0,
		"1.5":                           0,
		"1s":                            0,
		"soon":                          0,
		"Fri, 02 Jan 2026 03:04:35 GMT": 0,
	} {
		t.Run(value, func(t *testing.T) {
			_, err := get(func(r *http.Request) (*http.Response, error) {
				return respond(r, 503, strings.NewReader(""), "Retry-After", value), nil
			}, address, "")
			assert.Equal(t, want, kind(t, remote.Status, err).RetryAfter)
		})
	}
}

func TestRefusedAddressIsNotAsked(t *testing.T) {
	for _, address := range []string{"http://as.example/keys", "https://[", "", "https://user@as.example", "https://as.example/\x7f"} {
		_, err := get(func(r *http.Request) (*http.Response, error) {
			t.Errorf("asked %s", r.URL)
			return nil, io.EOF
		}, address, "")
		kind(t, remote.Refused, err)
	}
}

// A check that lets it pass does not make a request of it.
func TestAddressThatIsNoURLIsRefused(t *testing.T) {
	client := remote.NewClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, io.EOF })}, anything)
	_, err := client.Get(context.Background(), "https://[", "")
	kind(t, remote.Refused, err)
}

func TestBodyIsBounded(t *testing.T) {
	for size, fits := range map[int]bool{0: true, remote.MaxBody: true, remote.MaxBody + 1: false, 10 * remote.MaxBody: false} {
		read := 0
		document, err := get(func(r *http.Request) (*http.Response, error) {
			return respond(r, 200, &counting{io.LimitReader(endless{}, int64(size)), &read}), nil
		}, address, "")
		if fits {
			require.NoError(t, err)
			assert.Len(t, document.Body, size)
		} else {
			kind(t, remote.TooLarge, err)
			assert.Nil(t, document.Body)
		}
		assert.LessOrEqual(t, read, remote.MaxBody+1, "what is too much is not even read")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type counting struct {
	io.Reader
	read *int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.read += n
	return n, err
}

func TestBodyThatBreaksOffIsNoDocument(t *testing.T) {
	for name, cause := range map[string]error{"cut": io.ErrUnexpectedEOF, "deadline": context.DeadlineExceeded, "canceled": context.Canceled} {
		t.Run(name, func(t *testing.T) {
			_, err := get(func(r *http.Request) (*http.Response, error) {
				return respond(r, 200, io.MultiReader(strings.NewReader("half"), broken{cause})), nil
			}, address, "")
			kind(t, remote.Transport, err)
		})
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestOwnTimeoutIsLaidOverTheClients(t *testing.T) {
	for name, test := range map[string]struct{ client, want time.Duration }{
		"none":     {0, remote.Timeout},
		"longer":   {time.Hour, remote.Timeout},
		"negative": {-1, remote.Timeout},
		"shorter":  {time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := &http.Client{Timeout: test.client, Transport: transport(func(r *http.Request) (*http.Response, error) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				})}
				began := time.Now()
				_, err := remote.NewClient(base, httpsOnly).Get(context.Background(), address, "")
				kind(t, remote.Transport, err)
				assert.Equal(t, test.want, time.Since(began))
				assert.Equal(t, test.client, base.Timeout, "the caller's client is a copy's source")
			})
		})
	}
}

func TestTimeoutCoversTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := get(func(r *http.Request) (*http.Response, error) {
			return respond(r, 200, stalling{r.Context()}), nil
		}, address, "")
		kind(t, remote.Transport, err)
		assert.Equal(t, remote.Timeout, time.Since(began))
	})
}

type stalling struct{ ctx context.Context }

func (s stalling) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestCookiesAreNeitherSentNorKept(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, _ := url.Parse(address)
	jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: "secret"}})
	base := &http.Client{Jar: jar, Transport: transport(func(r *http.Request) (*http.Response, error) {
		assert.Empty(t, r.Header.Get("Cookie"))
		return respond(r, 200, strings.NewReader(""), "Set-Cookie", "other=1"), nil
	})}
	_, err = remote.NewClient(base, httpsOnly).Get(context.Background(), address, "")
	require.NoError(t, err)
	assert.Len(t, jar.Cookies(u), 1)
	assert.Same(t, jar, base.Jar, "the caller's client is untouched")
	assert.Nil(t, base.CheckRedirect)
}

func TestRedirects(t *testing.T) {
	for name, test := range map[string]struct {
		hops    []string // where the address and then each hop leads
		refused bool
	}{
		"same host":              {[]string{"/1"}, false},
		"same host, in full":     {[]string{"https://as.example/1"}, false},
		"three":                  {[]string{"/1", "/2", "/3"}, false},
		"four":                   {[]string{"/1", "/2", "/3", "/4"}, true},
		"other host":             {[]string{"https://evil.example/1"}, true},
		"other port":             {[]string{"https://as.example:444/1"}, true},
		"host below":             {[]string{"https://a.as.example/1"}, true},
		"other scheme":           {[]string{"http://as.example/1"}, true},
		"what the check refuses": {[]string{"https://user@as.example/1"}, true},
		"other host, later":      {[]string{"/1", "https://evil.example/1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			step := 0
			document, err := get(func(r *http.Request) (*http.Response, error) {
				assert.Equal(t, "https://as.example", r.URL.Scheme+"://"+r.URL.Host)
				assert.Nil(t, r.URL.User)
				assert.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
				if step == len(test.hops) {
					return respond(r, 200, strings.NewReader("body")), nil
				}
				step++
				return respond(r, 302, strings.NewReader(""), "Location", test.hops[step-1]), nil
			}, address, "")
			if test.refused {
				kind(t, remote.Refused, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "body", string(document.Body))
		})
	}
}

// Not even where the check has nothing against plain http.
func TestRedirectToAnotherSchemeIsRefusedWhateverTheCheckSays(t *testing.T) {
	client := remote.NewClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, "https", r.URL.Scheme)
		return respond(r, 302, strings.NewReader(""), "Location", "http://as.example/1"), nil
	})}, anything)
	_, err := client.Get(t.Context(), address, "")
	kind(t, remote.Refused, err)
}

func TestOwnTransportKeepsNoConnection(t *testing.T) {
	closed := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Close {
			close(closed)
		}
	}))
	defer server.Close()
	_, err := remote.NewClient(nil, anything).Get(t.Context(), server.URL, "")
	require.NoError(t, err)
	<-closed
}

func TestOwnTransportBoundsTheHeader(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Pad", strings.Repeat("A", 65<<10))
	}))
	defer server.Close()
	_, err := remote.NewClient(nil, anything).Get(t.Context(), server.URL, "")
	kind(t, remote.Transport, err)
}

var errWork = errors.New("work failed")

func TestFlightGivesItsOutcomeToAllWhoWait(t *testing.T) {
	gate := make(chan struct{})
	landed := 0
	f := remote.Launch(time.Minute, func(context.Context) (string, error) {
		<-gate
		return "value", errWork
	}, func(value string, err error) {
		landed++
		assert.Equal(t, "value", value)
		assert.ErrorIs(t, err, errWork)
	})
	results := make(chan error)
	for range 10 {
		go func() {
			_, err := f.Wait(context.Background())
			results <- err
		}()
	}
	close(gate)
	for range 10 {
		assert.ErrorIs(t, <-results, errWork)
	}
	assert.Equal(t, 1, landed, "before anybody learned of it")
	value, err := f.Wait(context.Background())
	assert.Equal(t, "value", value)
	assert.ErrorIs(t, err, errWork)
}

func TestWaiterLeavesAlone(t *testing.T) {
	gate := make(chan struct{})
	f := remote.Launch(time.Minute, func(ctx context.Context) (int, error) {
		<-gate
		return 1, ctx.Err()
	}, func(int, error) {})
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errWork)
	_, err := f.Wait(ctx)
	assert.ErrorIs(t, err, errWork, "the cause, where the caller names one")
	close(gate)
	value, err := f.Wait(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 1, value)
}

func TestFlightHasItsOwnDeadline(t *testing.T) {
	for name, deaf := range map[string]bool{"work that listens": false, "work that is deaf": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				landings := 0
				f := remote.Launch(7*time.Second, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					if deaf {
						<-time.After(time.Hour) // of the bubble
						return 1, nil
					}
					return 0, &remote.Error{Kind: remote.Transport}
				}, func(int, error) { landings++ })
				_, err := f.Wait(context.Background())
				kind(t, remote.Transport, err)
				if deaf {
					assert.Equal(t, 8*time.Second, time.Since(began), "and a second of grace")
				} else {
					assert.Equal(t, 7*time.Second, time.Since(began))
				}

				<-time.After(2 * time.Hour) // what comes late is nobody's
				value, err := f.Wait(context.Background())
				kind(t, remote.Transport, err)
				assert.Zero(t, value)
				assert.Equal(t, 1, landings)
			})
		})
	}
}

// land tells functions of the user's, who must not be able to hold those who wait.
func TestLandingThatDoesNotReturnStrandsNobody(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("land") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			f := remote.Launch(time.Minute, func(context.Context) (int, error) { return 1, nil }, func(int, error) { end() })
			value, err := f.Wait(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, value)
		})
	}
}

func TestFlightsContextEndsWithIt(t *testing.T) {
	var kept context.Context
	f := remote.Launch(time.Hour, func(ctx context.Context) (int, error) {
		kept = ctx
		return 0, nil
	}, func(int, error) {})
	_, err := f.Wait(context.Background())
	require.NoError(t, err)
	<-kept.Done()
}

func TestWorkThatDoesNotReturnIsAnErrorToAllWhoWait(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":         func() { panic("work") },
		"panic(nil)":    func() { panic(nil) },
		"runtime error": func() { _ = []int{}[len(name())] },
		"Goexit":        runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			var landed error
			f := remote.Launch(time.Minute, func(context.Context) (int, error) { end(); return 1, nil }, func(_ int, err error) { landed = err })
			for range 3 {
				value, err := f.Wait(context.Background())
				failed := kind(t, remote.Panicked, err)
				assert.Equal(t, name == "panic", failed.Detail == "work", "the cause is for the log")
				assert.Zero(t, value)
			}
			kind(t, remote.Panicked, landed)
		})
	}
}

func name() string { return "x" }
