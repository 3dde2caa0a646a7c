package middleware

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// challenges are the values of WWW-Authenticate: one of each scheme that a token may be
// presented by. The error belongs to the scheme that was used, which comes first, for
// there are clients that read no further; where none was, or it is not known, every
// challenge has it (RFC 9449 7.2). A token that was good enough to be told what it lacks
// (403), or that came with a malformed request (400), needs no other scheme.
func (a *answers) challenges(status int, ch validator.Challenge) []string {
	if len(a.algorithms) == 0 {
		return []string{a.challenge(validator.SchemeBearer, ch)}
	}
	used, other := validator.SchemeBearer, validator.SchemeDPoP
	if ch.Scheme == validator.SchemeDPoP {
		used, other = other, used
	}
	list := []string{a.challenge(used, ch)}
	switch {
	case ch.Scheme == "":
		list = append(list, a.challenge(other, ch))
	case status == http.StatusUnauthorized:
		list = append(list, a.challenge(other, validator.Challenge{}))
	}
	return list
}

// challenge is one challenge of RFC 9110 11.6.1 with the parameters of RFC 6750 3,
// RFC 9449 7.1, RFC 9470 3 and RFC 9728 5.1. It has no error code where a request
// without a token has done nothing wrong yet.
func (a *answers) challenge(scheme validator.Scheme, ch validator.Challenge) string {
	c := challenge{separator: " "}
	c.text.WriteString(string(scheme))
	c.add("realm", a.realm)
	c.add("error", ch.Code)
	c.add("error_description", ch.Description)
	c.add("scope", strings.Join(ch.Scope, " "))
	c.add("acr_values", strings.Join(ch.ACRValues, " "))
	c.add("max_age", seconds(ch.MaxAge))
	if scheme == validator.SchemeDPoP {
		c.add("algs", strings.Join(a.algorithms, " "))
	}
	c.add("resource_metadata", a.metadata)
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
	if value == "" || !printable(value) {
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

// printable reports whether text can stand in a quoted-string.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
