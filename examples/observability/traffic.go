package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// traffic is clients of the API, good and bad, and an authorization server that has its
// days.
type traffic struct {
	as      *validatortest.Server
	browser *http.Client
	address string
}

const scope = "orders.read"

func (t traffic) token(edits ...validatortest.Edit) string {
	return t.as.AccessToken(append([]validatortest.Edit{validatortest.ClientID(client), validatortest.Scope(scope)}, edits...)...)
}

func (t traffic) opaque() string {
	return t.as.OpaqueToken(validatortest.ClientID(client), validatortest.Scope(scope))
}

// round is one of everything that is to be seen on the dashboard.
func (t traffic) round(ctx context.Context) error {
	good, jane, over := t.token(), t.token(validatortest.Subject("jane")), t.opaque()
	t.as.Revoke(over)
	tokens := []string{
		good, good, good, jane, t.opaque(), over, "", "garbage",
		t.token(validatortest.Expiry(time.Now().Add(-time.Hour))), t.token(validatortest.Audience("api://other")),
		t.token(validatortest.ClientID("another-app")), t.token(validatortest.Claim("iss", "https://elsewhere.example")),
		t.token(validatortest.Scope("profile")), good + "AAAA",
	}
	for _, raw := range tokens {
		if err := t.get(ctx, raw); err != nil {
			return err
		}
	}
	if err := t.revoke(ctx, "jane"); err != nil {
		return err
	}
	if err := t.get(ctx, jane); err != nil {
		return err
	}
	return t.trouble(ctx)
}

// trouble is an endpoint that answers nobody, then a rotation, then tokens of keys that
// there are not.
func (t traffic) trouble(ctx context.Context) error {
	t.as.SetIntrospectionMode(validatortest.ModeError)
	for range 6 { // the circuit opens at the fifth
		if err := t.get(ctx, t.opaque()); err != nil {
			return err
		}
	}
	t.as.SetIntrospectionMode(validatortest.ModeUp)
	t.as.Rotate("ES256")
	if err := t.get(ctx, t.token()); err != nil {
		return err
	}
	for i := range 8 { // more than may be looked for
		if err := t.get(ctx, t.token(validatortest.HeaderParam("kid", fmt.Sprint("nobody-has-", i)))); err != nil {
			return err
		}
	}
	return nil
}

// get asks for orders. What comes of it is for the metrics to tell.
func (t traffic) get(ctx context.Context, rawToken string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.address+"/orders", nil)
	if err != nil {
		return err
	}
	if rawToken != "" {
		request.Header.Set("Authorization", "Bearer "+rawToken)
	}
	return t.send(request)
}

// revoke has the authorization server tell that somebody's sessions are over.
func (t traffic) revoke(ctx context.Context, subject string) error {
	event := t.as.EventToken(eventsFor, "https://schemas.openid.net/secevent/caep/event-type/session-revoked", map[string]any{
		"subject": map[string]any{"format": "iss_sub", "iss": t.as.Issuer(), "sub": subject},
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.address+"/events", strings.NewReader(event))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/secevent+jwt")
	return t.send(request)
}

func (t traffic) send(request *http.Request) error {
	response, err := t.browser.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
