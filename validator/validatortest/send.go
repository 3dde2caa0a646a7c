package validatortest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
)

// Request is what is sent to an API.
type Request struct {
	Authorization []string // the values of that header, as they stand
	DPoP          []string // the values of that header

	Body, ContentType string // of a POST; empty Body: it is a GET
}

// Answer is what a client sees. The codes of other protocols are given as the status of
// HTTP that they stand for.
type Answer struct {
	Status    int
	Challenge string // the values of WWW-Authenticate, joined by ", "
}

var errorParameter = regexp.MustCompile(`(?:^|[ ,])error="?([a-z_]+)"?`)

// code is the error code of the challenge (RFC 6750 section 3).
func (a Answer) code() string {
	if found := errorParameter.FindStringSubmatch(a.Challenge); found != nil {
		return found[1]
	}
	return ""
}

// Send sends one request to an API by some transport. An error means that no answer
// came; [ErrCannotSend], that the transport does not carry such a request.
type Send func(context.Context, Request) (Answer, error)

// ErrCannotSend says that a request never reached the API as it stands.
var ErrCannotSend = errors.New("the transport cannot carry this request")

// ToHandler sends requests to a handler in this process, for that path: as they stand,
// bytes that no client of HTTP sends included.
func ToHandler(h http.Handler, path string) Send {
	return func(ctx context.Context, r Request) (Answer, error) {
		request := r.http(ctx, "http://api.example"+path)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request)
		return answerOf(w.Result()), nil
	}
}

// ToURL sends requests to an address over the network. A nil client is one that keeps
// nothing; redirects are not followed.
func ToURL(address string, client *http.Client) Send {
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context, r Request) (Answer, error) {
		if !sendable(r.Authorization) || !sendable(r.DPoP) {
			return Answer{}, ErrCannotSend
		}
		request := r.http(ctx, address)
		request.RequestURI = "" // that of a server
		response, err := own.Do(request)
		if err != nil {
			return Answer{}, err
		}
		defer response.Body.Close()
		io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)) // so that the connection is used again
		return answerOf(response), nil
	}
}

// sendable reports whether values arrive as they stand: net/http takes blanks off, and
// sends no control characters (RFC 9110 section 5.5).
func sendable(values []string) bool {
	for _, v := range values {
		if strings.Trim(v, " \t") != v || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return false
		}
	}
	return true
}

func (r Request) http(ctx context.Context, address string) *http.Request {
	method, body := http.MethodGet, io.Reader(nil)
	if r.Body != "" {
		method, body = http.MethodPost, strings.NewReader(r.Body)
	}
	request := httptest.NewRequestWithContext(ctx, method, address, body)
	if r.Body != "" {
		request.Header.Set("Content-Type", r.ContentType)
	}
	if len(r.Authorization) > 0 {
		request.Header["Authorization"] = r.Authorization
	}
	if len(r.DPoP) > 0 {
		request.Header["Dpop"] = r.DPoP
	}
	return request
}

func answerOf(r *http.Response) Answer {
	return Answer{r.StatusCode, strings.Join(r.Header.Values("WWW-Authenticate"), ", ")}
}

// logoutRequest delivers a logout token (OpenID Connect Back-Channel Logout section 2.5).
func logoutRequest(token string) Request {
	return Request{ContentType: "application/x-www-form-urlencoded", Body: url.Values{"logout_token": {token}}.Encode()}
}
