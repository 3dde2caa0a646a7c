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
	return metadata.Discover(context.Background(), remote.NewClient(&http.Client{Transport: n}, check), issuer, "")
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

// introspectionMembers are what a document may say about introspection: where it
// is for those with a secret, and for those with a certificate.
var introspectionMembers = map[string]struct{ members, secret, certificate string }{
	"nothing":              {``, "", ""},
	"an endpoint":          {`"introspection_endpoint":"https://as.example/i"`, "https://as.example/i", "https://as.example/i"},
	"and an alias":         {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":{"introspection_endpoint":"https://mtls.example/i"}`, "https://as.example/i", "https://mtls.example/i"},
	"only an alias":        {`"mtls_endpoint_aliases":{"introspection_endpoint":"https://mtls.example/i"}`, "", "https://mtls.example/i"},
	"other aliases":        {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":{"token_endpoint":"https://mtls.example/t"}`, "https://as.example/i", "https://as.example/i"},
	"aliases a list":       {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":["https://mtls.example/i"]`, "https://as.example/i", "https://as.example/i"},
	"aliases a string":     {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":"https://mtls.example/i"`, "https://as.example/i", "https://as.example/i"},
	"aliases null":         {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":null`, "https://as.example/i", "https://as.example/i"},
	"alias a number":       {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":{"introspection_endpoint":1}`, "https://as.example/i", ""},
	"alias folded":         {`"introspection_endpoint":"https://as.example/i","mtls_endpoint_aliases":{"Introspection_Endpoint":"https://mtls.example/i"}`, "https://as.example/i", "https://as.example/i"},
	"endpoint a number":    {`"introspection_endpoint":1`, "", ""},
	"endpoint a list":      {`"introspection_endpoint":["https://as.example/i"]`, "", ""},
	"endpoint an object":   {`"introspection_endpoint":{"a":"https://as.example/i"}`, "", ""},
	"endpoint true":        {`"introspection_endpoint":true`, "", ""},
	"endpoint null":        {`"introspection_endpoint":null`, "", ""},
	"endpoint folded":      {`"Introspection_endpoint":"https://as.example/i"`, "", ""},
	"endpoint empty":       {`"introspection_endpoint":""`, "", ""},
	"endpoint with escape": {`"introspection_endpoint":"https:\/\/as.example\/i"`, "https://as.example/i", "https://as.example/i"},
}

// What is wrong in them does not matter to whoever looks for keys.
func TestIntrospectionEndpoint(t *testing.T) {
	for name, test := range introspectionMembers {
		t.Run(name, func(t *testing.T) {
			document := good
			if test.members != "" {
				document = strings.TrimSuffix(good, "}") + "," + test.members + "}"
			}
			found, err := discover(&network{documents: map[string]string{openid: document}}, issuer)
			require.NoError(t, err)
			assert.Equal(t, "https://as.example/keys", found.JWKSURI)
			assert.Equal(t, test.secret, found.IntrospectionEndpoint(false))
			assert.Equal(t, test.certificate, found.IntrospectionEndpoint(true))
		})
	}
}

// A document that has the endpoint and no keys is one all the same.
func TestIntrospectionEndpointNeedsNoKeys(t *testing.T) {
	n := &network{documents: map[string]string{rfc8414: `{"issuer":"https://as.example/tenant","introspection_endpoint":"https://as.example/i"}`}}
	found, err := discover(n, issuer)
	require.NoError(t, err)
	assert.Equal(t, "https://as.example/i", found.IntrospectionEndpoint(false))
	assert.Empty(t, (&metadata.Document{}).IntrospectionEndpoint(true), "of no document")
}

// Which of the two it is would be up to the reader.
func TestEndpointThatIsNamedTwiceMakesNoDocument(t *testing.T) {
	for _, members := range []string{
		`"introspection_endpoint":"https://as.example/i","introspection_endpoint":"https://evil.example/i"`,
		`"mtls_endpoint_aliases":{},"mtls_endpoint_aliases":{}`,
		`"mtls_endpoint_aliases":{"introspection_endpoint":"https://as.example/i","introspection_endpoint":"https://evil.example/i"}`,
	} {
		n := &network{documents: map[string]string{openid: strings.TrimSuffix(good, "}") + "," + members + "}"}}
		_, err := discover(n, issuer)
		assert.ErrorIs(t, err, metadata.ErrDocument)
	}
}

// A place that is named is asked, and no other.
func TestPlaceThatIsNamed(t *testing.T) {
	const place = "https://as.example/elsewhere"
	n := &network{documents: map[string]string{place: `{"issuer":"https://as.example","jwks_uri":"https://as.example/keys"}`}}
	check := func(u *url.URL) error { return remote.CheckURL(u, false) }
	client := remote.NewClient(&http.Client{Transport: n}, check)
	document, err := metadata.Discover(t.Context(), client, "https://as.example", place)
	require.NoError(t, err)
	assert.Equal(t, "https://as.example/keys", document.JWKSURI)
	_, err = metadata.Discover(t.Context(), client, "https://other.example", place)
	assert.ErrorIs(t, err, metadata.ErrDocument)
	assert.Equal(t, []string{place, place}, n.asked)
}
