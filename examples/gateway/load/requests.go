package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// request is one as it is on the wire, and how it must be answered.
type request struct {
	name   string
	text   string
	status int
}

// get is a request for a target, with these lines of headers.
func get(name string, status int, target string, lines ...string) request {
	return request{name, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: api\r\n%s\r\n", target, strings.Join(append(lines, ""), "\r\n")), status}
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// lifetime is longer than any run.
func lifetime() validatortest.Edit { return validatortest.Expiry(time.Now().Add(12 * time.Hour)) }

// honest is requests of 200 users, whose tokens are in the cache after the first.
func (s *stage) honest() (list []request) {
	for i := range 200 {
		token := s.issuer.AccessToken(validatortest.Subject(fmt.Sprintf("user-%d", i)), lifetime())
		list = append(list, get("honest", http.StatusOK, fmt.Sprintf("/orders/%d", i), bearer(token)))
	}
	return list
}

// hostiles is one request of each kind, many times in different words where words matter: what
// is refused is never remembered.
func (s *stage) hostiles() (list []request) {
	good := s.issuer.AccessToken(lifetime())
	none := func(header, _ map[string]any) { header["alg"] = "none" }
	const unauthorized, malformed = http.StatusUnauthorized, http.StatusBadRequest
	one := "/orders/1"
	for i := range 50 {
		differs := []validatortest.Edit{validatortest.Subject(fmt.Sprintf("nobody-%d", i)), lifetime()}
		with := func(edits ...validatortest.Edit) string {
			return bearer(s.issuer.AccessToken(append(differs, edits...)...))
		}
		unlisted := get("unknown kid", unauthorized, one, with(validatortest.HeaderParam("kid", fmt.Sprintf("kid-%d", i))))
		unlisted.status = 0                                                        // 401, or 503 while the gateway asks for no more keys
		junk := get("opaque, unknown", 0, one, bearer(fmt.Sprintf("at_%040d", i))) // 401, or 503 while too many are asked about
		list = append(list,
			get("no token", unauthorized, one),
			get("expired", unauthorized, one, with(validatortest.Expiry(time.Now().Add(-time.Hour)))),
			get("another audience", unauthorized, one, with(validatortest.Audience("api://other"))),
			get("another client", unauthorized, one, with(validatortest.ClientID("other"))),
			get("another issuer", unauthorized, one, with(validatortest.Claim("iss", "https://evil.example"))),
			get("alg none", unauthorized, one, with(none)),
			get("signature changed", unauthorized, one, with()[:len(with())-9]+"AAAAAAAAA"),
			unlisted,
			get("no JWT", unauthorized, one, bearer(fmt.Sprintf("junk-%040d", i))),
			get("two headers", malformed, one, bearer(good), bearer(good)),
			get("token in the query", unauthorized, one+"?access_token="+good),
			get("another scheme", unauthorized, one, "Authorization: Basic dTpw"),
			get("scope missing", http.StatusForbidden, "/admin", bearer(good)),
			get("no route", http.StatusForbidden, "/nowhere", bearer(good)),
			get("ambiguous path", malformed, "/orders/..%2fadmin", bearer(good)),
			get("dots", malformed, "/orders/../admin", bearer(good)),
		)
		if i%10 == 0 { // those that cost the sender most, or the authorization server
			list = append(list, junk,
				get("header of 100 kB", http.StatusRequestHeaderFieldsTooLarge, one, bearer(good), "X-Long: "+strings.Repeat("x", 100_000)))
		}
	}
	return list
}

// verify sends every request once: measuring is in vain if honest ones are refused, or
// hostile ones are none.
func (s *stage) verify() error {
	for _, r := range append(s.honestOnes, s.hostileOnes...) {
		status, err := s.ask(r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if wrong := status != r.status; wrong && (r.status != 0 || status != http.StatusUnauthorized && status != http.StatusServiceUnavailable) {
			return fmt.Errorf("%s: %d", r.name, status)
		}
	}
	return nil
}

// ask sends a request over a connection of its own.
func (s *stage) ask(r request) (status int, err error) {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, r.text) // it may be answered before its end
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// writeRequests writes the files that wrk reads.
func (s *stage) writeRequests() error {
	for name, list := range map[string][]request{"honest": s.honestOnes, "hostile": s.hostileOnes} {
		var text strings.Builder
		for _, r := range list {
			text.WriteString(r.text + "\x00")
		}
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text.String()), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(s.dir, "requests.lua"), []byte(script), 0o600)
}
