package jwks_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// peerCase is a key set of another project's tests; see testdata/README.md.
type peerCase struct {
	ID          string
	Kind        string // JWKS, or PEM: that project reads these too
	Body        string
	Usable      *int   `json:"peer_usable_keys"`
	Status      string `json:"peer_status"`
	Recommended string // usable, no-usable-key, skip-key, error, open
}

// expected is the number of usable keys by the peer, -1 for at least one, and
// whether there is such a verdict.
func (c peerCase) expected() (keys int, decided bool) {
	switch {
	case c.Usable != nil:
		return *c.Usable, true
	case c.Status == "Ok":
		return -1, true
	case c.Recommended == "open":
		return 0, false
	}
	return 0, true
}

// disagreements are the cases where we find another number of usable keys than
// the peer, and why.
var disagreements = map[string]struct {
	keys int
	why  string
}{
	"jwt_verify_lib-jwks-JwksECMissingBothAlgCrvES256": {0, noCurve},
	"jwt_verify_lib-jwks-JwkECMissingCrv":              {0, noCurve},
	"jwt_verify_lib-jwks-JwksECUnspecifiedCrv":         {0, noCurve},
	"jwt_verify_lib-jwks-goodPEMRSA":                   {0, noPEM},
	"jwt_verify_lib-jwks-goodPEMEC":                    {0, noPEM},
	"jwt_verify_lib-jwks-goodPEMEd25519":               {0, noPEM},
	"jwt_verify_lib-jwks-addKeyFromPemSuccess":         {0, noPEM},
	"jwks-key-key_ops-null":                            {1, "null is an absent key_ops: nothing that the key could not do"},
	"jwks-key-key_ops-dup":                             {1, "verify said twice (RFC 7517 4.3 forbids it) is still verify"},
}

const (
	noCurve = "RFC 7518 6.2.1: crv must be present; the peer guesses it from alg, or takes P-256"
	noPEM   = "a PEM file is no JWK Set"
)

func TestKeySetsOfOtherProjects(t *testing.T) {
	content, err := os.ReadFile("testdata/jwks_bodies.json")
	require.NoError(t, err)
	var file struct{ Cases []peerCase }
	require.NoError(t, json.Unmarshal(content, &file))
	require.Len(t, file.Cases, 87)

	compared, differed := 0, 0
	for _, c := range file.Cases {
		t.Run(c.ID, func(t *testing.T) {
			s := newSubject(t, jwks.Config{URL: "https://as.example/keys", HTTPClient: serving([]byte(c.Body)).client()})
			err := s.Ready(t.Context())
			keys := s.fetches.last(t).Keys
			if keys == 0 {
				assert.False(t, unavailable(t, err).Throttled)
			} else {
				assert.NoError(t, err)
			}
			want, decided := c.expected()
			if !decided {
				return
			}
			compared++
			if mine, ok := disagreements[c.ID]; ok {
				differed++
				assert.Equal(t, mine.keys, keys, mine.why)
				assert.NotEqual(t, want, keys, "no disagreement any more")
				return
			}
			if want < 0 {
				assert.Positive(t, keys)
				return
			}
			assert.Equal(t, want, keys)
		})
	}
	assert.Equal(t, 85, compared)
	assert.Equal(t, len(disagreements), differed)
}
