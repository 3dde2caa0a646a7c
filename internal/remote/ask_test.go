package remote_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// question is a form for an address, with nothing else set.
func question(address string) remote.Question {
	return remote.Question{Address: address, Form: url.Values{"b": {"1 2"}, "a": {"é"}}, Accept: "application/json"}
}

func newAsker(t *testing.T, base *http.Client, check func(*url.URL) error, certificate remote.Certificate) *remote.Asker {
	t.Helper()
	asker, err := remote.NewAsker(base, remote.Timeout, check, certificate)
	require.NoError(t, err)
	return asker
}

// ask asks a network that is one function.
func ask(t *testing.T, f transport, q remote.Question) (remote.Reply, error) {
	t.Helper()
	return newAsker(t, &http.Client{Transport: f}, httpsOnly, nil).Ask(context.Background(), q)
}

func TestQuestionIsAForm(t *testing.T) {
	for _, authorization := range []string{"", "Basic YTpi"} {
		q := question(address)
		q.Authorization = authorization
		reply, err := ask(t, func(r *http.Request) (*http.Response, error) {
			assert.Equal(t, http.MethodPost, r.Method)
			assert.Equal(t, address, r.URL.String())
			assert.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
			assert.Equal(t, "application/json", r.Header.Get("Accept"))
			if authorization == "" {
				assert.NotContains(t, r.Header, "Authorization")
			} else {
				assert.Equal(t, []string{authorization}, r.Header["Authorization"])
			}
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			assert.Equal(t, "a=%C3%A9&b=1+2", string(body))
			return respond(r, 200, strings.NewReader("yes")), nil
		}, q)
		require.NoError(t, err)
		assert.Equal(t, remote.Reply{Status: 200, Body: []byte("yes")}, reply)
	}
}

func TestReplyIsWhateverCameBack(t *testing.T) {
	for _, status := range []int{200, 201, 204, 301, 302, 304, 307, 308, 400, 401, 404, 429, 500, 503} {
		reply, err := ask(t, func(r *http.Request) (*http.Response, error) {
			return respond(r, status, strings.NewReader("body"), "Retry-After", "7", "Location", "https://as.example/other"), nil
		}, question(address))
		require.NoError(t, err)
		assert.Equal(t, remote.Reply{Status: status, Body: []byte("body"), RetryAfter: 7 * time.Second}, reply)
	}
}

func TestQuestionToARefusedAddressIsNotAsked(t *testing.T) {
	for _, address := range []string{"http://as.example", "https://[", "", "https://user@as.example", "https://as.example/\x7f"} {
		_, err := ask(t, func(r *http.Request) (*http.Response, error) {
			t.Errorf("asked %s", r.URL)
			return nil, io.EOF
		}, question(address))
		kind(t, remote.Refused, err)
	}
	asker := newAsker(t, &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, io.EOF })}, anything, nil)
	_, err := asker.Ask(context.Background(), question("https://["))
	kind(t, remote.Refused, err) // by no check
}

func TestQuestionWithoutAReply(t *testing.T) {
	for name, cause := range map[string]error{"cut": io.ErrUnexpectedEOF, "deadline": context.DeadlineExceeded, "canceled": context.Canceled} {
		t.Run(name, func(t *testing.T) {
			reply, err := ask(t, func(*http.Request) (*http.Response, error) { return nil, cause }, question(address))
			kind(t, remote.Transport, err)
			assert.Zero(t, reply)

			half := func(status int) transport {
				return func(r *http.Request) (*http.Response, error) {
					return respond(r, status, io.MultiReader(strings.NewReader("half"), broken{cause})), nil
				}
			}
			reply, err = ask(t, half(200), question(address))
			kind(t, remote.Transport, err)
			assert.Zero(t, reply)

			reply, err = ask(t, half(400), question(address))
			require.NoError(t, err, "the status says enough")
			assert.Equal(t, remote.Reply{Status: 400}, reply)
		})
	}
}

func TestReplyIsBounded(t *testing.T) {
	for size, fits := range map[int]bool{0: true, remote.MaxReply: true, remote.MaxReply + 1: false, 10 << 20: false} {
		for _, status := range []int{200, 400} {
			read := 0
			reply, err := ask(t, func(r *http.Request) (*http.Response, error) {
				return respond(r, status, &counting{io.LimitReader(endless{}, int64(size)), &read}), nil
			}, question(address))
			switch {
			case fits:
				require.NoError(t, err)
				assert.Len(t, reply.Body, size)
			case status == 200:
				kind(t, remote.TooLarge, err)
			default:
				require.NoError(t, err)
				assert.Equal(t, remote.Reply{Status: 400}, reply)
			}
			assert.LessOrEqual(t, read, remote.MaxReply+1)
		}
	}
	assert.Equal(t, 64<<10, remote.MaxReply)
}

