package middleware_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// TestResourceMetadata: the document of RFC 9728 2, where 3.1 has it, with the
// issuers of the Validator.
func TestResourceMetadata(t *testing.T) {
	v, err := validator.New(validator.Config{Issuers: []validator.Issuer{
		{URL: "https://login.example.org", Audiences: []string{"api://orders"}, AnyClient: true},
		{URL: "https://as.example.com/tenant", Name: "first", Audiences: []string{"api://orders"}, AnyClient: true},
	}})
	require.NoError(t, err)
	resource := middleware.Resource{
		URL: "https://api.example.com/orders", Name: "Orders", Scopes: []string{"orders.read", "orders.write"}, Documentation: "https://docs.example.com/orders",
	}
	g, err := middleware.New(v, middleware.Config{Resource: resource})
	require.NoError(t, err)
	resource.Scopes[0] = "changed"
	path, err := middleware.ResourceMetadataPath(resource.URL)
	require.NoError(t, err)
	routes := g.Routes()
	routes.Public(path, g.ResourceMetadata())
	const document = `{"resource":"https://api.example.com/orders","authorization_servers":["https://as.example.com/tenant","https://login.example.org"],` +
		`"scopes_supported":["orders.read","orders.write"],"bearer_methods_supported":["header"],"resource_name":"Orders","resource_documentation":"https://docs.example.com/orders"}`

	response := ask(routes, "GET", about, "")
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, 200, response.StatusCode)
	assert.Equal(t, document, string(content))
	assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
	assert.Equal(t, "public, max-age=3600", response.Header.Get("Cache-Control"))
	etag := response.Header.Get("Etag")
	assert.Len(t, etag, 18)

	head := ask(routes, "HEAD", about, "")
	assert.Equal(t, 200, head.StatusCode)
	assert.EqualValues(t, len(document), head.ContentLength)
	assert.Equal(t, etag, head.Header.Get("Etag"))
	content, _ = io.ReadAll(head.Body)
	assert.Empty(t, content)

	r := httptest.NewRequest("GET", about, nil)
	r.Header.Set("If-None-Match", etag)
	w := httptest.NewRecorder()
	routes.ServeHTTP(w, r)
	assert.Equal(t, 304, w.Code)
	assert.Empty(t, w.Body.String())

	for _, method := range []string{"POST", "OPTIONS", "DELETE"} {
		response = ask(routes, method, about, "")
		assert.Equal(t, 405, response.StatusCode)
		assert.Equal(t, "GET, HEAD", response.Header.Get("Allow"))
		content, err = io.ReadAll(response.Body)
		assert.NoError(t, err)
		assert.Empty(t, content)
	}
}

// TestResourceMetadataLeavesOut: what was not said is not there, and another
// document has another tag.
func TestResourceMetadataLeavesOut(t *testing.T) {
	s, v := newServer(t)
	var tags []string
	for _, url := range []string{"https://api.example.com", "http://127.0.0.1:8080/"} {
		g, err := middleware.New(v, middleware.Config{Resource: middleware.Resource{URL: url}, InsecureAllowHTTP: true})
		require.NoError(t, err)
		response := ask(g.ResourceMetadata(), "GET", "/", "")
		tags = append(tags, response.Header.Get("Etag"))
		var got map[string]any
		require.NoError(t, json.NewDecoder(response.Body).Decode(&got))
		assert.Equal(t, map[string]any{
			"resource": url, "authorization_servers": []any{s.Issuer()}, "bearer_methods_supported": []any{"header"},
		}, got)
	}
	assert.NotEqual(t, tags[0], tags[1])
}

// TestResourceMetadataPath (RFC 9728 3.1): between host and path.
func TestResourceMetadataPath(t *testing.T) {
	for resource, want := range map[string]string{
		"https://api.example.com":             "/.well-known/oauth-protected-resource",
		"https://api.example.com/":            "/.well-known/oauth-protected-resource",
		"https://api.example.com:8443/orders": "/.well-known/oauth-protected-resource/orders",
		"https://api.example.com/orders/v1":   "/.well-known/oauth-protected-resource/orders/v1",
		"https://api.example.com/orders/":     "/.well-known/oauth-protected-resource/orders/",
		"https://api.example.com/a%2Fb":       "/.well-known/oauth-protected-resource/a%2Fb",
		"https://api.example.com/{x}":         "/.well-known/oauth-protected-resource/%7Bx%7D",
		"https://api.example.com/orders?x=y":  "",
		"https://api.example.com/orders?":     "",
		"https://api.example.com/orders#x":    "",
		"/orders":                             "",
		"urn:example:orders":                  "",
		"https://api.example.com:port/orders": "",
		"":                                    "",
	} {
		got, err := middleware.ResourceMetadataPath(resource)
		assert.Equal(t, want, got, resource)
		assert.Equal(t, want == "", err != nil, resource)
	}
}

