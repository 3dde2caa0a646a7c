package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// proxy sends the requests of a route on to its upstream.
type proxy struct {
	upstream             *url.URL
	identity             *identity
	forwardAuthorization bool
	nonces               bool // the guard gives bound tokens a nonce
	leeway               time.Duration
	guard                *middleware.Guard
	log                  *slog.Logger
	reverse              httputil.ReverseProxy
}

func newProxy(p proxy, transport http.RoundTripper) *proxy {
	p.reverse = httputil.ReverseProxy{
		// Rewrite, not Director: after a Director, what the client names in Connection
		// is removed, the headers that we set included.
		Rewrite: p.rewrite, Transport: transport, ModifyResponse: p.answered, ErrorHandler: p.failed,
		BufferPool: buffers, ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelInfo),
	}
	return &p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leased, l := withLease(w, r, p.leeway)
	defer l.close()
	p.reverse.ServeHTTP(w, leased)
}

// rewrite makes the request for the upstream: the path and the query as they came,
// and who asks.
func (p *proxy) rewrite(pr *httputil.ProxyRequest) {
	out := pr.Out
	out.URL.Scheme, out.URL.Host, out.Host = p.upstream.Scheme, p.upstream.Host, ""
	out.URL.RawQuery = pr.In.URL.RawQuery // ReverseProxy would sort one with a ";" in it
	onlyWebSocket(out.Header)
	p.identity.strip(out.Header)
	p.trailers(pr)
	pr.SetXForwarded()
	if !p.forwardAuthorization {
		out.Header.Del("Authorization") // the upstream needs no token that works elsewhere
		out.Header.Del("DPoP")          // nor a proof that says nothing without it
	}
	if token, ok := validator.FromContext(pr.In.Context()); ok {
		p.identity.set(out.Header, token)
	}
}

// onlyWebSocket ignores a wish for another protocol, as a server may (RFC 9110
// 7.8): over h2c, more requests would go to the upstream past every route.
func onlyWebSocket(header http.Header) {
	if !strings.EqualFold(header.Get("Upgrade"), "websocket") {
		header.Del("Upgrade")
		header.Del("Connection")
		header.Del("Http2-Settings")
	}
}

// trailers sends on the trailers that were announced, but for those that some
// servers would take for headers of ours. ReverseProxy sends none.
func (p *proxy) trailers(pr *httputil.ProxyRequest) {
	out := pr.Out
	for name := range out.Trailer {
		if p.identity.owned(name) || matches(name, "Authorization") || matches(name, "DPoP") {
			delete(out.Trailer, name)
		}
	}
	// Without a body there is nothing that trailers come after, though HTTP/2 lets them be
	// announced. ReverseProxy has no body then, and to read it would end the process.
	if len(out.Trailer) == 0 || out.Body == nil {
		out.Trailer = nil
		return
	}
	// Trailers come after chunks (RFC 9112 7.1.2), whatever length HTTP/2 had. It also
	// keeps net/http from reading the body of a GET beforehand: where that takes long, it
	// lists the trailers while they are put in.
	out.TransferEncoding = []string{"chunked"}
	out.Body = &trailing{out.Body, func() {
		for name := range out.Trailer {
			out.Trailer[name] = pr.In.Trailer[name]
		}
	}}
}

// trailing is a body that says when it ended well: its trailers are known then.
type trailing struct {
	io.ReadCloser
	ended func()
}

func (t *trailing) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if err == io.EOF {
		t.ended()
	}
	return n, err
}

// answered is told of every response before it is sent to the client.
func (p *proxy) answered(response *http.Response) error {
	// Two nonces would be none (RFC 9449 8.2): the proof is for us.
	if token, ok := validator.FromContext(response.Request.Context()); ok && p.nonces && token.Confirmation().JKT != "" {
		response.Header.Del("DPoP-Nonce")
	}
	l := response.Request.Context().Value(leaseKey{}).(*lease)
	maps.Copy(l.header, l.said) // ReverseProxy empties it after an informational answer (RFC 9110 15.2)
	return l.limit(response)
}

// failed answers a request that the upstream did not. The client learns nothing
// about the upstream.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	var timeout net.Error
	ended := revoked(errors.Join(context.Cause(r.Context()), err))
	switch {
	case ended != nil:
		p.guard.Refuse(w, ended)
		return
	case errors.Is(context.Cause(r.Context()), errExpired), errors.Is(err, errExpired):
		p.guard.Refuse(w, validator.NewError(validator.ReasonExpired, ""))
		return
	case r.Context().Err() != nil: // the client left
		w.WriteHeader(http.StatusBadGateway)
		return
	case errors.As(err, &timeout) && timeout.Timeout():
		problem(w, http.StatusGatewayTimeout)
	default:
		problem(w, http.StatusBadGateway)
	}
	p.log.Warn("no answer from upstream", "upstream", p.upstream.Host, "pattern", r.Pattern, "error", err.Error())
}
