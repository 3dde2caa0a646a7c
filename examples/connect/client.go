package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// app is a client of an authorization server.
type app struct{ id, secret string }

var (
	ordersApp   = app{"orders-app", "orders-secret"}
	invoicesApp = app{"invoices-app", "invoices-secret"}
)

// clients are two HTTP clients: gRPC needs HTTP/2, here without TLS.
type clients struct{ http1, h2c *http.Client }

func newClients() clients {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return clients{
		&http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second},
		&http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
}

func (c clients) close() {
	c.http1.CloseIdleConnections()
	c.h2c.CloseIdleConnections()
}

// way is one of the ways in which a request is sent.
type way struct {
	name     string
	streamed bool
	client   *http.Client
	options  []connect.ClientOption
}

func (c clients) ways() []way {
	return []way{
		{"Connect unary", false, c.http1, nil},
		{"Connect stream", true, c.http1, nil},
		{"gRPC unary", false, c.h2c, []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC stream", true, c.h2c, []connect.ClientOption{connect.WithGRPC()}},
	}
}

// call calls a procedure with these Authorization headers, and returns how many
// messages came back.
func (w way) call(ctx context.Context, address string, authorization []string) (messages int, err error) {
	client := connect.NewClient[emptypb.Empty, structpb.Struct](w.client, address, w.options...)
	request := connect.NewRequest(&emptypb.Empty{})
	request.Header()["Authorization"] = authorization
	if !w.streamed {
		_, err := client.CallUnary(ctx, request)
		if err != nil {
			return 0, err
		}
		return 1, nil
	}
	stream, err := client.CallServerStream(ctx, request)
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	for stream.Receive() {
		messages++
	}
	return messages, stream.Err()
}

// fetchToken asks a token endpoint for an access token of the app itself (client
// credentials, RFC 6749 section 4.4).
func (c clients) fetchToken(ctx context.Context, as *validatortest.Server, who app, scope string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, as.TokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(who.id), url.QueryEscape(who.secret))
	resp, err := c.http1.Do(req)
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
