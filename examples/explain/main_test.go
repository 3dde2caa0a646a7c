package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what became of a run.
type result struct {
	code        int
	out, stderr string
}

func try(t *testing.T, stdin string, colorful bool, args ...string) result {
	t.Helper()
	var out, stderr bytes.Buffer
	code := run(t.Context(), args, terminal{Reader: strings.NewReader(stdin)}, &out, colorful, &stderr)
	return result{code, out.String(), stderr.String()}
}

func serve(t *testing.T) *validatortest.Server {
	t.Helper()
	as, err := validatortest.Start(validatortest.Options{Audience: "api://orders"})
	require.NoError(t, err)
	t.Cleanup(as.Close)
	return as
}

// call are the arguments that accept the good tokens of a server.
func call(as *validatortest.Server, more ...string) []string {
	return append([]string{"-issuer", as.Issuer(), "-audience", "api://orders", "-client", validatortest.DefaultClientID,
		"-profile", "rfc9068", "-insecure-allow-http"}, more...)
}

// secret are claims that nobody asked to see.
var secret = []validatortest.Edit{
	validatortest.Subject("jane.doe@example.com"), validatortest.Claim("jti", "jti-0123456789"), validatortest.Claim("email", "jane.doe@example.com"),
}

// TestRun: the exit code and the reason of each outcome; and the token is in no output,
// nor a part of it, encoded or decoded, nor whom it is about.
func TestRun(t *testing.T) {
	as := serve(t)
	mint := func(edits ...validatortest.Edit) string { return as.AccessToken(append(edits, secret...)...) }
	past := validatortest.Expiry(time.Now().Add(-time.Hour))
	good, old, other := mint(), mint(past, validatortest.Audience("api://invoices")), mint(validatortest.Claim("iss", as.Issuer()+"/"))
	unlisted := as.MintWith(as.Prepare("ES256"), secret...)
	tampered := good[:len(good)-8] + "AAAAAAAA"
	for name, tc := range map[string]struct {
		stdin, raw string
		more       []string
		code       int
		reason     validator.Reason
	}{
		"good":              {good, good, nil, accepted, ""},
		"a line end":        {good + "\r\n", good, nil, accepted, ""},
		"scheme":            {"Bearer " + good, good, nil, accepted, ""},
		"header":            {"authorization:  bearer " + good + "\n", good, nil, accepted, ""},
		"scopes":            {good, good, []string{"-scope", "read write"}, accepted, ""},
		"scope":             {good, good, []string{"-scope", "read", "-scope", "root"}, refused, validator.ReasonInsufficientScope},
		"expired":           {old, old, nil, refused, validator.ReasonExpired},
		"a slash":           {other, other, nil, refused, validator.ReasonUnknownIssuer},
		"tampered":          {tampered, tampered, nil, refused, validator.ReasonBadSignature},
		"quoted":            {`"` + good + `"`, good, nil, refused, validator.ReasonTokenAlphabet},
		"opaque":            {"an-opaque-token-0123456789", "an-opaque-token-0123456789", nil, refused, validator.ReasonNotJWT},
		"unlisted key":      {unlisted, unlisted, nil, refused, validator.ReasonUnknownKey},
		"another profile":   {good, good, []string{"-profile", "okta"}, misused, ""}, // not under /oauth2/
		"any client too":    {good, good, []string{"-any-client"}, misused, ""},
		"no such profile":   {good, good, []string{"-profile", "nobody"}, misused, ""},
		"no such colour":    {good, good, []string{"-color", "blue"}, misused, ""},
		"an argument":       {"", good, []string{good}, misused, ""},
		"no such flag":      {good, good, []string{"-token"}, misused, ""},
		"nothing":           {"", good, nil, misused, ""},
		"blank":             {" \n", good, nil, misused, ""},
		"two lines":         {good + "\n" + good, good, nil, misused, ""},
		"two parts":         {"Bearer " + good + " x", good, nil, misused, ""},
		"another scheme":    {"Basic " + good, good, nil, misused, ""},
		"too long":          {strings.Repeat(good, 100), good, nil, misused, ""},
		"keys at a bad URL": {good, good, []string{"-jwks", as.Issuer() + "/nowhere"}, undecided, validator.ReasonKeysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			text := try(t, tc.stdin, false, call(as, tc.more...)...)
			asJSON := try(t, tc.stdin, false, call(as, append([]string{"-json"}, tc.more...)...)...)
			assert.Equal(t, tc.code, text.code, text.stderr)
			assert.Equal(t, tc.code, asJSON.code)
			silent(t, tc.raw, text, asJSON)
			if tc.code == misused {
				assert.Empty(t, text.out+asJSON.out)
				assert.NotEmpty(t, text.stderr)
				return
			}
			var x validator.Explanation
			require.NoError(t, json.Unmarshal([]byte(asJSON.out), &x))
			assert.Equal(t, tc.reason, x.Reason)
			assert.Contains(t, text.out, string(tc.reason))
			assert.Contains(t, text.out, x.Advice)
		})
	}
}