// closing tells that a body was closed.
type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error {
	*c.closed = true
	return nil
}

func TestBodyOfAReplyIsClosed(t *testing.T) {
	for _, status := range []int{200, 400} {
		closed := false
		_, err := ask(t, func(r *http.Request) (*http.Response, error) {
			response := respond(r, status, nil)
			response.Body = closing{io.LimitReader(endless{}, 10<<20), &closed}
			return response, nil
		}, question(address))
		assert.Equal(t, status == 200, err != nil)
		assert.True(t, closed)
	}
}

func TestTimeoutOfAQuestion(t *testing.T) {
	for name, test := range map[string]struct{ client, asker, want time.Duration }{
		"none":     {0, 3 * time.Second, 3 * time.Second},
		"longer":   {time.Hour, 3 * time.Second, 3 * time.Second},
		"negative": {-1, 3 * time.Second, 3 * time.Second},
		"shorter":  {time.Second, 3 * time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := &http.Client{Timeout: test.client, Transport: transport(func(r *http.Request) (*http.Response, error) {
					return respond(r, 200, stalling{r.Context()}), nil
				})}
				asker, err := remote.NewAsker(base, test.asker, httpsOnly, nil)
				require.NoError(t, err)
				began := time.Now()
				_, err = asker.Ask(context.Background(), question(address))
				kind(t, remote.Transport, err)
				assert.Equal(t, test.want, time.Since(began))
				assert.Equal(t, test.client, base.Timeout, "the caller's client is a copy's source")
			})
		})
	}
}

func TestQuestionEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asker := newAsker(t, &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}, httpsOnly, nil)
	_, err := asker.Ask(ctx, question(address))
	kind(t, remote.Transport, err)
}

func TestQuestionCarriesNoCookieAndFollowsNoRedirect(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	u, _ := url.Parse(address)
	jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: "secret"}})
	asked := 0
	base := &http.Client{Jar: jar, Transport: transport(func(r *http.Request) (*http.Response, error) {
		asked++
		assert.NotContains(t, r.Header, "Cookie")
		return respond(r, 307, strings.NewReader(""), "Location", "/other", "Set-Cookie", "other=1"), nil
	})}
	reply, err := newAsker(t, base, httpsOnly, nil).Ask(t.Context(), question(address))
	require.NoError(t, err)
	assert.Equal(t, 307, reply.Status)
	assert.Equal(t, 1, asked)
	assert.Len(t, jar.Cookies(u), 1)
	assert.Same(t, jar, base.Jar, "the caller's client is untouched")
	assert.Nil(t, base.CheckRedirect)
}

// What makes net/http ask again is no header of ours.
func TestIdempotencyKeyIsNotOnTheWire(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).StartTLS,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				assert.Equal(t, name == "HTTP/2", r.ProtoMajor == 2)
				for header := range r.Header {
					assert.Contains(t, []string{"Accept", "Accept-Encoding", "Content-Length", "Content-Type", "User-Agent"}, header)
				}
			}))
			start(server)
			defer server.Close()
			_, err := newAsker(t, server.Client(), httpsOnly, nil).Ask(t.Context(), question(server.URL))
			require.NoError(t, err)
		})
	}
}

// connections remembers which connection each question came by.
type connections struct {
	mu   sync.Mutex
	from []string
}

func (c *connections) add(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = append(c.from, r.RemoteAddr)
}

// distinct is how many there were.
func (c *connections) distinct() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.from)
	return len(slices.Compact(slices.Clone(c.from)))
}

func TestOwnTransportKeepsConnectionsForTheNextQuestion(t *testing.T) {
	for _, status := range []int{200, 401} {
		var seen connections
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen.add(r)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "body")
		}))
		asker := newAsker(t, nil, anything, nil)
		for range 3 {
			_, err := asker.Ask(t.Context(), question(server.URL))
			require.NoError(t, err)
		}
		assert.Equal(t, 1, seen.distinct())
		server.Close()
	}
}

// As many as are used at once: net/http's default is two.
func TestOwnTransportKeepsManyConnections(t *testing.T) {
	const many = 64
	var seen connections
	var arrived sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.add(r)
		arrived.Done()
		arrived.Wait() // until all are here
	}))
	defer server.Close()
	asker := newAsker(t, nil, anything, nil)
	for range 2 {
		arrived.Add(many)
		var group sync.WaitGroup
		for range many {
			group.Go(func() {
				_, err := asker.Ask(t.Context(), question(server.URL))
				assert.NoError(t, err)
			})
		}
		group.Wait()
	}
	assert.Equal(t, many, seen.distinct())
}

// abrupt is a server that reads a second question on its first connection, and
// closes it without an answer.
type abrupt struct {
	net.Listener
	questions []string // by connection
	done      chan struct{}
}

func startAbrupt(t *testing.T) *abrupt {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &abrupt{Listener: listener, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.serve("first", true, false)
		s.serve("second", true)
	}()
	t.Cleanup(func() {
		s.Close()
		<-s.done
	})
	return s
}

