package mtls_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

// TestWhoIsAProxy: for every address a header with one certificate, over a
// connection with another; a token for each tells which of them counts.
func TestWhoIsAProxy(t *testing.T) {
	tr := newTrust(t)
	inHeader, ofConnection := certificate(t), certificate(t)
	v := verifier(t, "192.0.2.0/28", "198.51.100.7/32", "2001:db8::/64", "8000::/1")
	const header, connection, nothing = "header", "connection", "nothing"
	for remoteAddr, counts := range map[string]string{
		"192.0.2.1:4711":             header,
		"192.0.2.15:1":               header,
		"192.0.2.16:1":               connection,
		"198.51.100.7:1":             header,
		"198.51.100.8:1":             connection,
		"[::ffff:192.0.2.1]:1":       header, // the same host
		"[::ffff:192.0.2.16]:1":      connection,
		"[::192.0.2.1]:1":            connection, // another one
		"[2001:db8::1]:1":            header,
		"[2001:db8:0:0::1]:1":        header,
		"[2001:db8:0:1::1]:1":        connection,
		"[2001:db8::1%eth0]:1":       header,
		"[fe80::1%eth0]:1":           header, // in 8000::/1 whatever the interface
		"[fe80::1]:1":                header,
		"[::1]:1":                    connection,
		"127.0.0.1:1":                connection,
		"192.0.2.1":                  nothing, // as from X-Forwarded-For
		"2001:db8::1":                nothing,
		"[2001:db8::1]":              nothing,
		"203.0.113.1":                nothing,
		"":                           nothing,
		"@":                          nothing, // a Unix socket
		"192.0.2.1:http":             nothing,
		"192.0.2.1:1, 203.0.113.1:1": nothing,
		" 192.0.2.1:1":               nothing,
		"192.0.2.01:1":               nothing,
		"proxy.example:1":            nothing,
		"[2001:db8::1]:1:1":          nothing,
		"192.0.2.1:99999":            nothing,
		"unknown":                    nothing,
	} {
		t.Run(remoteAddr, func(t *testing.T) {
			r := over(request(remoteAddr, field(inHeader.Certificate[0])), ofConnection)
			byHeader, byConnection := validator.ReasonProofMismatch, validator.ReasonProofMismatch
			switch counts {
			case header:
				byHeader = ""
			case connection:
				byConnection = ""
			case nothing:
				byHeader, byConnection = validator.ReasonProofMissing, validator.ReasonProofMissing
			}
			tr.decide(t, tr.boundTo(inHeader.Certificate[0]), v.Request(r), byHeader)
			tr.decide(t, tr.boundTo(ofConnection.Certificate[0]), v.Request(r), byConnection)

			// Without a header, the certificate of a proxy's connection is still not the
			// client's; a header that is none does not hide a client's own.
			delete(r.Header, "Client-Cert")
			alone := byConnection
			if counts == header {
				alone = validator.ReasonProofMissing
			}
			tr.decide(t, tr.boundTo(ofConnection.Certificate[0]), v.Request(r), alone)
			r.Header["Client-Cert"] = []string{"nonsense", "twice"}
			if counts == header {
				alone = validator.ReasonProofInvalid
			}
			tr.decide(t, tr.boundTo(ofConnection.Certificate[0]), v.Request(r), alone)
		})
	}
}

// TestNoProxies: a header proves nothing, whoever sends it and however often, and
// RemoteAddr does not matter.
func TestNoProxies(t *testing.T) {
	tr, v := newTrust(t), verifier(t)
	own, other := certificate(t), certificate(t)
	raw := tr.boundTo(own.Certificate[0])
	for _, remoteAddr := range []string{"192.0.2.1:1", "127.0.0.1:1", "@", ""} {
		tr.decide(t, raw, v.Request(request(remoteAddr, field(own.Certificate[0]))), validator.ReasonProofMissing)
		tr.decide(t, raw, v.Request(over(request(remoteAddr, field(own.Certificate[0])), other)), validator.ReasonProofMismatch)
		tr.decide(t, raw, v.Request(over(request(remoteAddr, field(other.Certificate[0]), "x"), own)), "")
	}
}

// TestMistakes: every one of them is told.
func TestMistakes(t *testing.T) {
	prefix := netip.MustParsePrefix
	for name, tc := range map[string]struct {
		prefixes []netip.Prefix
		fields   []string
	}{
		"none":           {},
		"good":           {prefixes: []netip.Prefix{prefix("192.0.2.1/32"), prefix("10.0.0.0/8"), prefix("2001:db8::/32"), prefix("169.254.0.0/16")}},
		"zero":           {prefixes: []netip.Prefix{{}}, fields: []string{"TrustedProxies[0]"}},
		"everybody":      {prefixes: []netip.Prefix{prefix("0.0.0.0/0"), prefix("::/0")}, fields: []string{"TrustedProxies[0]", "TrustedProxies[1]"}},
		"mapped":         {prefixes: []netip.Prefix{prefix("10.0.0.0/8"), prefix("::ffff:192.0.2.1/128"), prefix("::ffff:0.0.0.0/96")}, fields: []string{"TrustedProxies[1]", "TrustedProxies[2]"}},
		"link-local":     {prefixes: []netip.Prefix{prefix("fe80::/10"), prefix("fe80::1/128")}, fields: []string{"TrustedProxies[0]", "TrustedProxies[1]"}},
		"host in prefix": {prefixes: []netip.Prefix{prefix("10.0.0.1/8"), prefix("2001:db8::1/64")}, fields: []string{"TrustedProxies[0]", "TrustedProxies[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := mtls.New(mtls.Config{TrustedProxies: tc.prefixes})
			assert.Equal(t, len(tc.fields) > 0, v == nil)
			assert.Equal(t, tc.fields, fields(t, err))
		})
	}
}

// fields are those of a joined error of configuration.
func fields(t *testing.T, err error) (fields []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, one := range joined.Unwrap() {
		var mistake *validator.ConfigError
		require.True(t, errors.As(one, &mistake))
		assert.NotEmpty(t, mistake.Problem)
		fields = append(fields, mistake.Field)
	}
	return fields
}

// TestConfigIsCopied: what is changed afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	tr, own := newTrust(t), certificate(t)
	prefixes := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	v, err := mtls.New(mtls.Config{TrustedProxies: prefixes})
	require.NoError(t, err)
	prefixes[0] = netip.MustParsePrefix("203.0.113.0/24")
	raw := tr.boundTo(own.Certificate[0])
	tr.decide(t, raw, v.Request(request("192.0.2.1:1", field(own.Certificate[0]))), "")
	tr.decide(t, raw, v.Request(request("203.0.113.1:1", field(own.Certificate[0]))), validator.ReasonProofMissing)
}
