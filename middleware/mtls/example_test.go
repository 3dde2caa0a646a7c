package mtls_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

// newServer is an API that accepts tokens which are bound to a client's certificate.
func newServer(v *validator.Validator, certificate tls.Certificate) (*http.Server, error) {
	certificates, err := mtls.New(mtls.Config{})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{MutualTLS: certificates})
	if err != nil {
		return nil, err
	}
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{AnyToken: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := validator.FromContext(r.Context())
		fmt.Fprintf(w, "the orders of %s", token.Subject())
	}))
	return &http.Server{
		Handler: routes,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{certificate},
			ClientAuth:   tls.RequestClientCert, // who has one shows it
		},
	}, nil
}

// Behind a proxy that ends TLS, and passes on what clients show it.
func ExampleNew() {
	certificates, err := mtls.New(mtls.Config{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")},
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = middleware.Config{MutualTLS: certificates}

	_, err = mtls.New(mtls.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
	fmt.Println(err)
	// Output: validator: TrustedProxies[0]: is everybody: 0.0.0.0/0
}

// newProxy is such a proxy in Go.
func newProxy(api *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { // not Director, after which a client can remove headers
		r.SetURL(api)
		r.Out.Header.Del("Client-Cert") // whatever the client says
		r.Out.Header.Del("Client-Cert-Chain")
		if r.In.TLS != nil && len(r.In.TLS.PeerCertificates) > 0 {
			der := r.In.TLS.PeerCertificates[0].Raw
			r.Out.Header.Set("Client-Cert", ":"+base64.StdEncoding.EncodeToString(der)+":")
		}
	}}
}
