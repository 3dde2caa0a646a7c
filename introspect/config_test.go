package introspect_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/introspect"
)

func httpsOnly(u *url.URL) error { return remote.CheckURL(u, false) }

// fields are those of the mistakes, in their order.
func fields(t *testing.T, config introspect.Config, client *http.Client) (names []string) {
	t.Helper()
	for _, mistake := range config.Check(httpsOnly, client) {
		assert.NotEmpty(t, mistake.Problem)
		names = append(names, mistake.Field)
	}
	return names
}

func noKey(context.Context) (introspect.SigningKey, error) { return introspect.SigningKey{}, nil }
func noCertificate(context.Context) (*tls.Certificate, error) {
	return nil, errors.New("there is none")
}

func TestEachMistakeIsReportedWithItsField(t *testing.T) {
	type config = introspect.Config
	for name, test := range map[string]struct {
		edit func(*config)
		want []string
	}{
		"the least":      {func(*config) {}, nil},
		"an endpoint":    {func(c *config) { c.Endpoint = "https://as.example/introspect" }, nil},
		"no URL":         {func(c *config) { c.Endpoint = "https://[" }, []string{"Endpoint"}},
		"http":           {func(c *config) { c.Endpoint = "http://as.example/introspect" }, []string{"Endpoint"}},
		"relative":       {func(c *config) { c.Endpoint = "/introspect" }, []string{"Endpoint"}},
		"hosts":          {func(c *config) { c.Hosts = []string{"a.example", "B.example:8443", "127.0.0.1", "[::1]", "[::1]:1"} }, nil},
		"hosts, not all": {func(c *config) { c.Hosts = []string{"a.example", "", "b.example/", "c.example"} }, []string{"Hosts", "Hosts"}},
		"hosts and an endpoint": {func(c *config) {
			c.Endpoint, c.Hosts = "https://as.example/introspect", []string{"a.example"}
		}, []string{"Hosts"}},

		"no auth":               {func(c *config) { c.Auth = introspect.Auth{} }, []string{"Auth"}},
		"basic, no id":          {func(c *config) { c.Auth = introspect.ClientSecretBasic("", static("a")) }, []string{"Auth"}},
		"basic, no secret":      {func(c *config) { c.Auth = introspect.ClientSecretBasic("a", introspect.Secret{}) }, []string{"Auth"}},
		"basic, empty secret":   {func(c *config) { c.Auth = introspect.ClientSecretBasic("a", static("")) }, []string{"Auth"}},
		"basic, nil func":       {func(c *config) { c.Auth = introspect.ClientSecretBasic("a", introspect.SecretFunc(nil)) }, []string{"Auth"}},
		"post, no id":           {func(c *config) { c.Auth = introspect.ClientSecretPost("", static("a")) }, []string{"Auth"}},
		"post, no secret":       {func(c *config) { c.Auth = introspect.ClientSecretPost("a", static("")) }, []string{"Auth"}},
		"post":                  {func(c *config) { c.Auth = introspect.ClientSecretPost("a", static("a")) }, nil},
		"bearer":                {func(c *config) { c.Auth = introspect.BearerToken(static("a")) }, nil},
		"bearer, no token":      {func(c *config) { c.Auth = introspect.BearerToken(static("")) }, []string{"Auth"}},
		"key":                   {func(c *config) { c.Auth = introspect.PrivateKeyJWT("a", noKey) }, nil},
		"key, no id":            {func(c *config) { c.Auth = introspect.PrivateKeyJWT("", noKey) }, []string{"Auth"}},
		"key, none":             {func(c *config) { c.Auth = introspect.PrivateKeyJWT("a", nil) }, []string{"Auth"}},
		"certificate":           {func(c *config) { c.Auth = introspect.TLSClientAuth("a", noCertificate) }, nil},
		"certificate, no id":    {func(c *config) { c.Auth = introspect.TLSClientAuth("", noCertificate) }, []string{"Auth"}},
		"certificate, none":     {func(c *config) { c.Auth = introspect.TLSClientAuth("a", nil) }, []string{"Auth"}},
		"neither id nor secret": {func(c *config) { c.Auth = introspect.ClientSecretBasic("", static("")) }, []string{"Auth"}},

		"signed":                {func(c *config) { c.Signed = true }, nil},
		"signed for others":     {func(c *config) { c.Signed, c.SignedAudiences = true, []string{"a", "b"} }, nil},
		"signed for none":       {func(c *config) { c.Signed, c.SignedAudiences = true, []string{"a", ""} }, []string{"SignedAudiences"}},
		"audiences, not signed": {func(c *config) { c.SignedAudiences = []string{"a"} }, []string{"SignedAudiences"}},
		"bearer, signed":        {func(c *config) { c.Auth, c.Signed = introspect.BearerToken(static("a")), true }, []string{"SignedAudiences"}},
		"bearer, signed for one": {func(c *config) {
			c.Auth, c.Signed, c.SignedAudiences = introspect.BearerToken(static("a")), true, []string{"a"}
		}, nil},

		"a format":              {func(c *config) { c.Format = introspect.Format{Prefix: "ory_at_", MinLength: 7, MaxLength: 7} }, nil},
		"prefix of no token":    {func(c *config) { c.Format.Prefix = "a b" }, []string{"Format"}},
		"min below 0":           {func(c *config) { c.Format.MinLength = -1 }, []string{"Format"}},
		"max below 0":           {func(c *config) { c.Format.MaxLength = -1 }, []string{"Format"}},
		"max below min":         {func(c *config) { c.Format.MinLength, c.Format.MaxLength = 5, 4 }, []string{"Format"}},
		"max one below min":     {func(c *config) { c.Format.MinLength, c.Format.MaxLength = 2, 1 }, []string{"Format"}},
		"max below prefix":      {func(c *config) { c.Format.Prefix, c.Format.MaxLength = "ory_at_", 6 }, []string{"Format"}},
		"min alone":             {func(c *config) { c.Format.MinLength = 5 }, nil},
		"max is min":            {func(c *config) { c.Format.MinLength, c.Format.MaxLength = 5, 5 }, nil},
		"in flight below 0":     {func(c *config) { c.MaxInFlight = -1 }, []string{"MaxInFlight"}},
		"waiting below 0":       {func(c *config) { c.MaxWaiting = -1 }, []string{"MaxInFlight"}},
		"bounds":                {func(c *config) { c.MaxInFlight, c.MaxWaiting = 1, 1 }, nil},
		"timeout below 0":       {func(c *config) { c.Timeout = -time.Second }, []string{"Timeout"}},
		"timeout without unit":  {func(c *config) { c.Timeout = 5 }, []string{"Timeout"}},
		"timeout a bit short":   {func(c *config) { c.Timeout = time.Millisecond - 1 }, []string{"Timeout"}},
		"timeout a bit long":    {func(c *config) { c.Timeout = introspect.MaxTimeout + 1 }, []string{"Timeout"}},
		"timeout at its least":  {func(c *config) { c.Timeout = time.Millisecond }, nil},
		"timeout at its most":   {func(c *config) { c.Timeout = introspect.MaxTimeout }, nil},
		"timeout of no use yet": {func(c *config) { c.Timeout = 1 }, []string{"Timeout"}},
		"all of it": {func(c *config) {
			*c = config{Endpoint: "http://a", Hosts: []string{"a"}, SignedAudiences: []string{""}, Format: introspect.Format{MinLength: -1}, MaxWaiting: -1, Timeout: 1}
		}, []string{"Endpoint", "Hosts", "Auth", "SignedAudiences", "SignedAudiences", "Format", "MaxInFlight", "Timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config{Auth: basic}
			test.edit(&c)
			assert.Equal(t, test.want, fields(t, c, nil))

			verify := func(context.Context, string, []string, time.Time) (string, error) { return "", nil }
			_, err := introspect.New(introspect.Server{Issuer: issuer, Verify: verify}, c)
			assert.Equal(t, test.want != nil, err != nil, "New refuses the same")
		})
	}
}

