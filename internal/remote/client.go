// Package remote reads small documents from authorization servers and asks them
// questions: bounded in bytes, time and redirects, over HTTPS, by flights that
// callers share.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Bounds of one request. The body is counted after decompression.
const (
	MaxBody       = 1 << 20
	Timeout       = 5 * time.Second
	MaxRetryAfter = time.Minute
	maxRedirects  = 3
)

// Kind says why a document could not be had. The set is closed.
type Kind string

// The kinds of failure.
const (
	Refused   Kind = "refused_url" // our own rules forbid the address
	Transport Kind = "transport"   // no answer: DNS, TCP, TLS, time, a cut
	Status    Kind = "status"      // an answer other than 200 or 304
	TooLarge  Kind = "too_large"
	Panicked  Kind = "panic"

	NoCertificate Kind = "certificate" // ours, which the server asked for, could not be had
)

// Error is a failed request. It has no Unwrap on purpose: a deadline that ended
// our own request must never look like the caller's deadline.
type Error struct {
	Kind       Kind
	Status     int           // of the answer, for Kind Status
	RetryAfter time.Duration // what the server asked for, at most MaxRetryAfter; 0 when it did not
	Detail     string
}

func (e *Error) Error() string { return string(e.Kind) + ": " + e.Detail }

// Client fetches documents. It is safe for concurrent use.
type Client struct {
	http  http.Client
	check func(*url.URL) error
}

// NewClient lays our bounds over a copy of base; a nil base means a transport
// of our own that keeps no idle connection, since key sets are fetched hours
// apart and an idle connection costs goroutines. check judges every URL before
// a request goes there, redirects included.
func NewClient(base *http.Client, check func(*url.URL) error) *Client {
	c := &Client{check: check}
	if base != nil {
		c.http = *base
	} else {
		c.http.Transport = ownTransport()
	}
	c.http.Jar = nil // a request for public keys carries no cookie
	c.http.CheckRedirect = c.redirect
	if c.http.Timeout <= 0 || c.http.Timeout > Timeout {
		c.http.Timeout = Timeout
	}
	return c
}

func ownTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: Timeout}).DialContext,
		TLSHandshakeTimeout:    Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
}

// redirect follows a few hops on the same host only: another host is another
// authority, which nobody configured.
func (c *Client) redirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &Error{Kind: Refused, Detail: "too many redirects"}
	}
	if next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
		return &Error{Kind: Refused, Detail: "redirect to another host or scheme"}
	}
	if err := c.check(next.URL); err != nil {
		return &Error{Kind: Refused, Detail: err.Error()}
	}
	return nil
}

// Document is an answer. NotModified answers have no Body.
type Document struct {
	Body        []byte
	ETag        string
	NotModified bool
}

// Get fetches the document at address. etag, when not empty, makes the request
// conditional. Errors are of type *Error.
func (c *Client) Get(ctx context.Context, address, etag string) (Document, error) {
	request, err := c.request(ctx, address, "application/json, application/jwk-set+json;q=0.9")
	if err != nil {
		return Document{}, err
	}
	// A stale answer of an intermediary would hide a rotation (RFC 9111 5.2.1.4).
	request.Header.Set("Cache-Control", "no-cache")
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	return c.do(request)
}

// GetAs fetches what may come from an intermediary's store, and says how old it may be
// itself. Errors are of type *Error.
func (c *Client) GetAs(ctx context.Context, address, mediaType string) (Document, error) {
	request, err := c.request(ctx, address, mediaType)
	if err != nil {
		return Document{}, err
	}
	return c.do(request)
}

func (c *Client) request(ctx context.Context, address, accept string) (*http.Request, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, &Error{Kind: Refused, Detail: "not a URL"}
	}
	if err := c.check(u); err != nil {
		return nil, &Error{Kind: Refused, Detail: err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &Error{Kind: Refused, Detail: "not a URL"}
	}
	request.Header.Set("Accept", accept)
	return request, nil
}

func (c *Client) do(request *http.Request) (Document, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return Document{}, transportError(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified && request.Header.Get("If-None-Match") != "" {
		return Document{NotModified: true, ETag: request.Header.Get("If-None-Match")}, nil
	}
	if response.StatusCode != http.StatusOK {
		return Document{}, &Error{
			Kind: Status, Status: response.StatusCode, Detail: response.Status,
			RetryAfter: retryAfter(response.Header),
		}
	}
	body, err := readBody(response.Body, MaxBody)
	if err != nil {
		return Document{}, err
	}
	return Document{Body: body, ETag: response.Header.Get("ETag")}, nil
}

// readBody reads no more than most bytes, counted after decompression.
func readBody(body io.Reader, most int) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	if err != nil {
		return nil, transportError(err)
	}
	if len(read) > most {
		return nil, &Error{Kind: TooLarge, Detail: fmt.Sprintf("more than %d bytes", most)}
	}
	return read, nil
}

func transportError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	return &Error{Kind: Transport, Detail: err.Error()}
}

// retryAfter reads RFC 9110 10.2.3, clamped: a server in trouble may slow us
// down, not switch us off. The date form counts from the server's own Date, so
// that it does not matter how our clocks differ.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if at, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			return 0
		}
		return min(max(at.Sub(now), 0), MaxRetryAfter)
	}
	seconds, _ := strconv.ParseUint(value, 10, 63) // 0 if it is no number, the most there is if it is a larger one
	return time.Duration(min(seconds, uint64(MaxRetryAfter/time.Second))) * time.Second
}
