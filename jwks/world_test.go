package jwks_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerguard/bearerguard/jwks"
)

const setURL = "https://as.example/keys"

// keyServer answers in a bubble, with tags and 304.
type keyServer struct {
	mu       sync.Mutex
	listed   []fmt.Stringer
	status   int           // 0: 200 or 304
	untagged bool          // it knows no ETag
	gate     chan struct{} // nil: answers at once; else with what it listed on arrival
	requests int
	renewed  int // answers that were 304
}

// set says what the server does from now on.
func (k *keyServer) set(change func(*keyServer)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

func (k *keyServer) list(keys ...fmt.Stringer) {
	k.set(func(k *keyServer) { k.listed, k.status = keys, 0 })
}

func (k *keyServer) fail(status int) { k.set(func(k *keyServer) { k.status = status }) }

// hold makes answers wait for release.
func (k *keyServer) hold() (release func()) {
	gate := make(chan struct{})
	k.set(func(k *keyServer) { k.gate = gate })
	return sync.OnceFunc(func() {
		k.set(func(k *keyServer) { k.gate = nil })
		close(gate)
	})
}

func (k *keyServer) asked() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.requests
}

func (k *keyServer) unchanged() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.renewed
}

func (k *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	k.requests++
	gate, status, body := k.gate, k.status, setOf(k.listed...)
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))
	if k.untagged {
		tag = ""
	}
	if status == 0 && tag != "" && r.Header.Get("If-None-Match") == tag {
		status = http.StatusNotModified
		k.renewed++
	}
	k.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	switch status {
	case 0:
		return respond(r, http.StatusOK, string(body), "ETag", tag, "Cache-Control", "max-age=604800"), nil
	case http.StatusNotModified:
		return respond(r, status, "", "ETag", tag), nil
	}
	return respond(r, status, ""), nil
}

// world is a Source in a bubble, with its server and a clock that can jump.
type world struct {
	*subject
	server *keyServer
	first  []fmt.Stringer // what the server listed at first
	jumped atomic.Int64
	asks   int // bogus kids of empty
}

// inWorld runs a test in a bubble, with a Source that has read its first set: a key
// called "listed".
func inWorld(t *testing.T, config jwks.Config, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{server: &keyServer{}}
		w.first = []fmt.Stringer{es256(t, "listed")}
		w.server.list(w.first...)
		if config.URL == "" && config.Issuer == "" {
			config.URL = setURL
		}
		if config.HTTPClient == nil {
			config.HTTPClient = &http.Client{Transport: w.server}
		}
		config.CheckURL, config.Clock = httpsOnly, w.now
		w.subject = newSubject(t, config)
		w.known(t, "listed", "ES256")
		test(t, w)
	})
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.jumped.Load())) }

// jump sets the clock; no time passes.
func (w *world) jump(d time.Duration) { w.jumped.Add(int64(d)) }

// pass lets time pass.
func pass(d time.Duration) { <-time.After(d) }

// settled waits until nothing moves, and returns how often the server was asked.
func (w *world) settled() int {
	synctest.Wait()
	return w.server.asked()
}

// noNetwork fails the test when it is asked.
func noNetwork(t *testing.T) *http.Client {
	return web(func(r *http.Request) (*http.Response, error) {
		t.Errorf("asked %s", r.URL)
		return nil, errors.New("there is no network")
	}).client()
}
