package reply

import (
	"strconv"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// Challenges are what all challenges of an API have in common.
type Challenges struct {
	Realm            string // RFC 9110 11.5; empty: none
	ResourceMetadata string // address of the metadata of RFC 9728; empty: none
}

// Text is one challenge of RFC 9110 11.6.1 with the parameters of RFC 6750 3, RFC
// 9470 3 and RFC 9728 5.1. It has no error code where a request without a token has
// done nothing wrong yet.
func (all *Challenges) Text(scheme string, ch validator.Challenge) string {
	c := challenge{separator: " "}
	c.text.WriteString(scheme)
	c.add("realm", all.Realm)
	c.add("error", ch.Code)
	c.add("error_description", ch.Description)
	c.add("scope", strings.Join(ch.Scope, " "))
	c.add("acr_values", strings.Join(ch.ACRValues, " "))
	c.add("max_age", seconds(ch.MaxAge))
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
