package baddays

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"github.com/stretchr/testify/require"
)

// towards is a reverse proxy in front of the world's server.
func towards(w *world) *httputil.ReverseProxy {
	origin := must(url.Parse(w.Issuer()))
	return &httputil.ReverseProxy{
		Transport: w.Client().Transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(origin) },
	}
}

// elsewhere serves the server's key set at another address.
func (w *world) elsewhere() (address string) {
	return w.serve(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { _, _ = out.Write(w.KeySet()) })).URL + "/keys"
}

func (w *world) keysPath() string { return must(url.Parse(w.JWKSURL())).Path }

// empty lists no key.
func empty(w *world) {
	server := towards(w)
	toHandler(func(w *world) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if r.URL.Path == w.keysPath() {
				_, _ = io.WriteString(out, `{"keys":[]}`)
				return
			}
			server.ServeHTTP(out, r)
		})
	})(w)
}

// cdn is a cache in front of the server, whose answers may be kept for a week.
type cdn struct {
	*httputil.ReverseProxy
	obeys bool // no-cache of a request (RFC 9111 5.2.1.4)
	mu    sync.Mutex
	kept  map[string][]byte // by path
}

const week = "max-age=604800"

// behind puts a CDN into the road that holds what the server answers now.
func behind(w *world, obeys bool) *cdn {
	c := &cdn{ReverseProxy: towards(w), obeys: obeys, kept: map[string][]byte{}}
	c.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Cache-Control", week)
		return nil
	}
	for _, address := range []string{w.MetadataURL(), w.JWKSURL()} {
		request, answer := httptest.NewRequest(http.MethodGet, address, nil), httptest.NewRecorder()
		c.ReverseProxy.ServeHTTP(answer, request)
		require.Equal(w.t, http.StatusOK, answer.Code)
		c.kept[request.URL.Path] = answer.Body.Bytes()
	}
	toHandler(func(*world) http.Handler { return c })(w)
	return c
}

// expire empties it.
func (c *cdn) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.kept)
}

func (c *cdn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	kept := c.kept[r.URL.Path]
	c.mu.Unlock()
	if kept == nil || c.obeys && r.Header.Get("Cache-Control") == "no-cache" {
		c.ReverseProxy.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Cache-Control", week)
	_, _ = w.Write(kept)
}
