package validatortest

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// listsPath is below which the status lists of the corpus are.
const listsPath = "/corpus/lists/"

// Statuses are good JWTs that say where their status is published, and status lists that
// are none, or say that they are revoked (draft-ietf-oauth-status-list). They fit a
// validator that looks up statuses at the server's host, and else is that of
// [Server.Corpus]. Each list has an address of its own.
func (s *Server) Statuses(clientID string) []Case {
	c := s.corpus(Statuses, clientID)
	return c.collect(c.goodStatuses, c.badStatuses, c.places, c.listTokens, c.listContents, c.listAnswers)
}

// listAt is the list of the corpus at a path; nil: there is none.
func (s *Server) listAt(path string) http.HandlerFunc {
	if !strings.HasPrefix(path, listsPath) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists[path]
}

// listRequests is the number of requests for status lists that have begun.
func (s *Server) listRequests() int { n, _ := s.listEndpoint.requests.value(); return n }

// publish puts a list at a new address, and returns that.
func (s *Server) publish(list func(uri string) http.HandlerFunc) (uri string) {
	s.mu.Lock()
	path := fmt.Sprint(listsPath, len(s.lists)+1)
	s.lists[path] = nil // taken
	s.mu.Unlock()
	uri = s.origin() + path
	h := list(uri)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[path] = h
	return uri
}

// packed is a status list as lst has it (section 4.1).
func packed(statuses []byte) string {
	var text bytes.Buffer
	w := zlib.NewWriter(&text)
	w.Write(statuses)
	w.Close()
	return b64.EncodeToString(text.Bytes())
}

// statusList is a good list token for an address, after edits.
func (c *corpus) statusList(uri string, bits any, lst any, edits ...Edit) string {
	header := map[string]any{"typ": "statuslist+jwt"}
	claims := map[string]any{
		"iss": c.s.tokenIssuer(), "sub": uri, "iat": c.now.Unix(), "exp": c.now.Add(time.Hour).Unix(), "ttl": 3600,
		"status_list": map[string]any{"bits": bits, "lst": lst},
	}
	return c.s.mint(c.s.key(""), header, claims, edits)
}

func listed(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/statuslist+jwt")
		w.Write([]byte(text))
	}
}

// placed is a token with its status at a place.
func (c *corpus) placed(index, uri any) string {
	return c.token(Claim("status", map[string]any{"status_list": map[string]any{"idx": index, "uri": uri}}))
}

// status is a case of a token with its status at that place of the list.
func (c *corpus) status(name, kills, reason string, index any, list func(uri string) http.HandlerFunc) {
	of := Case{Name: "status-" + name, Kills: kills, Reason: reason, Accept: reason == "", asked: (*Server).listRequests}
	if reason != "" {
		of.Neighbour = "status-valid"
	}
	of.Token = c.placed(index, c.s.publish(list))
	c.add(of)
}

// of is a good list of these statuses, after edits.
func (c *corpus) of(bits int, statuses []byte, edits ...Edit) func(string) http.HandlerFunc {
	return func(uri string) http.HandlerFunc { return listed(c.statusList(uri, bits, packed(statuses), edits...)) }
}

func (c *corpus) goodStatuses() {
	good := func(name string, index int, list func(string) http.HandlerFunc) { c.status(name, "", "", index, list) }
	good("valid", 0, c.of(1, []byte{0b10}))
	good("valid-at-the-end", 15, c.of(1, []byte{0b10, 0}))
	good("valid-of-two-bits", 0, c.of(2, []byte{0b11_10_01_00}))
	good("valid-of-four-bits", 0, c.of(4, []byte{0x10}))
	good("valid-of-eight-bits", 0, c.of(8, []byte{0, 1}))
	good("list-without-exp-and-ttl", 0, c.of(1, []byte{0}, NoClaim("exp"), NoClaim("ttl")))
	good("list-with-more", 0, c.of(1, []byte{0}, Claim("aggregation_uri", "https://other.example"), HeaderParam("x", "y")))
}

