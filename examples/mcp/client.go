package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// app is a client of the authorization server.
type app struct{ id, secret string }

var (
	ordersAgent = app{"orders-agent", "orders-secret"}
	otherAgent  = app{"other-agent", "other-secret"}
)

// account is an auth.OAuthHandler for an MCP client that has a secret of its own at
// one authorization server (client credentials, RFC 6749 4.4). It finds out from the
// server's refusals what to ask for. The SDK's own, extauth.ClientCredentialsHandler,
// sends no resource, so that its tokens are for nobody in particular.
type account struct {
	app
	issuer string // where its secret is good
	client *http.Client

	mu      sync.Mutex // guards all below
	granted []string
	source  oauth2.TokenSource // nil: not yet
}

// TokenSource is asked before every request.
func (a *account) TokenSource(context.Context) (oauth2.TokenSource, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.source, nil
}

// Authorize is called when a request was refused with 401 or 403.
func (a *account) Authorize(ctx context.Context, request *http.Request, response *http.Response) error {
	defer response.Body.Close()
	challenges, err := oauthex.ParseWWWAuthenticate(response.Header["Www-Authenticate"])
	if err != nil {
		return err
	}
	// RFC 9728 5.1; it compares the resource that the document names with the one that
	// we asked (3.3), so that no other server gets our token.
	resource, err := oauthex.GetProtectedResourceMetadata(ctx, parameter(challenges, "resource_metadata"), request.URL.String(), a.client)
	if err != nil {
		return err
	}
	if !slices.Contains(resource.AuthorizationServers, a.issuer) { // our secret is for no other
		return fmt.Errorf("no account at any of the authorization servers %q", resource.AuthorizationServers)
	}
	server, err := auth.GetAuthServerMetadata(ctx, a.issuer, a.client) // RFC 8414
	if err != nil {
		return err
	}
	if server == nil {
		return errors.New("the authorization server has no metadata")
	}
	scopes := strings.Fields(parameter(challenges, "scope"))
	if len(scopes) == 0 {
		scopes = resource.ScopesSupported
	}
	return a.obtain(ctx, server.TokenEndpoint, resource.Resource, scopes)
}

// obtain gets a token for a resource, with these scopes and those granted before.
func (a *account) obtain(ctx context.Context, tokenEndpoint, resource string, scopes []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	scopes = slices.Concat(a.granted, scopes)
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	config := clientcredentials.Config{
		ClientID: a.id, ClientSecret: a.secret, AuthStyle: oauth2.AuthStyleInHeader, TokenURL: tokenEndpoint, Scopes: scopes,
		EndpointParams: url.Values{"resource": {resource}}, // RFC 8707 2: the audience
	}
	source := config.TokenSource(context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, a.client))
	if _, err := source.Token(); err != nil {
		return err
	}
	a.granted, a.source = scopes, source
	return nil
}

// parameter is that of a Bearer challenge; empty: there is none.
func parameter(challenges []oauthex.Challenge, name string) string {
	for _, c := range challenges {
		if c.Scheme == "bearer" && c.Params[name] != "" {
			return c.Params[name]
		}
	}
	return ""
}
