package introspect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

// oauthError is the body of a refusal (RFC 6749 5.2).
func oauthError(code string) string { return fmt.Sprintf(`{"error":%q,"error_description":"x"}`, code) }

func TestStatuses(t *testing.T) {
	const denied, unsupported, unavailable = introspect.Denied, introspect.Unsupported, introspect.Unavailable
	for _, test := range []struct {
		status int
		body   string
		want   introspect.Kind
	}{
		{401, ``, denied}, {403, ``, denied}, {401, yes, denied}, {403, `<html>`, denied},
		{401, oauthError("unsupported_token_type"), denied},
		{400, oauthError("invalid_client"), denied}, {400, oauthError("unauthorized_client"), denied},
		{400, oauthError("unsupported_token_type"), unsupported},

		{400, ``, unavailable}, {400, `{}`, unavailable}, {400, yes, unavailable}, {400, `[]`, unavailable},
		{400, oauthError("invalid_request"), unavailable}, {400, oauthError("invalid_token"), unavailable},
		{400, oauthError("Invalid_Client"), unavailable}, {400, `{"Error":"invalid_client"}`, unavailable},
		{400, `{"error":{"a":"invalid_client"}}`, unavailable}, {400, `{"error":"invalid_client"}x`, unavailable},
		{400, `{"error":"invalid_client","error":"x"}`, unavailable},
		{400, oauthError("invalid_client") + strings.Repeat(" ", remote.MaxReply), unavailable}, // too long to be read

		{404, oauthError("invalid_client"), unavailable}, {404, oauthError("unsupported_token_type"), unavailable},
		{402, oauthError("unauthorized_client"), unavailable}, {405, ``, unavailable}, {406, ``, unavailable},
		{409, ``, unavailable}, {410, ``, unavailable}, {415, ``, unavailable}, {422, yes, unavailable},
		{429, oauthError("invalid_client"), unavailable}, {429, oauthError("unsupported_token_type"), unavailable},
		{500, oauthError("invalid_client"), unavailable}, {500, yes, unavailable}, {501, ``, unavailable},
		{502, ``, unavailable}, {503, yes, unavailable}, {504, ``, unavailable}, {599, ``, unavailable},

		{201, yes, unavailable}, {202, yes, unavailable}, {203, yes, unavailable}, {204, ``, unavailable},
		{206, yes, unavailable}, {299, yes, unavailable}, {300, yes, unavailable}, {302, yes, unavailable}, {304, ``, unavailable},
	} {
		t.Run(fmt.Sprintf("%d %.40s", test.status, test.body), func(t *testing.T) {
			n := replying(with(test.status, test.body))
			assert.Zero(t, fails(t, newClient(t, n), test.want).RetryAfter)
			assert.Equal(t, 1, n.count())
		})
	}
}

func TestRetryAfterOfTheServerIsPassedOnUpToAMinute(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"60":                            time.Minute,
		"61":                            time.Minute,
		"99999999999999999999":          time.Minute,
		"-1":                            0,
		"soon":                          0,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 09:04:35 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:04:04 GMT": 0,
	} {
		// By the server's own clock, however late it is.
		header := []string{"Retry-After", value, "Date", "Fri, 02 Jan 2026 03:04:05 GMT"}
		for _, status := range []int{429, 500, 503} {
			c := newClient(t, replying(with(status, "", header...)))
			assert.Equal(t, want, fails(t, c, introspect.Unavailable).RetryAfter, "%d %q", status, value)
		}
		// Elsewhere it is not about a server in trouble.
		for status, kind := range map[int]introspect.Kind{
			302: introspect.Unavailable, 404: introspect.Unavailable, 401: introspect.Denied, 499: introspect.Unavailable,
		} {
			assert.Zero(t, fails(t, newClient(t, replying(with(status, "", header...))), kind).RetryAfter)
		}
	}
}

// Whose fault they are is not known: that of the token, our own or the server's.
func TestOtherStatusesDoNotCountAgainstTheServer(t *testing.T) {
	for status, want := range map[int]introspect.Kind{
		204: introspect.Unavailable, 302: introspect.Unavailable, 400: introspect.Unavailable, 401: introspect.Denied,
		403: introspect.Denied, 404: introspect.Unavailable, 410: introspect.Unavailable, 422: introspect.Unavailable,
		428: introspect.Unavailable, 430: introspect.Unavailable, 499: introspect.Unavailable,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			neverSuspends(t, newClient(t, replying(with(status, "", "Retry-After", "7"))), want)
		})
	}
	for _, code := range []string{"invalid_client", "unauthorized_client"} {
		neverSuspends(t, newClient(t, replying(with(400, oauthError(code)))), introspect.Denied)
	}
	neverSuspends(t, newClient(t, replying(with(400, oauthError("unsupported_token_type")))), introspect.Unsupported)
}