// serve reads one question after the other from the next connection, and answers
// some of them.
func (s *abrupt) serve(name string, answers ...bool) {
	connection, err := s.Accept()
	if err != nil {
		return
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for _, answer := range answers {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		s.questions = append(s.questions, name+" "+string(body))
		if answer {
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
		}
	}
}

// A server may close a kept connection at any time, even as we ask. Then the
// question is asked again, whole, on another one.
func TestQuestionOnAConnectionThatTheServerClosesIsAskedAgain(t *testing.T) {
	s := startAbrupt(t)
	asker := newAsker(t, nil, anything, nil)
	for range 2 {
		reply, err := asker.Ask(t.Context(), question("http://"+s.Addr().String()))
		require.NoError(t, err)
		assert.Equal(t, "yes", string(reply.Body))
	}
	<-s.done
	form := question("").Form.Encode()
	assert.Equal(t, []string{"first " + form, "first " + form, "second " + form}, s.questions)
}

// The first question on a connection is not repeated: it was not closed for being
// idle.
func TestQuestionThatTheServerDoesNotAnswerIsAskedOnce(t *testing.T) {
	var seen connections
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.add(r)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	_, err := newAsker(t, nil, anything, nil).Ask(t.Context(), question(server.URL))
	kind(t, remote.Transport, err)
	assert.Equal(t, 1, seen.distinct())
}

// A Transport of another type cannot be told which certificate to show.
func TestCertificateNeedsAnHTTPTransport(t *testing.T) {
	certificate := func(context.Context) (*tls.Certificate, error) { return nil, errors.New("not asked") }
	dialTLS := func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }
	for name, test := range map[string]struct {
		base *http.Client
		good bool
	}{
		"none":            {nil, true},
		"no transport":    {&http.Client{}, true},
		"a transport":     {&http.Client{Transport: &http.Transport{}}, true},
		"HTTP/1.1 only":   {&http.Client{Transport: &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}}, true},
		"with TLS":        {&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{}}}, true},
		"of another type": {&http.Client{Transport: transport(nil)}, false},
		"one around it":   {&http.Client{Transport: around{&http.Transport{}}}, false},
		"makes TLS":       {&http.Client{Transport: &http.Transport{DialTLSContext: dialTLS}}, false},
		//lint:ignore SA1019 DialTLS is deprecated, and still obeyed
		"makes TLS, old":   {&http.Client{Transport: &http.Transport{DialTLS: func(n, a string) (net.Conn, error) { return dialTLS(t.Context(), n, a) }}}, false},
		"the default, too": {&http.Client{Transport: http.DefaultTransport}, true},
	} {
		t.Run(name, func(t *testing.T) {
			asker, err := remote.NewAsker(test.base, remote.Timeout, anything, certificate)
			assert.Equal(t, test.good, err == nil)
			assert.Equal(t, test.good, asker != nil)
			_, err = remote.NewAsker(test.base, remote.Timeout, anything, nil)
			assert.NoError(t, err, "no certificate, no matter")
		})
	}
	if config := http.DefaultTransport.(*http.Transport).TLSClientConfig; config != nil {
		assert.Nil(t, config.GetClientCertificate, "it is everybody's")
	}
}

type around struct{ http.RoundTripper }

// certified is a TLS server that asks for a certificate, and a client that knows
// the server's.
func certified(t *testing.T, handler http.HandlerFunc) (address string, base *http.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server.URL, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func TestCertificateIsShown(t *testing.T) {
	var shown [][]byte
	address, base := certified(t, func(_ http.ResponseWriter, r *http.Request) { shown = append(shown, r.TLS.PeerCertificates[0].Raw) })
	own := httptest.NewUnstartedServer(nil)
	own.StartTLS()
	own.Close() // a certificate and its key are all that we want
	certificate := own.TLS.Certificates[0]
	type name struct{}
	var caller any
	asker := newAsker(t, base, httpsOnly, func(ctx context.Context) (*tls.Certificate, error) {
		caller = ctx.Value(name{})
		return &certificate, nil
	})
	_, err := asker.Ask(context.WithValue(t.Context(), name{}, "caller"), question(address))
	require.NoError(t, err)
	assert.Equal(t, [][]byte{certificate.Certificate[0]}, shown)
	assert.Equal(t, "caller", caller)
	assert.Nil(t, base.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate, "the caller's transport is untouched")
}

func TestCertificateThatCannotBeHadIsAKindOfItsOwn(t *testing.T) {
	address, base := certified(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	asker := newAsker(t, base, httpsOnly, func(context.Context) (*tls.Certificate, error) { return nil, context.DeadlineExceeded })
	_, err := asker.Ask(t.Context(), question(address))
	kind(t, remote.NoCertificate, err)
}
