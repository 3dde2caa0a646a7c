package metadata_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/metadata"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// network answers by address, with 404 where it knows nothing, and remembers
// what it was asked.
type network struct {
	documents map[string]string
	asked     []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.asked = append(n.asked, r.URL.String())
	document, ok := n.documents[r.URL.String()]
	status := http.StatusOK
	if !ok {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(document)), Request: r}, nil
}

func discover(n *network, issuer string) (metadata.Document, error) {
	check := func(u *url.URL) error { return remote.CheckURL(u, false) }
	return metadata.Discover(context.Background(), remote.NewClient(&http.Client{Transport: n}, check), issuer)
}

func TestPlacesWhereTheMetadataMayBe(t *testing.T) {
	for issuer, places := range map[string][2]string{
		"https://as.example": {
			"https://as.example/.well-known/openid-configuration",
			"https://as.example/.well-known/oauth-authorization-server",
		},
		"https://as.example/": {
			"https://as.example/.well-known/openid-configuration",
			"https://as.example/.well-known/oauth-authorization-server",
		},
		"https://as.example:8443/oauth2/default": {
			"https://as.example:8443/oauth2/default/.well-known/openid-configuration",
			"https://as.example:8443/.well-known/oauth-authorization-server/oauth2/default",
		},
		"https://as.example/tenant/": {
			"https://as.example/tenant/.well-known/openid-configuration",
			"https://as.example/.well-known/oauth-authorization-server/tenant",
		},
		"https://as.example/a%2Fb": {
			"https://as.example/a%2Fb/.well-known/openid-configuration",
			"https://as.example/.well-known/oauth-authorization-server/a%2Fb",
		},
	} {
		t.Run(issuer, func(t *testing.T) {
			for i, place := range places {
				n := &network{documents: map[string]string{place: `{"issuer":"` + issuer + `","jwks_uri":"https://as.example/keys"}`}}
				document, err := discover(n, issuer)
				require.NoError(t, err)
				assert.Equal(t, metadata.Document{Issuer: issuer, JWKSURI: "https://as.example/keys"}, document)
				assert.Equal(t, places[:i+1], n.asked)
			}
		})
	}
}

const (
	issuer  = "https://as.example/tenant"
	openid  = "https://as.example/tenant/.well-known/openid-configuration"
	rfc8414 = "https://as.example/.well-known/oauth-authorization-server/tenant"
	good    = `{"issuer":"https://as.example/tenant","jwks_uri":"https://as.example/keys"}`
)

var uncounted = map[string]string{
	"login page":            "<!DOCTYPE html><html></html>",
	"empty":                 "",
	"an array":              "[" + good + "]",
	"null":                  "null",
	"another issuer":        `{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}`,
	"issuer with a slash":   `{"issuer":"https://as.example/tenant/","jwks_uri":"https://evil.example/keys"}`,
	"issuer in other case":  `{"issuer":"https://AS.example/tenant","jwks_uri":"https://evil.example/keys"}`,
	"issuer missing":        `{"jwks_uri":"https://evil.example/keys"}`,
	"issuer folded":         `{"ISSUER":"https://as.example/tenant","jwks_uri":"https://evil.example/keys"}`,
	"issuer twice":          `{"issuer":"https://evil.example","issuer":"https://as.example/tenant","jwks_uri":"https://evil.example/keys"}`,
	"jwks_uri twice":        `{"issuer":"https://as.example/tenant","jwks_uri":"https://evil.example/1","jwks_uri":"https://evil.example/2"}`,
	"issuer a number":       `{"issuer":1,"jwks_uri":"https://evil.example/keys"}`,
	"jwks_uri a number":     `{"issuer":"https://as.example/tenant","jwks_uri":1}`,
	"trailing data":         good + "{}",
	"invalid UTF-8":         "{\"x\":\"\xff\"," + good[1:],
	"template of an issuer": `{"issuer":"https://as.example/{tenant}","jwks_uri":"https://evil.example/keys"}`,
}

func TestDocumentThatDoesNotCountIsPassedOver(t *testing.T) {
	for name, document := range uncounted {
		t.Run(name, func(t *testing.T) {
			n := &network{documents: map[string]string{openid: document, rfc8414: good}}
			found, err := discover(n, issuer)
			require.NoError(t, err)
			assert.Equal(t, "https://as.example/keys", found.JWKSURI)

			n = &network{documents: map[string]string{openid: document}}
			_, err = discover(n, issuer)
			assert.ErrorIs(t, err, metadata.ErrDocument)
			var failed *remote.Error
			require.ErrorAs(t, err, &failed, "the other place")
			assert.Equal(t, 404, failed.Status)
			assert.Equal(t, []string{openid, rfc8414}, n.asked)
		})
	}
}

func TestFirstDocumentThatCountsWins(t *testing.T) {
	n := &network{documents: map[string]string{openid: good, rfc8414: strings.Replace(good, "/keys", "/other", 1)}}
	found, err := discover(n, issuer)
	require.NoError(t, err)
	assert.Equal(t, "https://as.example/keys", found.JWKSURI)
	assert.Equal(t, []string{openid}, n.asked)
}

// Whether it is enough is the caller's business.
func TestDocumentWithoutJWKSURICounts(t *testing.T) {
	n := &network{documents: map[string]string{openid: `{"issuer":"https://as.example/tenant"}`}}
	found, err := discover(n, issuer)
	require.NoError(t, err)
	assert.Empty(t, found.JWKSURI)
}

func TestIssuerThatMayNotBeAskedIsNot(t *testing.T) {
	for _, issuer := range []string{"http://as.example", "as.example", "", "https://["} {
		t.Run(issuer, func(t *testing.T) {
			n := &network{}
			_, err := discover(n, issuer)
			var failed *remote.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, remote.Refused, failed.Kind)
			assert.Empty(t, n.asked)
		})
	}
}