func (c *corpus) badStatuses() {
	bad := func(name, reason string, index, bits int, statuses ...byte) {
		c.status(name, "status", reason, index, c.of(bits, statuses))
	}
	bad("revoked", "revoked", 1, 1, 0b10)
	bad("revoked-in-the-second-byte", "revoked", 8, 1, 0, 1)
	bad("revoked-of-two-bits", "revoked", 1, 2, 0b11_10_01_00)
	bad("revoked-of-four-bits", "revoked", 1, 4, 0x10)
	bad("revoked-of-eight-bits", "revoked", 1, 8, 0, 1)
	bad("suspended-of-two-bits", "suspended", 2, 2, 0b11_10_01_00)
	bad("suspended-of-eight-bits", "suspended", 1, 8, 0, 2)
	bad("of-the-application", "status_unknown", 3, 2, 0b11_10_01_00)
	bad("reserved", "status_unknown", 1, 8, 0, 255)
	bad("beyond-the-list", "status_unknown", 16, 1, 0, 0)
	bad("far-beyond-the-list", "status_unknown", math.MaxInt32, 1, 0, 0)
}

// places are none (section 6.2), or where nobody may be asked.
func (c *corpus) places() {
	type m = map[string]any
	uri := c.s.publish(c.of(1, []byte{0}))
	of := func(name, kills, reason string, status any) {
		c.refuse("status-"+name, kills, "status-valid", reason, c.token(Claim("status", status)))
	}
	place := func(name string, list any) {
		of("place-"+name, "place of a status", "malformed_claims", m{"status_list": list})
	}
	place("string", "x")
	place("without-idx", m{"uri": uri})
	place("without-uri", m{"idx": 0})
	place("idx-negative", m{"idx": -1, "uri": uri})
	place("idx-fraction", m{"idx": 0.5, "uri": uri})
	place("idx-string", m{"idx": "0", "uri": uri})
	place("idx-2-to-the-64", m{"idx": json.RawMessage("18446744073709551616"), "uri": uri})
	place("uri-number", m{"idx": 0, "uri": 1})
	place("uri-too-long", m{"idx": 0, "uri": uri + "?" + strings.Repeat("x", 2048)})
	place("folded-uri", m{"idx": 0, "uri": uri, "Uri": "x"})
	of("empty", "status", "status_unknown", m{})
	of("by-another-mechanism", "status", "status_unknown", m{"identifier_list": m{"id": "x", "uri": uri}})
	of("folded-mechanism", "place of a status", "malformed_claims", m{"Status_List": m{"idx": 0, "uri": uri}})
	for _, elsewhere := range []named{
		{"another-host", "https://lists.example/1"}, {"another-port", "http://127.0.0.1:1/lists/1"}, {"host-in-the-user-part", c.s.origin() + "@lists.example/1"},
		{"no-host", "/lists/1"}, {"no-url", "%"}, {"a-file", "file:///etc/passwd"},
	} {
		of("at-"+elsewhere.name, "host of a status list", "status_unknown", m{"status_list": m{"idx": 0, "uri": elsewhere.value}})
	}
}

const noList = "status_unavailable"

