package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// step is one request, and the answers that it must get: of the Guard, and of the
// SDK's middleware alone.
type step struct {
	name          string
	change        func() // at the authorization server before; may be nil
	authorization []string
	guard, sdk    int
	reason        validator.Reason // empty: accepted
}

// steps returns the requests of the table, in their order.
func (d *demo) steps() []step {
	// mint makes a token like those that the client gets, with changes of your choice.
	mint := func(as *validatortest.Server, kid string, changes ...validatortest.Edit) string {
		return as.MintWith(kid, append([]validatortest.Edit{
			validatortest.Audience(d.resource), validatortest.ClientID(ordersAgent.id), validatortest.Subject(ordersAgent.id), validatortest.Scope("orders.read"),
		}, changes...)...)
	}
	good := mint(d.as, "")
	cnf := validatortest.Claim("cnf", map[string]any{"jkt": strings.Repeat("A", 43)})
	goDown := func() { d.as.SetMode(validatortest.ModeDown) }
	return []step{
		{name: "no token", guard: 401, sdk: 401, reason: validator.ReasonNoToken},
		{name: "two Authorization headers", authorization: append(bearer(good), bearer(good)...), guard: 400, sdk: 400, reason: validator.ReasonSeveralHeaders},
		{name: "two tokens in one header", authorization: bearer(good + " " + good), guard: 400, sdk: 401, reason: validator.ReasonMalformedHeader},
		{name: "not a token at all", authorization: bearer("hello"), guard: 401, sdk: 401, reason: validator.ReasonNotJWT},
		{name: "expired", authorization: bearer(mint(d.as, "", validatortest.Expiry(time.Now().Add(-time.Minute)))), guard: 401, sdk: 401, reason: validator.ReasonExpired},
		{name: "for another MCP server", authorization: bearer(mint(d.as, "", validatortest.Audience("https://mcp.example.com"))), guard: 401, sdk: 401, reason: validator.ReasonAudienceMismatch},
		{name: "of another issuer", authorization: bearer(mint(d.stranger, "")), guard: 401, sdk: 401, reason: validator.ReasonUnknownIssuer},
		{name: "of other scopes", authorization: bearer(mint(d.as, "", validatortest.Scope("invoices.read"))), guard: 403, sdk: 403, reason: validator.ReasonInsufficientScope},
		{name: "bound to a key, without a proof", authorization: bearer(mint(d.as, "", cnf)), guard: 401, sdk: 401, reason: validator.ReasonProofMissing},
		{name: "good", authorization: bearer(good), guard: 200, sdk: 200},
		{name: "server down, known key", change: goDown, authorization: bearer(mint(d.as, "", validatortest.Claim("jti", "another"))), guard: 200, sdk: 200},
		{name: "server down, unknown key", authorization: bearer(mint(d.as, d.as.Prepare("ES256"))), guard: 503, sdk: 500, reason: validator.ReasonKeysUnavailable},
	}
}

func bearer(token string) []string { return []string{"Bearer " + token} }

// listTools is a message of MCP.
const listTools = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`

// post sends a message to the MCP server, in the way of MCP 2025-11-25.
func (d *demo) post(ctx context.Context, address string, authorization []string, message string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(message))
	if err != nil {
		return nil, err
	}
	r.Header["Authorization"] = authorization
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	response, err := d.browser.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response, err
}

// showTable sends the requests and prints a line for each. It fails if an answer is
// not as expected.
func (d *demo) showTable(ctx context.Context, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "token\tGuard\tSDK alone\treason")
	unexpected, steps := 0, d.steps()
	for _, s := range steps {
		if s.change != nil {
			s.change()
		}
		d.journal.drain()
		guarded, err := d.post(ctx, d.resource, s.authorization, listTools)
		if err != nil {
			return err
		}
		reason := validator.Reason(d.journal.drain())
		alone, err := d.post(ctx, strings.TrimSuffix(d.resource, "/mcp")+"/sdk", s.authorization, listTools)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s\t%s\t%s\t%s", s.name, told(guarded), told(alone), cmp.Or(string(reason), "-"))
		if guarded.StatusCode != s.guard || alone.StatusCode != s.sdk || reason != s.reason {
			unexpected++
			line += fmt.Sprintf("\tEXPECTED %d %d %s", s.guard, s.sdk, s.reason)
		}
		fmt.Fprintln(table, line)
	}
	d.as.SetMode(validatortest.ModeUp)
	if err := table.Flush(); err != nil {
		return err
	}
	if unexpected > 0 {
		return fmt.Errorf("%d of %d answers were not as expected", unexpected, len(steps))
	}
	return nil
}

var errorCode = regexp.MustCompile(`error="(\w+)"`)

// told is all that a client learns about a refusal.
func told(response *http.Response) string {
	told := fmt.Sprint(response.StatusCode)
	if code := errorCode.FindStringSubmatch(response.Header.Get("WWW-Authenticate")); code != nil {
		told += " " + code[1]
	}
	if wait := response.Header.Get("Retry-After"); wait != "" {
		told += " Retry-After " + wait
	}
	return told
}

// serveOn prints curl lines with a real token, then the reason of every answer, until
// ctx ends.
func (d *demo) serveOn(ctx context.Context, stdout io.Writer) error {
	d.journal.drain()
	token := d.as.AccessToken(validatortest.Audience(d.resource), validatortest.ClientID(ordersAgent.id), validatortest.Scope("orders.read"))
	fmt.Fprintln(stdout, "\nIt serves on until you press Ctrl-C. Try these; the reason of each answer appears below.")
	metadata := strings.Replace(d.resource, "/mcp", "/.well-known/oauth-protected-resource/mcp", 1)
	fmt.Fprintf(stdout, "\n# where to get a token\ncurl -i %s\n", metadata)
	for _, c := range []struct{ what, authorization, message string }{
		{"refused: no token", "", listTools},
		{"accepted", fmt.Sprintf("-H 'Authorization: Bearer %s' ", token), listTools},
		{"accepted, but this token may not use the tool", fmt.Sprintf("-H 'Authorization: Bearer %s' ", token),
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cancel_order","arguments":{"number":"4711"}}}`},
	} {
		fmt.Fprintf(stdout, "\n# %s\ncurl -i %s-H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '%s' %s\n",
			c.what, c.authorization, c.message, d.resource)
	}
	fmt.Fprintln(stdout)
	for {
		select {
		case e := <-d.journal.entries:
			fmt.Fprintln(stdout, e)
		case <-ctx.Done():
			return nil
		}
	}
}
