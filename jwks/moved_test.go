package jwks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Metadata that was re-read and names an address that our rules refuse has
// failed: the address that was good so far stays.
func TestKnownAddressStaysWhenTheMetadataNamesARefusedOne(t *testing.T) {
	network, s := moving(t)
	network.put(issuer+"/old", "!410")
	network.put(openid, pointing("http://as.example/keys"))
	_, err := s.key("new", "ES256")
	remoteCause(t, err)

	network.put(issuer+"/old", string(setOf(es256(t, "new")))) // it was a slip
	network.requests()
	s.clock.Advance(unavailable(t, err).RetryAfter)
	_, err = s.key("new", "ES256")
	require.NoError(t, err, remote.Refused)
	assert.Contains(t, network.requests(), issuer+"/old")
}