func TestHostsAreHosts(t *testing.T) {
	for _, host := range []string{
		"", "https://a.example", "//a.example", "a.example/", "a.example/b", "user@a.example", ":443", "a.example:b", "a b",
		"*.example", "*", "a.example?b", "a.example#b", "[::1", "a%zz",
	} {
		t.Run(host, func(t *testing.T) {
			assert.Equal(t, []string{"Hosts"}, fields(t, introspect.Config{Auth: basic, Hosts: []string{host}}, nil))
		})
	}
}

// A RoundTripper that is no *http.Transport cannot be told which certificate to
// show.
func TestTLSClientAuthNeedsATransportThatCanShowACertificate(t *testing.T) {
	custom := &http.Client{Transport: replying(with(200, yes))}
	config := introspect.Config{Auth: introspect.TLSClientAuth("a", noCertificate)}
	assert.Equal(t, []string{"Auth"}, fields(t, config, custom))
	_, err := introspect.New(introspect.Server{Issuer: issuer, HTTPClient: custom}, config)
	assert.NotNil(t, err)

	assert.Empty(t, fields(t, config, &http.Client{Transport: &http.Transport{}}))
	assert.Empty(t, fields(t, introspect.Config{Auth: basic}, custom))
}

func TestSignedAnswersNeedAVerify(t *testing.T) {
	_, err := introspect.New(introspect.Server{Issuer: issuer}, introspect.Config{Auth: basic, Signed: true})
	assert.NotNil(t, err)
	_, err = introspect.New(introspect.Server{Issuer: issuer}, introspect.Config{Auth: basic})
	assert.NoError(t, err)
}

