package dpop_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// TestMemoryStatus: what is remembered, of what can be; what has had its time does not
// count, whichever key it was of.
func TestMemoryStatus(t *testing.T) {
	c := newClock()
	m := memory(t, dpop.MemoryConfig{Capacity: 2, Clock: c.Now})
	assert.Equal(t, dpop.MemoryStatus{Capacity: 2}, m.Status())
	for i, jkt := range []string{"a", "b"} {
		fresh, err := m.Add(t.Context(), jkt, sha256.Sum256([]byte(jkt)), c.Now().Add(time.Duration(i+1)*time.Minute))
		require.NoError(t, err)
		assert.True(t, fresh)
	}
	_, err := m.Add(t.Context(), "c", sha256.Sum256(nil), c.Now().Add(time.Minute))
	var full *validator.Error
	require.ErrorAs(t, err, &full)
	assert.Equal(t, validator.ErrUnavailable, full.Class)
	assert.Equal(t, validator.ReasonProofStoreFull, full.Reason)
	assert.Equal(t, dpop.MemoryStatus{Proofs: 2, Capacity: 2}, m.Status())
	c.Advance(time.Minute)
	assert.Equal(t, dpop.MemoryStatus{Proofs: 1, Capacity: 2}, m.Status())
	c.Advance(time.Minute)
	assert.Equal(t, dpop.MemoryStatus{Capacity: 2}, m.Status())
}
