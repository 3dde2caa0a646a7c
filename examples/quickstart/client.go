package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// app is a client of the authorization server.
type app struct{ id, secret string }

var (
	ordersApp = app{"orders-app", "orders-secret"} // the one that the API accepts
	otherApp  = app{"other-app", "other-secret"}   // known to the authorization server, but not to the API
	ordersAPI = app{"orders-api", "api-secret"}    // the API itself, when it asks about a token
)

// fetchToken asks the token endpoint for an access token of the app itself
// (client credentials, RFC 6749 section 4.4).
func (d demo) fetchToken(ctx context.Context, who app, scope, audience string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "audience": {audience}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.as.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(who.id), url.QueryEscape(who.secret))
	resp, err := d.browser.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the token endpoint answered %s", resp.Status)
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&granted)
	return granted.AccessToken, err
}
