package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// show sends each router the same requests, and prints what it answers.
func show(ctx context.Context, out io.Writer, as *validatortest.Server, apis []api) error {
	app := validatortest.ClientID("orders-app")
	reader := as.AccessToken(app, validatortest.Scope("orders.read"))
	canceller := as.AccessToken(app, validatortest.Scope("orders.cancel"))
	old := as.AccessToken(app, validatortest.Scope("orders.read"), validatortest.Expiry(time.Now().Add(-time.Hour)))
	browser := &http.Client{Transport: &http.Transport{}}
	defer browser.CloseIdleConnections()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, request := range []struct{ method, path, what, rawToken string }{
		{"GET", "/healthz", "no token", ""},
		{"GET", "/orders/7", "no token", ""},
		{"GET", "/orders/7", "a reader's token", reader},
		{"GET", "/orders/7", "an expired token", old},
		{"DELETE", "/orders/7", "a reader's token", reader},
		{"DELETE", "/orders/7", "a canceller's token", canceller},
		{"GET", "/admin", "no token", ""}, // is not there: only Routes keeps that to itself
	} {
		for _, api := range apis {
			answer, err := ask(ctx, browser, request.method, api.url+request.path, request.rawToken)
			if err != nil {
				return err
			}
			fmt.Fprintf(table, "%s %s\t%s\t%s\t%s\n", request.method, request.path, request.what, api.name, answer)
		}
	}
	return table.Flush()
}

// ask returns the status, and the challenge or the text of the answer.
func ask(ctx context.Context, browser *http.Client, method, url, rawToken string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", err
	}
	if rawToken != "" {
		request.Header.Set("Authorization", "Bearer "+rawToken)
	}
	response, err := browser.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	text := response.Header.Get("WWW-Authenticate")
	if response.StatusCode == http.StatusOK {
		text = strings.TrimSpace(string(body))
	}
	return strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", text)), nil
}
