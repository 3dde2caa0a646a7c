// Command mcp is an MCP server over streamable HTTP, of the official Go SDK, whose
// tools are protected by access tokens. It starts the authorization server that it
// trusts too, both on loopback, sends good and bad requests, and lets an MCP client
// that knows nothing but the server's address find out how to get a token.
//
//	go run ./examples/mcp         # a table and the client's requests; fails if an answer is not as expected
//	go run ./examples/mcp -serve  # then serves on, and prints curl lines to try
//
// What a server of your own needs is newAPI, in this file, and gate.go, expiry.go and
// info.go. README.md explains it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// api is the protected MCP server.
type api struct {
	resource string       // its canonical URI (RFC 8707): the audience of its tokens
	handler  http.Handler // the server is at the resource's path
}

// newAPI returns the MCP server: who may issue tokens for it, and what each tool asks
// of them. address is where clients find it.
func newAPI(issuer, address string, j *journal, options *mcp.StreamableHTTPOptions) (*api, error) {
	resource := address + "/mcp"
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL:       issuer,
			Audiences: []string{resource}, // nothing that was issued for another server
			ClientIDs: []string{ordersAgent.id, otherAgent.id},
			Profile:   validator.RFC9068(),
		}},
		InsecureAllowHTTP: true, // all is on loopback, without TLS
		Observer:          validator.Observer{Decision: j.decision},
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{
		Resource:          middleware.Resource{URL: resource, Name: "Orders", Scopes: []string{"orders.read"}},
		InsecureAllowHTTP: true,
	})
	if err != nil {
		return nil, err
	}
	g, err := newGate(v, guard, map[string]validator.Policy{
		"list_orders":  {Scopes: []string{"orders.read"}},
		"cancel_order": {Scopes: []string{"orders.write"}},
	})
	if err != nil {
		return nil, err
	}
	metadata, err := middleware.ResourceMetadataPath(resource)
	if err != nil {
		return nil, err
	}

	server := newServer()
	server.AddReceivingMiddleware(g.receive)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, options)

	routes := guard.Routes()
	routes.Public("GET "+metadata, guard.ResourceMetadata())
	routes.Handle("/mcp", validator.Policy{Scopes: []string{"orders.read"}}, g.protect(handler))

	// For comparison: the same server behind the SDK's own middleware.
	mux := http.NewServeMux()
	mux.Handle("/", routes)
	mux.Handle("/sdk", auth.RequireBearerToken(verifier(v), &auth.RequireBearerTokenOptions{
		ResourceMetadataURL: address + metadata, Scopes: []string{"orders.read"}, ClockSkew: validator.DefaultLeeway,
	})(handler))
	return &api{resource, mux}, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mcp:", err)
		stop()
		os.Exit(1)
	}
}

// run is the program: it ends with an error, after what it shows, or with -serve
// when ctx does.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("mcp", flag.ContinueOnError)
	serveOn := flags.Bool("serve", false, "serve on afterwards")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	d, err := start(&mcp.StreamableHTTPOptions{Stateless: true})
	if err != nil {
		return err
	}
	defer d.stop()
	fmt.Fprintf(stdout, "authorization server  %s\nMCP server            %s\n\n", d.as.Issuer(), d.resource)
	if err := d.showTable(ctx, stdout); err != nil {
		return err
	}
	if err := d.showClient(ctx, stdout); err != nil || !*serveOn {
		return err
	}
	return d.serveOn(ctx, stdout)
}

// demo is what the requests need.
type demo struct {
	*api
	as       *validatortest.Server
	stranger *validatortest.Server // nobody trusts it
	journal  *journal
	browser  *http.Client
	stop     func()
}

// start starts everything, until stop is called.
func start(options *mcp.StreamableHTTPOptions) (d *demo, err error) {
	d = &demo{journal: newJournal(), browser: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
	stops := []func(){d.browser.CloseIdleConnections}
	d.stop = func() {
		for _, one := range stops {
			defer one()
		}
	}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	for _, as := range []**validatortest.Server{&d.as, &d.stranger} {
		if *as, err = validatortest.Start(validatortest.Options{Algorithm: "ES256"}); err != nil {
			return nil, err
		}
		stops = append(stops, (*as).Close)
	}
	for _, who := range []app{ordersAgent, otherAgent} {
		d.as.AddClient(who.id, who.secret, "orders.read", "orders.write")
	}
	// MCP clients use no authorization server that does not say it has PKCE.
	d.as.SetMetadata(func(document map[string]any) { document["code_challenge_methods_supported"] = []string{"S256"} })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if d.api, err = newAPI(d.as.Issuer(), "http://"+listener.Addr().String(), d.journal, options); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: d.api.handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(listener)
	}()
	stops = append(stops, func() { server.Close(); <-ended })
	return d, nil
}