// listTokens are no list tokens, or not the one that was asked for (section 8.3).
func (c *corpus) listTokens() {
	bad := func(name string, edits ...Edit) {
		c.status("list-"+name, "status list token", noList, 0, c.of(1, []byte{0}, edits...))
	}
	at := func(d time.Duration) int64 { return c.now.Add(d).Unix() }
	bad("typ-absent", NoHeaderParam("typ"))
	bad("typ-jwt", HeaderParam("typ", "JWT"))
	bad("typ-of-access-tokens", HeaderParam("typ", "at+jwt"))
	bad("iss-another", Claim("iss", "https://other.example"))
	bad("sub-absent", NoClaim("sub"))
	bad("sub-another", Claim("sub", c.s.origin()+listsPath))
	bad("iat-absent", NoClaim("iat"))
	bad("iat-future", Claim("iat", at(time.Hour)))
	bad("iat-string", Claim("iat", "1"))
	bad("exp-past", Claim("exp", at(-time.Hour)))
	bad("exp-zero", Claim("exp", 0))
	bad("ttl-zero", Claim("ttl", 0))
	bad("ttl-negative", Claim("ttl", -1))
	bad("ttl-string", Claim("ttl", "60"))
	bad("folded-sub", Claim("Sub", "x"))
	bad("crit", HeaderParam("crit", []string{"exp"}))
	signature := func(name string, list func(uri string) string) {
		c.status("list-"+name, "signature of a list", noList, 0, func(uri string) http.HandlerFunc { return listed(list(uri)) })
	}
	good := func(uri string) string { return c.statusList(uri, 1, packed([]byte{0})) }
	signature("alg-none", func(uri string) string {
		h, p, _ := segments(c.statusList(uri, 1, packed([]byte{0}), HeaderParam("alg", "none")))
		return h + "." + p + "."
	})
	signature("alg-hs256", func(uri string) string {
		return c.statusList(uri, 1, packed([]byte{0}), HeaderParam("alg", "HS256"))
	})
	signature("kid-unlisted", func(uri string) string {
		return c.statusList(uri, 1, packed([]byte{0}), HeaderParam("kid", unknownKID))
	})
	signature("signature-absent", func(uri string) string {
		h, p, _ := segments(good(uri))
		return h + "." + p + "."
	})
	signature("signature-changed", func(uri string) string {
		h, p, _ := segments(good(uri))
		return h + "." + p + "." + b64.EncodeToString(flip(0, 1)(sigOf(good(uri))))
	})
	signature("unsigned", func(uri string) string {
		_, p, _ := segments(good(uri))
		text, _ := b64.DecodeString(p)
		return string(text)
	})
}

// listContents are no lists inside (section 4.1).
func (c *corpus) listContents() {
	bad := func(name string, bits, lst any) {
		c.status("list-"+name, "content of a list", noList, 0, func(uri string) http.HandlerFunc { return listed(c.statusList(uri, bits, lst)) })
	}
	good := packed([]byte{0})
	bad("bits-three", 3, good)
	bad("bits-zero", 0, good)
	bad("bits-string", "1", good)
	bad("bits-absent", nil, good)
	bad("lst-absent", 1, nil)
	bad("lst-empty", 1, "")
	bad("lst-number", 1, 1)
	bad("lst-padded", 1, good+"=")
	bad("lst-not-compressed", 1, "AAAA")
	bad("lst-cut", 1, packed(bytes.Repeat([]byte{1, 2, 3}, 1000))[:20])
	bad("lst-a-bomb", 1, packed(make([]byte, hugeSize)))
	c.status("list-absent", "content of a list", noList, 0, c.of(1, []byte{0}, NoClaim("status_list")))
	c.status("list-string", "content of a list", noList, 0, c.of(1, []byte{0}, Claim("status_list", "x")))
}

// listAnswers are no answers with a list.
func (c *corpus) listAnswers() {
	answer := func(name string, h func(w http.ResponseWriter, list string)) {
		c.status("list-"+name, "answer of a list server", noList, 0, func(uri string) http.HandlerFunc {
			list := c.statusList(uri, 1, packed([]byte{0}))
			return func(w http.ResponseWriter, _ *http.Request) { h(w, list) }
		})
	}
	for _, status := range []int{201, 206, 404, 500, 503} {
		answer("in-an-answer-"+http.StatusText(status), func(w http.ResponseWriter, list string) {
			w.WriteHeader(status)
			w.Write([]byte(list))
		})
	}
	answer("empty", func(http.ResponseWriter, string) {})
	answer("login-page", func(w http.ResponseWriter, _ string) { w.Write([]byte(loginPage)) })
	answer("too-long", func(w http.ResponseWriter, list string) { compress(w, list, hugeSize) })
	answer("redirected-to-another-host", func(w http.ResponseWriter, _ string) {
		w.Header().Set("Location", "http://localhost:1/lists/1")
		w.WriteHeader(307)
	})
}
