package mtls_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// TestClientCert: what a declared proxy says, good and bad, and nothing but it.
func TestClientCert(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	own, other := certificate(t), certificate(t)
	der := own.Certificate[0]
	good, text := field(der), base64.StdEncoding.EncodeToString(der)
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	chain := append(bytes.Clone(der), other.Certificate[0]...)
	raw := tr.boundTo(der)
	const invalid = validator.ReasonProofInvalid
	for name, tc := range map[string]struct {
		values []string
		reason validator.Reason
	}{
		"good":                       {values: []string{good}},
		"none":                       {reason: validator.ReasonProofMissing},
		"another certificate":        {values: []string{field(other.Certificate[0])}, reason: validator.ReasonProofMismatch},
		"no value":                   {values: []string{}, reason: validator.ReasonProofMissing},
		"empty value":                {values: []string{""}, reason: invalid},
		"empty sequence":             {values: []string{"::"}, reason: invalid},
		"one colon":                  {values: []string{":"}, reason: invalid},
		"twice":                      {values: []string{good, good}, reason: invalid},
		"good and empty":             {values: []string{good, ""}, reason: invalid},
		"another, then good":         {values: []string{field(other.Certificate[0]), good}, reason: invalid},
		"good, then another":         {values: []string{good, field(other.Certificate[0])}, reason: invalid},
		"list of two":                {values: []string{good + ", " + field(other.Certificate[0])}, reason: invalid},
		"list of one twice":          {values: []string{good + "," + good}, reason: invalid},
		"list with an empty member":  {values: []string{good + ","}, reason: invalid},
		"sequences without comma":    {values: []string{good + good}, reason: invalid},
		"parameter":                  {values: []string{good + ";a=1"}, reason: invalid},
		"parameter without value":    {values: []string{good + ";a"}, reason: invalid},
		"space before":               {values: []string{" " + good}, reason: invalid},
		"space behind":               {values: []string{good + " "}, reason: invalid},
		"space within":               {values: []string{":" + text[:40] + " " + text[40:] + ":"}, reason: invalid},
		"line break within":          {values: []string{":" + text[:40] + "\n" + text[40:] + ":"}, reason: invalid},
		"CR LF within":               {values: []string{":" + text[:40] + "\r\n" + text[40:] + ":"}, reason: invalid},
		"colon within":               {values: []string{":" + text[:40] + ":" + text[40:] + ":"}, reason: invalid},
		"no colons":                  {values: []string{text}, reason: invalid},
		"no colon before":            {values: []string{text + ":"}, reason: invalid},
		"no colon behind":            {values: []string{":" + text}, reason: invalid},
		"quoted":                     {values: []string{`"` + text + `"`}, reason: invalid},
		"padding too much":           {values: []string{":" + text + "====:"}, reason: invalid},
		"cut":                        {values: []string{field(der[:len(der)-1])}, reason: invalid},
		"byte behind the DER":        {values: []string{field(append(bytes.Clone(der), 0))}, reason: invalid},
		"chain":                      {values: []string{field(chain)}, reason: invalid},
		"PEM in base64":              {values: []string{field(inPEM)}, reason: invalid},
		"PEM on one line":            {values: []string{strings.ReplaceAll(string(inPEM), "\n", " ")}, reason: invalid},
		"PEM escaped, as nginx does": {values: []string{url.QueryEscape(string(inPEM))}, reason: invalid},
		"Envoy's form":               {values: []string{`Hash=00;Cert="` + url.QueryEscape(string(inPEM)) + `"`}, reason: invalid},
		"public key alone":           {values: []string{field(own.Leaf.RawSubjectPublicKeyInfo)}, reason: invalid},
		"what is signed of it":       {values: []string{field(own.Leaf.RawTBSCertificate)}, reason: invalid},
		"its thumbprint":             {values: []string{":" + thumbprint(der) + ":"}, reason: invalid},
		"no ASN.1":                   {values: []string{field([]byte("certificate"))}, reason: invalid},
	} {
		t.Run(name, func(t *testing.T) {
			tr.decide(t, raw, v.Request(request("192.0.2.1:4711", tc.values...)), tc.reason)
		})
	}
}

// padded makes a certificate whose base64 ends with "==".
func padded(t testing.TB) []byte {
	t.Helper()
	return search(t, func(der []byte) bool { return len(der)%3 == 1 })
}

// withBothAlphabets makes a certificate that base64url spells in another way.
func withBothAlphabets(t testing.TB) []byte {
	t.Helper()
	return search(t, func(der []byte) bool {
		return strings.ContainsAny(base64.StdEncoding.EncodeToString(der), "+/")
	})
}

func search(t testing.TB, good func(der []byte) bool) []byte {
	t.Helper()
	for n := 1; ; n++ { // the name is as long as it takes
		der := certificate(t, func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("x", n) }).Certificate[0]
		if good(der) {
			return der
		}
	}
}

// trailingBits is base64 of the same bytes in another spelling.
func trailingBits(t testing.TB, der []byte) string {
	t.Helper()
	text, ok := strings.CutSuffix(base64.StdEncoding.EncodeToString(der), "==")
	require.True(t, ok)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	text = text[:len(text)-1] + string(alphabet[last|1]) + "=="
	decoded, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	require.Equal(t, der, decoded, "the test needs a spelling that a lax reader accepts")
	return text
}

