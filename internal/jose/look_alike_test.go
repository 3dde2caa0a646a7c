package jose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// Cyrillic palochka is drawn like an i and like an l. The table of look-alikes
// gives it the one that a map happened to yield first, in each process anew.
func TestLetterThatLooksLikeTwoIsRefusedAsBoth(t *testing.T) {
	known := jose.NewNames("iss", "client_id")
	for _, name := range []string{"\u04cfss", "c\u04cfient_id"} {
		_, err := skim(`{"`+name+`":1}`, known)
		assert.ErrorIs(t, err, jose.ErrFolded, name)
	}
}
