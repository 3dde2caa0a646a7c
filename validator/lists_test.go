package validator_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// TestTokensShareTheirLists: equal scopes and audiences are kept once, without the text
// that they came in, and different ones apart.
func TestTokensShareTheirLists(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(trust(s)))
	scoped := func(scopes ...string) *validator.Token {
		return accept(t, v, s.AccessToken(validatortest.Scope(scopes...), validatortest.Audience("api://x", audience)))
	}
	place := func(text string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(text))) }
	one, same := scoped("read", "write"), scoped("read", "write")
	assert.Equal(t, place(one.Scopes()[0]), place(same.Scopes()[0]), "kept once")
	assert.Equal(t, place(one.Scopes()[0])+4, place(one.Scopes()[1]), "nothing between them")
	assert.Equal(t, place(one.Audiences()[0]), place(same.Audiences()[0]), "kept once")
	assert.Equal(t, place(one.Audiences()[0])+7, place(one.Audiences()[1]), "nothing between them")
	for i := range 1000 { // more than there is room for
		scopes := []string{fmt.Sprint(i), "read"}
		assert.Equal(t, scopes, scoped(scopes...).Scopes())
	}
	assert.Equal(t, strs{"read", "write"}, one.Scopes())
	assert.Equal(t, strs{"write", "read"}, scoped("write", "read").Scopes())
	assert.Empty(t, scoped().Scopes())
}
