package mtls_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
)

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(text)
}

func readPEM(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode([]byte(read(t, name)))
	require.NotNil(t, block)
	require.Empty(t, rest)
	c, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return c
}

// TestRFC8705: the certificate of Appendix A, which expired in 2022, and its
// thumbprint, over a connection and in a header; and that of another text.
func TestRFC8705(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	c := readPEM(t, "rfc8705.pem")
	raw := tr.confirmed(map[string]any{"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"})
	tr.decide(t, raw, mtls.Certificate(c), "")
	tr.decide(t, raw, v.Request(request("192.0.2.1:1", field(c.Raw))), "")
	tr.decide(t, raw, mtls.Certificate(readPEM(t, "rfc9440.pem")), validator.ReasonProofMismatch)
}

// TestRFC9440: the header of Appendix A.
func TestRFC9440(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	raw := tr.boundTo(readPEM(t, "rfc9440.pem").Raw)
	value := strings.TrimSpace(read(t, "rfc9440.txt"))
	tr.decide(t, raw, v.Request(request("192.0.2.1:1", value)), "")
	tr.decide(t, raw, v.Request(request("192.0.2.2:1", value)), validator.ReasonProofMissing)
}
