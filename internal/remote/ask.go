package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// MaxReply is the longest reply to a question that is read, in bytes after
// decompression: replies are kept for as long as what they are about.
const MaxReply = 64 << 10

// idle is how long a connection is kept for the next question. Its goroutines
// end with it, so that there is nothing to close.
const idle = 15 * time.Second

// Asker puts questions that carry secrets to one address: forms by POST, and no
// redirect is followed. It is safe for concurrent use.
type Asker struct {
	http  http.Client
	check func(*url.URL) error
}

// Certificate returns the certificate by which we authenticate (RFC 8705 2).
type Certificate func(context.Context) (*tls.Certificate, error)

// NewAsker lays our bounds over a copy of base, and timeout (at most Timeout)
// over both; a nil base means a transport of our own that keeps connections for
// a while. certificate may be nil. The error says that base is not made for one.
func NewAsker(base *http.Client, timeout time.Duration, check func(*url.URL) error, certificate Certificate) (*Asker, error) {
	a := &Asker{check: check}
	if base != nil {
		a.http = *base
	} else {
		a.http.Transport = keepingTransport()
	}
	if certificate != nil {
		transport, err := withCertificate(a.http.Transport, certificate)
		if err != nil {
			return nil, err
		}
		a.http.Transport = transport
	}
	a.http.Jar = nil
	// Wherever it led, somebody else would get the token, and perhaps our secret.
	a.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if a.http.Timeout <= 0 || a.http.Timeout > timeout {
		a.http.Timeout = timeout
	}
	return a, nil
}

func keepingTransport() *http.Transport {
	t := ownTransport()
	t.DisableKeepAlives = false
	t.IdleConnTimeout = idle
	t.MaxIdleConnsPerHost = 64
	return t
}

var errDialTLS = errors.New("its Transport makes TLS connections itself (DialTLSContext), and would show no certificate")

var errTransport = errors.New("its Transport is not an *http.Transport, which could be given a client certificate")

func withCertificate(base http.RoundTripper, certificate Certificate) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	given, ok := base.(*http.Transport)
	if !ok {
		return nil, errTransport
	}
	//lint:ignore SA1019 DialTLS is deprecated, and still obeyed
	if given.DialTLSContext != nil || given.DialTLS != nil {
		return nil, errDialTLS
	}
	t := given.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	// Asked at every handshake, so that a renewed certificate is used by the next.
	t.TLSClientConfig.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		own, err := certificate(info.Context())
		if err != nil {
			return nil, &Error{Kind: NoCertificate, Detail: err.Error()}
		}
		return own, nil
	}
	return t, nil
}

// Question is a form to be posted.
type Question struct {
	Address       string
	Form          url.Values
	Authorization string // empty: none
	Accept        string
}

// Reply is whatever came back. Body is nil where one of an error is too long.
type Reply struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // what the server asked for, at most MaxRetryAfter; 0 when it did not
}

// Ask returns the reply, whatever its status. Errors are of type *Error, and say
// that there is none.
func (a *Asker) Ask(ctx context.Context, q Question) (Reply, error) {
	u, err := url.Parse(q.Address)
	if err != nil {
		return Reply{}, &Error{Kind: Refused, Detail: "not a URL"}
	}
	if err := a.check(u); err != nil {
		return Reply{}, &Error{Kind: Refused, Detail: err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, q.Address, strings.NewReader(q.Form.Encode()))
	if err != nil {
		return Reply{}, &Error{Kind: Refused, Detail: "not a URL"}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", q.Accept)
	if q.Authorization != "" {
		request.Header.Set("Authorization", q.Authorization)
	}
	// Asking changes nothing, so net/http may ask again where the server closed a
	// kept connection. Empty, it is not sent (net/http, Transport).
	request.Header["Idempotency-Key"] = []string{}
	return a.do(request)
}

func (a *Asker) do(request *http.Request) (Reply, error) {
	response, err := a.http.Do(request)
	if err != nil {
		return Reply{}, transportError(err)
	}
	defer response.Body.Close()
	reply := Reply{Status: response.StatusCode, RetryAfter: retryAfter(response.Header)}
	reply.Body, err = readBody(response.Body, MaxReply)
	if err != nil && response.StatusCode == http.StatusOK {
		return Reply{}, err
	}
	return reply, nil
}
