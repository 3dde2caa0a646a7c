package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/bearerguard/bearerguard/internal/redisserver"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	audience = "api://orders"                   // the name of this API, as the authorization server knows it
	origin   = "https://api.example.com"        // where clients address it, and what their proofs are for
	events   = "https://api.example.com/events" // its name in security event tokens
	client   = "orders-app"                     // whose tokens it accepts
	caller   = "orders-api"                     // as whom it asks about tokens
	password = "its secret"                     // with which
	gateway  = "github.com/bearerguard/bearerguard/examples/gateway"
)

// stage is all that the story needs, on loopback and in processes of their own.
type stage struct {
	dir      string
	as       *validatortest.Server
	upstream *http.Server
	redis    *redisserver.Server
	gateways []*process // the first three; more join later
	http     *http.Client
}

// newStage starts everything. What it began ends with an error, or with end.
func newStage(ctx context.Context) (_ *stage, err error) {
	s := &stage{http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	defer func() {
		if err != nil {
			s.end()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "fleet"); err != nil {
		return nil, err
	}
	if s.redis, err = redisserver.Start(s.dir); err != nil {
		return nil, err
	}
	s.as, err = validatortest.Start(validatortest.Options{Algorithm: "ES256", Audience: audience, OpaquePrefix: "at_"})
	if err != nil {
		return nil, err
	}
	s.as.AddClient(caller, password)
	address, err := s.serveUpstream()
	if err != nil {
		return nil, err
	}
	if err := s.configure(address); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(s.dir, "gateway"), gateway)
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the gateway cannot be built (is this inside the repository?): %w\n%s", err, said)
	}
	for _, behind := range []string{"serve", "serve", "refuse"} {
		if _, err := s.join(ctx, behind); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// serveUpstream serves what the gateways protect.
func (s *stage) serveUpstream() (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.upstream = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the orders of %q\n", r.Header.Get("X-User-Id"))
	})}
	go func() { _ = s.upstream.Serve(listener) }() // until Close
	return "http://" + listener.Addr().String(), nil
}

// configure writes the files of the gateways: they differ in what they do while Redis is
// down, which in a fleet of your own they should not.
func (s *stage) configure(upstream string) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	files := map[string]string{"password": password, "fleet": base64.StdEncoding.EncodeToString(secret)}
	for _, behind := range []string{"serve", "refuse"} {
		files[behind+".yaml"] = fmt.Sprintf(configuration, upstream, s.as.Issuer(), s.redis.Addr(), behind)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const configuration = `listen: 127.0.0.1:0
upstream: %s
insecure_allow_http: true # all is on loopback
identity_headers: {X-User-Id: sub}
public_origin: ` + origin + `
dpop: {enabled: true, window: 5s}
issuers:
  - name: orders
    url: %s
    profile: rfc9068
    audiences: [` + audience + `]
    client_ids: [` + client + `]
    max_token_lifetime: 1h
    event_audiences: [` + events + `]
    introspection: {client_id: ` + caller + `, secret_file: password, format: {prefix: at_}}
revocation: {events_path: /events}
redis:
  addresses: ["%s"]
  secret_file: fleet
  timeout: 2s
  max_skew: 100ms
  answers: true
  answer_wait: 10s
  keys: true
  used_proofs: true
  revocations: {while_behind: %s, silence: 1s}
routes:
  - {pattern: GET /orders, scopes: [orders.read]}
`

// invite says what can be tried.
func (s *stage) invite(stdout io.Writer) {
	fmt.Fprintf(stdout, "\nTry it, until Ctrl-C. Redis is process %d, at %s.\n\n", s.redis.PID(), s.redis.Addr())
	for _, g := range s.gateways {
		fmt.Fprintf(stdout, "curl -H 'Authorization: Bearer %s' %s/orders\n", s.token(), g.url)
	}
}

// end ends everything that was begun.
func (s *stage) end() {
	for _, g := range s.gateways {
		g.end()
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	if s.upstream != nil {
		_ = s.upstream.Close()
	}
	if s.as != nil {
		s.as.Close()
	}
	s.http.CloseIdleConnections()
	_ = os.RemoveAll(s.dir)
}
