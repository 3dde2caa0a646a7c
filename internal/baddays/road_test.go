package baddays

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// road is how the validator reaches the server: a transport over real connections.
type road struct {
	*http.Transport
	host  string // of the server
	clock *testClock

	mu      sync.Mutex
	detour  string        // where connections to the server end instead; empty: they do not
	blocked error         // why there are none
	delay   time.Duration // of each answer
	count   int           // of requests
	failure error         // the last one
	leave   []func()      // ends the requests that are under way
	gate    chan struct{} // none gets through before it is closed; nil: all do
}

func newRoad(w *world) *road {
	r := &road{host: must(url.Parse(w.Issuer())).Host, clock: w.clock}
	r.Transport = &http.Transport{DisableKeepAlives: true, DialContext: r.dial}
	if w.day.tls {
		roots := w.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs.Clone()
		roots.AddCert(trustedRoot().cert)
		r.TLSClientConfig = &tls.Config{RootCAs: roots, Time: w.now, CurvePreferences: []tls.CurveID{tls.X25519}} // the cheapest
	}
	return r
}

func (r *road) dial(ctx context.Context, network, address string) (net.Conn, error) {
	r.mu.Lock()
	blocked := r.blocked
	if address != r.host {
		blocked = nil
	} else if r.detour != "" {
		address = r.detour
	}
	r.mu.Unlock()
	if blocked != nil {
		return nil, blocked
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (r *road) change(how func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	how()
}

// leads has connections to the server end elsewhere.
func (r *road) leads(address string) { r.change(func() { r.detour = address }) }

// clear is the end of whatever is wrong with the road.
func (r *road) clear() { r.change(func() { r.detour, r.blocked = "", nil }) }

// asked is how many requests to the server there were.
func (r *road) asked() (n int) {
	r.change(func() { n = r.count })
	return n
}

// failed is the last thing that went wrong.
func (r *road) failed() (err error) {
	r.change(func() { err = r.failure })
	return err
}

// hold keeps requests from getting through until release, which reports whether it
// was the one that let them.
func (r *road) hold() (release func() bool) {
	gate := make(chan struct{})
	r.change(func() { r.gate = gate })
	open := func() { close(gate) }
	impatient := time.AfterFunc(10*time.Second, open) // whoever waits for them would wait for ever
	return func() bool {
		r.change(func() { r.gate = nil })
		held := impatient.Stop()
		if held {
			open()
		}
		return held
	}
}

// giveUp is the end of the client's patience with what is under way.
func (r *road) giveUp() {
	r.clock.Advance(remote.Timeout)
	r.change(func() {
		for _, leave := range r.leave {
			leave()
		}
		r.leave = nil
	})
}

// RoundTrip implements http.RoundTripper.
func (r *road) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host != r.host { // where the keys have moved to, or tokens are asked about
		return r.Transport.RoundTrip(request)
	}
	ctx, leave := context.WithCancel(request.Context())
	var gate chan struct{}
	r.change(func() {
		r.count++
		r.leave = append(r.leave, leave)
		gate = r.gate
	})
	if gate != nil {
		<-gate
	}
	r.change(func() { r.clock.Advance(r.delay) })
	response, err := r.Transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		leave()
		r.change(func() { r.failure = err })
		return nil, err
	}
	response.Body = &roadBody{response.Body, r, leave}
	return response, nil
}

// roadBody notes what goes wrong after the header.
type roadBody struct {
	io.ReadCloser
	road  *road
	leave func()
}

func (b *roadBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.road.change(func() { b.road.failure = err })
	}
	return n, err
}

func (b *roadBody) Close() error {
	b.leave()
	return b.ReadCloser.Close()
}

// isOneOf is the test of an error for one of these.
func isOneOf(wanted ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(wanted, func(one error) bool { return errors.Is(err, one) })
	}
}

// isA is the test of an error for a type, and for more if that is not nil.
func isA[E error](more func(E) bool) func(error) bool {
	return func(err error) bool {
		var e E
		return errors.As(err, &e) && (more == nil || more(e))
	}
}