// TestResourceConfig: every mistake is reported at start.
func TestResourceConfig(t *testing.T) {
	_, v := newServer(t)
	type strs = []string
	tests := map[string]struct {
		resource middleware.Resource
		insecure bool
		fields   strs
		metadata string // address in the challenge
	}{
		"none":                 {},
		"host only":            {resource: middleware.Resource{URL: "https://api.example.com"}, metadata: "https://api.example.com/.well-known/oauth-protected-resource"},
		"port":                 {resource: middleware.Resource{URL: "https://api.example.com:8443/a"}, metadata: "https://api.example.com:8443/.well-known/oauth-protected-resource/a"},
		"elsewhere":            {resource: middleware.Resource{URL: "https://api.example.com/a", MetadataURL: "https://meta.example.com/?a"}, metadata: "https://meta.example.com/?a"},
		"loopback":             {resource: middleware.Resource{URL: "http://localhost:8080/a"}, insecure: true, metadata: "http://localhost:8080/.well-known/oauth-protected-resource/a"},
		"plain":                {resource: middleware.Resource{URL: "http://localhost:8080/a"}, fields: strs{"Resource.URL"}},
		"plain elsewhere":      {resource: middleware.Resource{URL: "http://api.example.com/a"}, insecure: true, fields: strs{"Resource.URL"}},
		"no URL, name":         {resource: middleware.Resource{Name: "Orders"}, fields: strs{"Resource.URL"}},
		"no URL, scopes":       {resource: middleware.Resource{Scopes: strs{"a"}}, fields: strs{"Resource.URL"}},
		"no URL, docs":         {resource: middleware.Resource{Documentation: "https://x.example.com"}, fields: strs{"Resource.URL"}},
		"no URL, metadata":     {resource: middleware.Resource{MetadataURL: "https://x.example.com"}, fields: strs{"Resource.URL"}},
		"query":                {resource: middleware.Resource{URL: "https://api.example.com/?a"}, fields: strs{"Resource.URL"}},
		"empty query":          {resource: middleware.Resource{URL: "https://api.example.com/?"}, fields: strs{"Resource.URL"}},
		"fragment":             {resource: middleware.Resource{URL: "https://api.example.com/#a"}, fields: strs{"Resource.URL"}},
		"not a URL":            {resource: middleware.Resource{URL: "https://api.example.com:x"}, fields: strs{"Resource.URL"}},
		"not a URL elsewhere":  {resource: middleware.Resource{URL: "https://api.example.com", MetadataURL: "https://[", Documentation: "%"}, fields: strs{"Resource.Documentation", "Resource.MetadataURL"}},
		"spelled otherwise":    {resource: middleware.Resource{URL: "https://api.example.com/a b"}, fields: strs{"Resource.URL"}},
		"not a scope":          {resource: middleware.Resource{URL: "https://api.example.com", Scopes: strs{"a b"}}, fields: strs{"Resource.Scopes"}},
		"quote in a scope":     {resource: middleware.Resource{URL: "https://api.example.com", Scopes: strs{`a"`}}, fields: strs{"Resource.Scopes"}},
		"backslash in a scope": {resource: middleware.Resource{URL: "https://api.example.com", Scopes: strs{`a\b`}}, fields: strs{"Resource.Scopes"}},
		"non-ASCII scope":      {resource: middleware.Resource{URL: "https://api.example.com", Scopes: strs{"é"}}, fields: strs{"Resource.Scopes"}},
		"empty scope":          {resource: middleware.Resource{URL: "https://api.example.com", Scopes: strs{""}}, fields: strs{"Resource.Scopes"}},
		"everything at once": {
			resource: middleware.Resource{URL: "/orders", Scopes: strs{"a b"}, Documentation: "ftp://x", MetadataURL: "x"},
			fields:   strs{"Resource.URL", "Resource.Documentation", "Resource.MetadataURL", "Resource.Scopes"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := middleware.New(v, middleware.Config{Resource: tc.resource, InsecureAllowHTTP: tc.insecure})
			if tc.fields != nil {
				assert.Nil(t, g)
				assert.Equal(t, tc.fields, mistaken(err))
				return
			}
			require.NoError(t, err)
			want := "Bearer"
			if tc.metadata != "" {
				want += ` resource_metadata="` + tc.metadata + `"`
			} else {
				assert.Panics(t, func() { g.ResourceMetadata() })
			}
			assert.Equal(t, want, ask(g.Routes(), "GET", "/", "").Header.Get("WWW-Authenticate"))
		})
	}
	_, err := middleware.New(nil, middleware.Config{Realm: "é", Resource: middleware.Resource{Name: "x"}})
	assert.Equal(t, strs{"Validator", "Realm", "Resource.URL"}, mistaken(err))
	assert.ErrorContains(t, err, "Resource.URL: must be an absolute URL")
}

// mistaken are the fields of the ConfigErrors in err.
func mistaken(err error) (fields []string) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, one := range joined.Unwrap() {
		var mistake *validator.ConfigError
		if errors.As(one, &mistake) {
			fields = append(fields, mistake.Field)
		}
	}
	return fields
}
