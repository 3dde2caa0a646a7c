package mtls_test

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
)

// FuzzClientCert: of all headers there is exactly one that proves a certificate.
func FuzzClientCert(f *testing.F) {
	c := readPEM(f, "rfc9440.pem")
	good := strings.TrimSpace(read(f, "rfc9440.txt"))
	for _, seed := range []string{
		good, "", ":", "::", good + good, good + ", " + good, good + ";a", good[1:], good[:len(good)-1], " " + good, good[:99] + "\n" + good[99:],
		strings.Replace(good, "=:", ":", 1), strings.Replace(good, "k=:", "l=:", 1), field(readPEM(f, "rfc8705.pem").Raw), field([]byte(read(f, "rfc9440.pem"))),
		field(append(c.Raw[:len(c.Raw):len(c.Raw)], c.Raw...)), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	tr, v := newTrust(f), verifier(f, "192.0.2.1/32")
	raw := tr.boundTo(c.Raw)
	f.Fuzz(func(t *testing.T, value string, twice bool) {
		values := []string{value}
		if twice {
			values = append(values, value)
		}
		_, err := tr.ValidateWith(t.Context(), raw, validator.Requirements{Proofs: []validator.Proof{v.Request(request("192.0.2.1:1", values...))}})
		if value == good && !twice {
			require.NoError(t, err)
			return
		}
		var e *validator.Error
		require.ErrorAs(t, err, &e)
		assert.ErrorIs(t, err, validator.ErrInvalidProof)
		assert.Contains(t, []validator.Reason{validator.ReasonProofInvalid, validator.ReasonProofMismatch}, e.Reason)
		if twice {
			assert.Equal(t, validator.ReasonProofInvalid, e.Reason)
		}
		assert.Less(t, len(e.Detail), 500)
	})
}
