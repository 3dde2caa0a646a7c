package dpop

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/internal/httpuri"
	"github.com/bearerguard/bearerguard/internal/peers"
)

var (
	errOrigin = errors.New("the request is not for one of Config.Origins")
	errPath   = errors.New("a path alone says too little where there are several Config.Origins")
)

// targetOf is the URI that the client addressed: never what the Host header or a
// forwarded one makes up, but one of Config.Origins, which these at most choose from.
func (v *Verifier) targetOf(r *http.Request) (httpuri.URI, error) {
	origin, err := v.originOf(r)
	if err != nil {
		return httpuri.URI{}, err
	}
	path, err := requestPath(r)
	return httpuri.URI{Origin: origin, Path: path}, err
}

// requestPath is the path as the client sent it: handlers further out may have changed
// that of r.URL (http.StripPrefix), and it has lost some of the encoding.
func requestPath(r *http.Request) (string, error) {
	switch {
	case strings.HasPrefix(r.RequestURI, "/"):
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return httpuri.Path(path)
	case r.RequestURI != "": // absolute form (RFC 9112 3.2.2), or one that no proof is for
		target, err := httpuri.Parse(r.RequestURI)
		return target.Path, err
	case r.URL == nil:
		return httpuri.Path("")
	}
	return httpuri.Path(r.URL.EscapedPath()) // no server made the request
}

// originOf is the configured origin that the request is for. A single one needs no
// choosing, whatever name a proxy uses for us.
func (v *Verifier) originOf(r *http.Request) (string, error) {
	var scheme, host string
	if v.fromDeclaredPeer(r) {
		var err error
		if scheme, host, err = forwarded(r.Header); err != nil {
			return "", err
		}
	}
	single := len(v.origins) == 1
	if host == "" && !single {
		host = r.Host
	}
	for _, origin := range v.origins {
		own, _, _ := strings.Cut(origin, "://")
		if scheme != "" && scheme != own {
			continue // the client came to the proxy by http, say
		}
		if host == "" && single {
			return origin, nil
		}
		if named, err := httpuri.Origin(own, host); err == nil && named == origin {
			return origin, nil
		}
	}
	return "", errOrigin
}

// fromDeclaredPeer reports whether the other end of the connection is one whose
// forwarded headers are believed: anybody can send them.
func (v *Verifier) fromDeclaredPeer(r *http.Request) bool {
	return v.peers.Of(r.RemoteAddr) == peers.Declared
}

// parseTarget reads what a transport other than net/http says it was addressed as.
func (v *Verifier) parseTarget(text string) (httpuri.URI, error) {
	if strings.HasPrefix(text, "/") {
		if len(v.origins) > 1 {
			return httpuri.URI{}, errPath
		}
		text = v.origins[0] + text
	}
	t, err := httpuri.Parse(text)
	if err == nil && !slices.Contains(v.origins, t.Origin) {
		err = errOrigin
	}
	return t, err
}