// TestSpellings: for each other spelling of a certificate's base64 the token is bound
// to that very certificate, so that nothing but the spelling can refuse it.
func TestSpellings(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	for name, tc := range map[string]struct {
		der   []byte
		spell func(der []byte) string
	}{
		"canonical": {der: padded(t), spell: base64.StdEncoding.EncodeToString},
		"base64url": {der: withBothAlphabets(t), spell: base64.URLEncoding.EncodeToString},
		"unpadded":  {der: padded(t), spell: base64.RawStdEncoding.EncodeToString},
		"bits":      {der: padded(t), spell: func(der []byte) string { return trailingBits(t, der) }},
		"break": {der: padded(t), spell: func(der []byte) string {
			return strings.ReplaceAll(base64.StdEncoding.EncodeToString(der), "M", "\nM")
		}},
	} {
		reason := validator.ReasonProofInvalid
		if name == "canonical" {
			reason = ""
		}
		t.Run(name, func(t *testing.T) {
			tr.decide(t, tr.boundTo(tc.der), v.Request(request("192.0.2.1:1", ":"+tc.spell(tc.der)+":")), reason)
		})
	}
}

// TestBytesThatAreNoCertificate: a token that is bound to what is no certificate, or
// more than one, is good for nobody who shows that.
func TestBytesThatAreNoCertificate(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	own, other := certificate(t), certificate(t)
	der := own.Certificate[0]
	for name, bytes := range map[string][]byte{
		"nothing": {},
		"text":    []byte("certificate"),
		"chain":   append(bytes.Clone(der), other.Certificate[0]...),
		"behind":  append(bytes.Clone(der), 0),
		"key":     own.Leaf.RawSubjectPublicKeyInfo,
		"PEM":     pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	} {
		t.Run(name, func(t *testing.T) {
			tr.decide(t, tr.boundTo(bytes), v.Request(request("192.0.2.1:1", field(bytes))), validator.ReasonProofInvalid)
		})
	}
}

// TestDetailIsShort: what is wrong with a certificate is told, but not all of it.
func TestDetailIsShort(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	der := certificate(t, func(c *x509.Certificate) {
		c.URIs = []*url.URL{{Scheme: "https", Host: "a", Path: "/" + strings.Repeat("x", 1000)}}
	}).Certificate[0]
	der = bytes.Replace(der, []byte("https://a/"), []byte("https://%/"), 1)
	_, err := tr.ValidateWith(t.Context(), tr.boundTo(der), validator.Requirements{Proofs: []validator.Proof{v.Request(request("192.0.2.1:1", field(der)))}})
	refused(t, err, validator.ReasonProofInvalid)
	assert.Less(t, len(err.(*validator.Error).Detail), 200)
}

// TestLongClientCert: 32 KiB, and a byte more.
func TestLongClientCert(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	sized := func(length int) []byte { // a certificate whose header has that length
		for n := length/4*3 - 600; ; n++ {
			der := certificate(t, func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 1}, Value: make([]byte, n)}}
			}).Certificate[0]
			if len(field(der)) >= length {
				return der
			}
		}
	}
	const most = 32 << 10
	longest := sized(most - 4) // base64 grows by 4
	require.LessOrEqual(t, len(field(longest)), most)
	tr.decide(t, tr.boundTo(longest), v.Request(request("192.0.2.1:1", field(longest))), "")
	longer := sized(most + 1)
	require.LessOrEqual(t, len(field(longer)), most+4)
	tr.decide(t, tr.boundTo(longer), v.Request(request("192.0.2.1:1", field(longer))), validator.ReasonProofInvalid)
	tr.decide(t, tr.boundTo(longer), v.Request(request("192.0.2.1:1", strings.Repeat(":", 1<<20))), validator.ReasonProofInvalid)
}

// TestOtherHeaders: only Client-Cert is read.
func TestOtherHeaders(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	own, other := certificate(t), certificate(t)
	raw := tr.boundTo(own.Certificate[0])
	for _, name := range []string{"Client-Cert-Chain", "X-Client-Cert", "Client_cert", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "Ssl-Client-Cert"} {
		r := request("192.0.2.1:1")
		r.Header.Set(name, field(own.Certificate[0]))
		tr.decide(t, raw, v.Request(r), validator.ReasonProofMissing)
	}
	r := request("192.0.2.1:1", field(own.Certificate[0]))
	r.Header.Set("Client-Cert-Chain", field(other.Certificate[0])+", nonsense")
	tr.decide(t, raw, v.Request(r), "")
	r = request("192.0.2.1:1", field(other.Certificate[0]))
	r.Header.Set("Client-Cert-Chain", field(own.Certificate[0]))
	tr.decide(t, raw, v.Request(r), validator.ReasonProofMismatch)
}

// TestTokenBoundToNoCertificate: it needs none, and what is no certificate does not
// matter to it.
func TestTokenBoundToNoCertificate(t *testing.T) {
	tr, v := newTrust(t), verifier(t, "192.0.2.1/32")
	own := certificate(t)
	for _, values := range [][]string{nil, {"::"}, {"nonsense"}, {"a", "b"}, {field(own.Certificate[0])}} {
		tr.decide(t, tr.AccessToken(), v.Request(request("192.0.2.1:1", values...)), "")
	}
	confirmed := func(proof validator.Proof) validator.Confirmation {
		token, err := tr.Validate(t.Context(), tr.AccessToken())
		require.NoError(t, err)
		confirmation, err := proof.Confirm(t.Context(), "", token)
		require.NoError(t, err)
		return confirmation
	}
	assert.Zero(t, confirmed(v.Request(request("192.0.2.1:1", field(own.Certificate[0])))))
	assert.Zero(t, confirmed(v.Request(over(request("192.0.2.2:1"), own))))
}
