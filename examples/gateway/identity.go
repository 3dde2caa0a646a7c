package main

import (
	"encoding/json"
	"net/http"
	"net/textproto"
	"runtime"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/bearerguard/bearerguard/validator"
)

// identity are the headers that tell the upstream who asks.
type identity struct {
	headers []identityHeader
	claims  bool // at least one is a claim
	// made holds what was said about a token for as long as the validator keeps it.
	made sync.Map // of weak.Pointer[validator.Token] to [][]string
}

type identityHeader struct {
	name  string // in canonical form
	from  func(*validator.Token) value
	claim string // the name of the claim; empty: from says
}

// sources are what a header can hold besides a claim.
var sources = map[string]func(*validator.Token) value{
	"sub":       func(t *validator.Token) value { return textValue(t.Subject()) },
	"iss":       func(t *validator.Token) value { return textValue(t.Issuer()) },
	"client_id": func(t *validator.Token) value { return textValue(t.ClientID()) },
	"jti":       func(t *validator.Token) value { return textValue(t.ID()) },
	"scope":     func(t *validator.Token) value { return listValue(t.Scopes()) },
	"aud":       func(t *validator.Token) value { return listValue(t.Audiences()) },
}

// reserved are headers that are not for us to fill: those of the connection, of the
// message's frame, and what the proxy sets itself. "*" ends a prefix.
var reserved = []string{
	"Authorization", "Client-Cert*", "Connection", "Content-*", "Cookie", "DPoP", "Expect", "Forwarded", "Host", "Keep-Alive", "Proxy-*", "Sec-*",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "X-Forwarded-*", "X-Real-Ip",
}

// rerouting are headers by which servers and frameworks take another method or path
// than those of the request, which a route was found by and a policy checked for: a
// public path would reach a protected one (CVE-2018-14773), and a GET be a DELETE.
var rerouting = []string{
	"Path-Info", "Script-Name", "X-Http-Method*", "X-Method-Override", "X-Original-*", "X-Rewrite-*", "X-Script-Name",
}

// newIdentity reads identity_headers.
func (c *config) newIdentity() *identity {
	id := new(identity)
	named := map[string]bool{}
	for i, p := range c.IdentityHeaders {
		field := "identity_headers." + p.key
		h := identityHeader{name: textproto.CanonicalMIMEHeaderKey(p.key)}
		if claim, ok := strings.CutPrefix(p.value, "claim:"); ok {
			h.claim, id.claims = claim, true
		}
		h.from, named[p.value] = sources[p.value], true
		switch {
		case !isToken(p.key):
			c.fault(field, "is not the name of a header")
		case matchesOne(p.key, reserved), matchesOne(p.key, rerouting):
			c.fault(field, "is a header with a meaning of its own")
		case slices.ContainsFunc(c.IdentityHeaders[:i], func(other pair) bool { return same(p.key, other.key) }):
			c.fault(field, "is the same header as another one to many servers")
		case h.claim == "" && h.from == nil:
			c.fault(field, "must be sub, iss, client_id, jti, scope, aud or claim:NAME")
		case sources[h.claim] != nil:
			c.fault(field, "must be "+h.claim+", without claim:")
		}
		id.headers = append(id.headers, h)
	}
	if named["sub"] && !named["iss"] && len(c.Issuers) > 1 {
		c.fault("identity_headers", "sub without iss: with several issuers, two users may have the same sub")
	}
	return id
}

// owned are the inbound headers that an upstream could take for what we say, or that
// would have it serve another request than the one that was let through.
// Servers that hand headers on as variables write "_" for "-" and whatever else is
// no letter or digit, so that X_User_Id arrives as X-User-Id does.
func (id *identity) owned(name string) bool {
	for _, h := range id.headers {
		if same(name, h.name) {
			return true
		}
	}
	// What a proxy says about the client's certificate must not be the client's (RFC 9440
	// 2.4): the upstream may believe it of us.
	return matches(name, "X-Forwarded-*") || matches(name, "Forwarded") || matches(name, "X-Real-Ip") || matches(name, "Client-Cert*") ||
		matchesOne(name, rerouting)
}

// strip removes them.
func (id *identity) strip(header http.Header) {
	for name := range header {
		if id.owned(name) {
			delete(header, name)
		}
	}
}

// set says who asks. The headers must have been stripped.
func (id *identity) set(header http.Header, token *validator.Token) {
	for i, values := range id.of(token) {
		if values != nil {
			header[id.headers[i].name] = values
		}
	}
}

// of returns the value of each header, nil for none. It is not to be changed.
func (id *identity) of(token *validator.Token) [][]string {
	key := weak.Make(token)
	if made, ok := id.made.Load(key); ok {
		return made.([][]string)
	}
	made := id.make(token)
	if _, other := id.made.LoadOrStore(key, made); !other {
		runtime.AddCleanup(token, func(key weak.Pointer[validator.Token]) { id.made.Delete(key) }, key)
	}
	return made
}

func (id *identity) make(token *validator.Token) [][]string {
	var claims map[string]json.RawMessage
	if id.claims {
		claims, _ = validator.Claims[map[string]json.RawMessage](token) // any claims fit
	}
	made := make([][]string, len(id.headers))
	for i, h := range id.headers {
		v := value{}
		if h.from != nil {
			v = h.from(token)
		} else {
			v = claimValue(claims[h.claim])
		}
		if text := v.String(); text != "" {
			made[i] = []string{text}
		}
	}
	return made
}
