package reply

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// Challenges are what all challenges of an API have in common.
type Challenges struct {
	Realm            string   // RFC 9110 11.5; empty: none
	ResourceMetadata string   // address of the metadata of RFC 9728; empty: none
	DPoP             []string // algorithms of DPoP proofs; none: no DPoP
}

// Values are the values of WWW-Authenticate beside an HTTP status: one of each scheme
// that a token may be presented by. The error belongs to the scheme that was used, which
// comes first, for there are clients that read no further; where none was, or it is not
// known, every challenge has it (RFC 9449 7.2). A token that was good enough to be told
// what it lacks (403), or that came with a malformed request (400), needs no other scheme.
func (all *Challenges) Values(status int, ch validator.Challenge) []string {
	if len(all.DPoP) == 0 {
		return []string{all.text(validator.SchemeBearer, ch)}
	}
	used, other := validator.SchemeBearer, validator.SchemeDPoP
	if ch.Scheme == validator.SchemeDPoP {
		used, other = other, used
	}
	list := []string{all.text(used, ch)}
	switch {
	case ch.Scheme == "":
		list = append(list, all.text(other, ch))
	case status == http.StatusUnauthorized:
		list = append(list, all.text(other, validator.Challenge{}))
	}
	return list
}

// text is one challenge of RFC 9110 11.6.1 with the parameters of RFC 6750 3, RFC
// 9449 7.1, RFC 9470 3 and RFC 9728 5.1. It has no error code where a request without a
// token has done nothing wrong yet.
func (all *Challenges) text(scheme validator.Scheme, ch validator.Challenge) string {
	c := challenge{separator: " "}
	c.text.WriteString(string(scheme))
	c.add("realm", all.Realm)
	c.add("error", ch.Code)
	c.add("error_description", ch.Description)
	c.add("scope", strings.Join(ch.Scope, " "))
	c.add("acr_values", strings.Join(ch.ACRValues, " "))
	c.add("max_age", seconds(ch.MaxAge))
	if scheme == validator.SchemeDPoP {
		c.add("algs", strings.Join(all.DPoP, " "))
	}
	c.add("resource_metadata", all.ResourceMetadata)
	return c.text.String()
}

// challenge is a challenge in the making.
type challenge struct {
	text      strings.Builder
	separator string
}

// add adds a parameter as a quoted-string (RFC 9110 5.6.4), unless there is nothing
// to say, or it cannot be said in one.
func (c *challenge) add(name, value string) {
	if value == "" || !Printable(value) {
		return
	}
	c.text.WriteString(c.separator)
	c.separator = ", "
	c.text.WriteString(name)
	c.text.WriteString(`="`)
	_, _ = quoted.WriteString(&c.text, value)
	c.text.WriteByte('"')
}

// seconds is max_age (RFC 9470 3), rounded down: less is what also satisfies the
// policy. Empty: there is none.
func seconds(age time.Duration) string {
	if age <= 0 {
		return ""
	}
	return strconv.FormatInt(int64(age/time.Second), 10)
}

// quoted escapes what a quoted-string cannot hold as it is (RFC 9110 5.6.4).
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
