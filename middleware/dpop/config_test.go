package dpop_test

import (
	"errors"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// fields are the fields of all mistakes in err, in alphabetical order.
func fields(t *testing.T, err error) (list []string) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("not joined: %v", err)
	}
	for _, one := range joined.Unwrap() {
		var mistake *validator.ConfigError
		if !errors.As(one, &mistake) || mistake.Problem == "" {
			t.Fatalf("no ConfigError: %v", one)
		}
		list = append(list, mistake.Field)
	}
	slices.Sort(list)
	return list
}

// TestConfigMistakes: each is found, and all at once.
func TestConfigMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*dpop.Config)
		field string
	}{
		"no origin":               {origins(), "Origins"},
		"empty origin":            {origins(""), "Origins[0]"},
		"no URL":                  {origins(origin, "https://[::1"), "Origins[1]"},
		"plain http":              {origins("http://api.example.com"), "Origins[0]"},
		"loopback without a word": {origins("http://127.0.0.1:8080"), "Origins[0]"},
		"host only":               {origins("api.example.com"), "Origins[0]"},
		"path":                    {origins(origin + "/orders"), "Origins[0]"},
		"path of dots":            {origins(origin + "/x/.."), ""},
		"query":                   {origins(origin + "/?x"), "Origins[0]"},
		"empty query":             {origins(origin + "?"), "Origins[0]"},
		"fragment":                {origins(origin + "#x"), "Origins[0]"},
		"user":                    {origins("https://user@api.example.com"), "Origins[0]"},
		"wildcard":                {origins("https://*.example.com"), "Origins[0]"},
		"IDN":                     {origins("https://bücher.example"), "Origins[0]"},
		"illegal character":       {origins("https://api!example.com"), "Origins[0]"},
		"the same twice":          {origins(origin, "HTTPS://API.example.com:443/"), "Origins[1]"},
		"negative window":         {func(c *dpop.Config) { c.Window = -time.Second }, "Window"},
		"window without a unit":   {func(c *dpop.Config) { c.Window = 60 }, "Window"},
		"long window":             {func(c *dpop.Config) { c.Window = dpop.MaxWindow + 1 }, "Window"},
		"HMAC":                    {func(c *dpop.Config) { c.Algorithms = []string{"ES256", "HS256"} }, "Algorithms"},
		"none":                    {func(c *dpop.Config) { c.Algorithms = []string{"none"} }, "Algorithms"},
		"empty algorithm":         {func(c *dpop.Config) { c.Algorithms = []string{""} }, "Algorithms"},
		"everybody":               {proxies("0.0.0.0/0"), "TrustedProxies[0]"},
		"everybody in IPv6":       {proxies("10.0.0.0/8", "::/0"), "TrustedProxies[1]"},
		"IPv4 in IPv6":            {proxies("::ffff:10.0.0.0/104"), "TrustedProxies[0]"},
		"no prefix":               {func(c *dpop.Config) { c.TrustedProxies = []netip.Prefix{{}} }, "TrustedProxies[0]"},
		"no secret":               {nonces(dpop.Nonces{}), "Nonces.Secret"},
		"short secret":            {nonces(dpop.Nonces{Secret: secret(1)[1:]}), "Nonces.Secret"},
		"short previous":          {nonces(dpop.Nonces{Secret: secret(1), Previous: []byte("x")}), "Nonces.Previous"},
		"previous is the secret":  {nonces(dpop.Nonces{Secret: secret(1), Previous: secret(1)}), "Nonces.Previous"},
		"negative lifetime":       {nonces(dpop.Nonces{Secret: secret(1), Lifetime: -1}), "Nonces.Lifetime"},
		"lifetime without a unit": {nonces(dpop.Nonces{Secret: secret(1), Lifetime: 300}), "Nonces.Lifetime"},
		"long lifetime":           {nonces(dpop.Nonces{Secret: secret(1), Lifetime: dpop.MaxNonceLifetime + 1}), "Nonces.Lifetime"},
	} {
		t.Run(name, func(t *testing.T) {
			config := dpop.Config{Origins: []string{origin}}
			tc.edit(&config)
			v, err := dpop.New(config)
			if tc.field == "" {
				assert.NoError(t, err)
				return
			}
			assert.Nil(t, v)
			assert.Equal(t, []string{tc.field}, fields(t, err))
		})
	}
	_, err := dpop.New(dpop.Config{Origins: []string{"x", "y"}, Window: -1, Algorithms: []string{"x"}, Nonces: &dpop.Nonces{}})
	assert.Equal(t, []string{"Algorithms", "Nonces.Secret", "Origins[0]", "Origins[1]", "Window"}, fields(t, err))
	_, err = dpop.NewMemory(dpop.MemoryConfig{Capacity: -1, PerKey: -1})
	assert.Equal(t, []string{"Capacity", "PerKey"}, fields(t, err))
}

// TestInsecureOrigin: plain http on loopback, by name only.
func TestInsecureOrigin(t *testing.T) {
	a := newAPI(t, "ES256")
	v := a.verifier(t, origins("http://127.0.0.1:8080"), func(c *dpop.Config) { c.InsecureAllowHTTP = true })
	proof := func(address string) error {
		return a.decide(t, v.Proof(dpop.Request{Method: "GET", URL: "/x", Scheme: validator.SchemeDPoP,
			Proofs: []string{a.key.Proof("GET", address, a.token)}}), a.token)
	}
	assert.NoError(t, proof("http://127.0.0.1:8080/x"))
	invalid(t, proof("https://127.0.0.1:8080/x"), validator.ReasonProofURI)
	invalid(t, proof("http://127.0.0.1/x"), validator.ReasonProofURI)
	_, err := dpop.New(dpop.Config{Origins: []string{"http://api.example.com"}, InsecureAllowHTTP: true})
	assert.Equal(t, []string{"Origins[0]"}, fields(t, err))
	_, err = dpop.New(dpop.Config{Origins: []string{"http://127.0.0.1:80", "http://127.0.0.1"}, InsecureAllowHTTP: true})
	assert.Equal(t, []string{"Origins[1]"}, fields(t, err))
}

// TestConfigIsCopied: what is changed afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	a := newAPI(t, "ES256")
	config := dpop.Config{Origins: []string{origin, "https://eu.example.com"}, Algorithms: []string{"ES256"}, Clock: a.clock.Now}
	proxies("10.0.0.0/8")(&config)
	v, err := dpop.New(config)
	assert.NoError(t, err)
	config.Origins[0], config.Algorithms[0], config.TrustedProxies[0] = "https://evil.example", "none", netip.MustParsePrefix("11.0.0.0/8")
	assert.NoError(t, a.present(t, v, a.proof()))
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-Host", "api.example.com")
	a.asks(t, v, r, address, true)
	assert.Equal(t, []string{origin, "https://eu.example.com"}, v.Origins())
	v.Origins()[0] = "https://evil.example"
	a.asks(t, v, r, address, true)
	assert.Equal(t, []string{"https://api.example.com"}, a.verifier(t, origins("HTTPS://API.example.com:443/")).Origins())
}
