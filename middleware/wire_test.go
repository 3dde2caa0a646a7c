package middleware_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestWire: whole requests, byte by byte, of the kind that two servers in a row
// read in two ways. What net/http itself refuses has no challenge.
func TestWire(t *testing.T) {
	s, g := newGuard(t)
	addresses := listen(t, g)
	good := s.AccessToken(validatortest.Scope("orders.read", "orders.write"))
	bearer := "Authorization: Bearer " + good + "\r\n"
	const host = "Host: api\r\nConnection: close\r\n"
	tests := map[string]struct {
		request   string
		status    int
		challenge string // empty: let through, or refused by net/http
	}{
		"two spaces":                {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer  " + good + "\r\n\r\n", status: 200},
		"HTTP/1.0":                  {request: "GET / HTTP/1.0\r\n" + bearer + "\r\n", status: 200},
		"HTTP/1.0 without":          {request: "GET / HTTP/1.0\r\n\r\n", status: 401, challenge: bare},
		"HTTP/1.0 two headers":      {request: "GET / HTTP/1.0\r\n" + bearer + bearer + "\r\n", status: 400, challenge: malformed},
		"line feeds only":           {request: "GET / HTTP/1.1\nHost: api\nConnection: close\nAuthorization: Bearer " + good + "\n\n", status: 200},
		"hop by hop":                {request: "GET / HTTP/1.1\r\nHost: api\r\nConnection: close, Authorization\r\n" + bearer + "\r\n", status: 200},
		"empty and good":            {request: "GET / HTTP/1.1\r\n" + host + "Authorization:\r\n" + bearer + "\r\n", status: 400, challenge: malformed},
		"good and empty":            {request: "GET / HTTP/1.1\r\n" + host + bearer + "authorization: \r\n\r\n", status: 400, challenge: malformed},
		"two empty":                 {request: "GET / HTTP/1.1\r\n" + host + "Authorization:\r\nAuthorization:\r\n\r\n", status: 400, challenge: malformed},
		"list of schemes":           {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Basic dTpw, Bearer " + good + "\r\n\r\n", status: 401, challenge: bare},
		"list of parameters":        {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer " + good + ", realm=\"x\"\r\n\r\n", status: 400, challenge: malformed},
		"list with an empty member": {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer " + good + ",\r\n\r\n", status: 400, challenge: malformed},
		"comma first":               {request: "GET / HTTP/1.1\r\n" + host + "Authorization: , Bearer " + good + "\r\n\r\n", status: 401, challenge: bare},
		"parameter":                 {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer token=" + good + "\r\n\r\n", status: 401, challenge: invalid},
		"tab for the space":         {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer\t" + good + "\r\n\r\n", status: 401, challenge: bare},
		"folded with a tab":         {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer\r\n\t" + good + "\r\n\r\n", status: 200},
		"folded within the token":   {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer " + good[:9] + "\r\n " + good[9:] + "\r\n\r\n", status: 400, challenge: malformed},
		"non-ASCII space":           {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer\u00a0" + good + "\r\n\r\n", status: 401, challenge: bare},
		"non-ASCII scheme":          {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bea\u0280er " + good + "\r\n\r\n", status: 401, challenge: bare},
		"latin-1":                   {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer \xe9\r\n\r\n", status: 400, challenge: malformed},
		"trailer": {
			request: "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTrailer: X-Other\r\n\r\n1\r\nx\r\n0\r\n" + bearer + "\r\n",
			status:  401, challenge: bare,
		},
		"trailer beside header": {
			request: "POST / HTTP/1.1\r\n" + host + bearer + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
			status:  200,
		},
		"header within the body":      {request: "POST / HTTP/1.1\r\n" + host + "Content-Length: " + strconv.Itoa(len(bearer)) + "\r\n\r\n" + bearer, status: 401, challenge: bare},
		"the same length twice":       {request: "POST / HTTP/1.1\r\n" + host + bearer + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", status: 200},
		"two lengths":                 {request: "POST / HTTP/1.1\r\n" + host + bearer + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", status: 400},
		"length and chunks":           {request: "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 401, challenge: bare},
		"forbidden trailer, declared": {request: "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n", status: 400},
		"space before the colon":      {request: "GET / HTTP/1.1\r\n" + host + "Authorization : Bearer " + good + "\r\n\r\n", status: 400},
		"NUL":                         {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer a\x00\r\n\r\n", status: 400},
		"NUL in the name":             {request: "GET / HTTP/1.1\r\n" + host + "Authorization\x00: Bearer " + good + "\r\n\r\n", status: 400},
		"CR within":                   {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer " + good + "\rX: y\r\n\r\n", status: 400},
		"two hosts":                   {request: "GET / HTTP/1.1\r\n" + host + "Host: b\r\n" + bearer + "\r\n", status: 400},
		"no host":                     {request: "GET / HTTP/1.1\r\n" + bearer + "\r\n", status: 400},
		"1 MiB header":                {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer " + strings.Repeat("a", 1<<20+8192) + "\r\n\r\n", status: 431},
		"just below":                  {request: "GET / HTTP/1.1\r\n" + host + "Authorization: Bearer " + strings.Repeat("a", 1<<20-8192) + "\r\n\r\n", status: 401, challenge: invalid},
		"10,000 headers":              {request: "GET / HTTP/1.1\r\n" + host + strings.Repeat("Authorization: Bearer a\r\n", 10_000) + "\r\n", status: 400, challenge: malformed},
	}
	for name, tc := range tests {
		for kind, address := range addresses {
			t.Run(name+" to "+kind, func(t *testing.T) {
				response := send(t, address, tc.request)
				if tc.status != 200 && tc.challenge == "" {
					assert.Equal(t, tc.status, response.StatusCode)
					assert.Empty(t, response.Header.Values("WWW-Authenticate"))
					return
				}
				onTheWire(t, response, tc.status, tc.challenge)
			})
		}
	}
}