func TestNewAsksNothing(t *testing.T) {
	n := replying(with(200, yes))
	newClient(t, n, discovering)
	newClient(t, n)
	assert.Zero(t, n.count())
}

func TestFormat(t *testing.T) {
	even := func(token string) bool { return len(token)%2 == 0 }
	for name, test := range map[string]struct {
		format     introspect.Format
		fit, unfit []string
	}{
		"any":        {introspect.Format{}, []string{"", "a", odd, strings.Repeat("a", 10_000)}, nil},
		"prefix":     {introspect.Format{Prefix: "at_"}, []string{"at_", "at_1"}, []string{"", "at", "AT_1", "xat_1", "a"}},
		"min":        {introspect.Format{MinLength: 3}, []string{"abc", "abcd"}, []string{"", "ab"}},
		"max":        {introspect.Format{MaxLength: 3}, []string{"", "abc"}, []string{"abcd"}},
		"both":       {introspect.Format{MinLength: 2, MaxLength: 3}, []string{"ab", "abc"}, []string{"a", "abcd"}},
		"check":      {introspect.Format{Check: even}, []string{"", "ab"}, []string{"a"}},
		"everything": {introspect.Format{"at_", 4, 6, even}, []string{"at_1", "at_123"}, []string{"at_12", "bt_1", "at_12345", "12"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, fields(t, introspect.Config{Auth: basic, Format: test.format}, nil))
			c := newClient(t, replying(with(200, yes)), func(s *setup) { s.Format = test.format })
			for _, token := range test.fit {
				assert.True(t, c.Fits(token), token)
			}
			for _, token := range test.unfit {
				assert.False(t, c.Fits(token), token)
			}
		})
	}
}

// What does not look like a token needs no checksum.
func TestFormatChecksOnlyWhatLooksLikeAToken(t *testing.T) {
	checked := ""
	f := introspect.Format{Prefix: "at_", MinLength: 4, MaxLength: 4, Check: func(token string) bool {
		checked += token
		return true
	}}
	for _, token := range []string{"bt_1", "at_", "at_12", "at_1"} {
		f.Fits(token)
	}
	assert.Equal(t, "at_1", checked)
}