// silent asserts that the token is nowhere in the outputs.
func silent(t *testing.T, raw string, results ...result) {
	t.Helper()
	parts := strings.Split(raw, ".")
	pieces := append([]string{raw, "jane.doe", "jti-0123456789"}, parts...)
	for _, part := range parts {
		if decoded, err := base64.RawURLEncoding.DecodeString(part); err == nil {
			pieces = append(pieces, string(decoded), base64.StdEncoding.EncodeToString(decoded))
		}
		pieces = append(pieces, part[:10], part[len(part)-10:])
	}
	for _, r := range results {
		for _, piece := range pieces {
			assert.NotContains(t, r.out, piece)
			assert.NotContains(t, r.stderr, piece)
		}
	}
}

// TestNotes: what was taken away from the token is said.
func TestNotes(t *testing.T) {
	as := serve(t)
	raw := as.AccessToken()
	assert.Empty(t, try(t, raw, false, call(as)...).stderr)
	assert.Contains(t, try(t, "Bearer "+raw, false, call(as)...).stderr, "scheme")
	assert.Contains(t, try(t, "Authorization: Bearer "+raw, false, call(as)...).stderr, "Authorization header")

	var out, stderr bytes.Buffer
	require.Equal(t, accepted, run(t.Context(), call(as), terminal{strings.NewReader(raw), true}, &out, false, &stderr))
	assert.Contains(t, stderr.String(), "Paste the token")
}

// TestColor: on a terminal, unless somebody objects; never in JSON.
func TestColor(t *testing.T) {
	as := serve(t)
	raw := as.AccessToken(validatortest.Audience("api://invoices"))
	for _, tc := range []struct {
		terminal bool
		noColor  string
		args     []string
		want     bool
	}{
		{true, "", nil, true}, {false, "", nil, false}, {true, "1", nil, false},
		{false, "1", []string{"-color", "always"}, true}, {true, "", []string{"-color", "never"}, false},
		{true, "", []string{"-color", "always", "-json"}, false},
	} {
		t.Setenv("NO_COLOR", tc.noColor)
		got := try(t, raw, tc.terminal, call(as, tc.args...)...)
		assert.Equal(t, refused, got.code)
		assert.Equal(t, tc.want, strings.Contains(got.out, "\x1b["), "%+v", tc)
		if tc.want {
			for _, word := range []string{red + "REFUSED", red + "FAILED" + plain + "       aud", green + "passed", dim + "not reached", yellow + "not verified"} {
				assert.Contains(t, got.out, word)
			}
		}
	}
}

// TestUndecided: while the server is down, nothing is decided.
func TestUndecided(t *testing.T) {
	as := serve(t)
	raw := as.AccessToken()
	as.SetMode(validatortest.ModeDown)
	got := try(t, raw, false, call(as)...)
	assert.Equal(t, undecided, got.code)
	assert.True(t, strings.HasPrefix(got.out, "UNDECIDED: keys_unavailable"), got.out)
}

// TestProfiles: every profile of the command line accepts the tokens of its server.
func TestProfiles(t *testing.T) {
	for name, style := range map[string]validatortest.Options{
		"generic": {Style: validatortest.StyleGeneric}, "rfc9068": {Style: validatortest.StyleRFC9068},
		"okta":  {Style: validatortest.StyleOkta, Path: "/oauth2/default", Algorithm: "RS256"},
		"auth0": {Style: validatortest.StyleAuth0, Algorithm: "RS256"}, "keycloak": {Style: validatortest.StyleKeycloak},
		"entra-v1": {Style: validatortest.StyleEntraV1, Algorithm: "RS256", Path: "/{tenantid}/"},
		"entra-v2": {Style: validatortest.StyleEntraV2, Algorithm: "RS256"},
		"cognito":  {Style: validatortest.StyleCognito, Algorithm: "RS256"}, "hydra": {Style: validatortest.StyleHydra, Algorithm: "RS256"},
	} {
		t.Run(name, func(t *testing.T) {
			as, err := validatortest.Start(style)
			require.NoError(t, err)
			defer as.Close()
			got := try(t, as.AccessToken(), false, "-issuer", as.Issuer(), "-insecure-allow-http", "-profile", name,
				"-audience", "api://default", "-audience", validatortest.DefaultClientID, "-any-client")
			assert.Equal(t, accepted, got.code, got.out+got.stderr)
		})
	}
	assert.Len(t, profiles, 9)
}

// TestHelp: the exit codes are told.
func TestHelp(t *testing.T) {
	got := try(t, "", false, "-help")
	assert.Equal(t, accepted, got.code)
	assert.Contains(t, got.stderr, "exit codes: 0 accepted, 1 refused, 2 wrong call, 3 undecided")
	assert.Contains(t, got.stderr, "-insecure-allow-http")
}
