package jwks_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/jwks"
)

// TestSetsAreSaved after each fetch that went well, and nobody waits for it.
func TestSetsAreSaved(t *testing.T) {
	saves := func(p *pool) int {
		_, saves := p.count()
		return saves
	}
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		first := string(p.envelope)
		require.NoError(t, w.Refresh(t.Context())) // 304
		w.settled()
		assert.Equal(t, 2, saves(p))
		assert.NotEqual(t, first, string(p.envelope), "it is younger")
		w.server.fail(500)
		assert.Error(t, w.Refresh(t.Context()))
		w.settled()
		assert.Equal(t, 2, saves(p))

		// What came from elsewhere is not passed on.
		other := w.another(t, jwks.Config{}, p)
		other.known(t, "listed", "ES256")
		w.settled()
		assert.Equal(t, 2, saves(p))

		var began, ended time.Time
		p.save = func(ctx context.Context) error {
			began = time.Now()
			<-ctx.Done()
			ended = time.Now()
			return ctx.Err()
		}
		w.server.fail(0)
		assert.NoError(t, w.Refresh(t.Context()))
		w.settled()
		assert.Equal(t, began, time.Now())
		pass(3 * time.Second)
		w.settled()
		assert.Equal(t, 2*time.Second, ended.Sub(began))
	})
}

// TestSetsWithoutKeysAreNotSaved: they say nothing that others could go by.
func TestSetsWithoutKeysAreNotSaved(t *testing.T) {
	inFleet(t, jwks.Config{}, func(t *testing.T, w *world, p *pool) {
		w.server.list(unusable)
		w.empty(t)
		pass(grace + 1)
		_, err := w.key("other", "ES256")
		require.ErrorIs(t, err, jwks.ErrUnknownKey)
		w.settled()
		assert.Empty(t, w.Status().Keys, "such a set was taken")
		_, saves := p.count()
		assert.Equal(t, 1, saves, "the first one, which had a key")
		assert.NotEmpty(t, p.kept())
	})
}
