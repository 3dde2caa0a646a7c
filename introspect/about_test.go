package introspect_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

// TestAbout: clients whose answers may differ differ in it, and nothing else matters.
func TestAbout(t *testing.T) {
	about := func(c introspect.Config) []string {
		t.Helper()
		client, err := introspect.New(introspect.Server{
			Issuer: "https://as.example",
			Verify: func(context.Context, string, []string, time.Time) (string, error) { return "", nil },
		}, c)
		require.NoError(t, err)
		return client.About()
	}
	secret := introspect.StaticSecret("secret")
	basic := introspect.ClientSecretBasic("id", secret)
	var all [][]string
	for _, c := range []introspect.Config{
		{Auth: basic},
		{Auth: basic, Endpoint: "https://as.example/introspect"},
		{Auth: introspect.ClientSecretPost("id", secret)},
		{Auth: introspect.ClientSecretBasic("other", secret)},
		{Auth: introspect.BearerToken(secret)},
		{Auth: basic, Signed: true},
		{Auth: basic, Signed: true, SignedAudiences: []string{"id", "other"}},
		{Auth: basic, Signed: true, SignedAudiences: []string{"other"}},
	} {
		one := about(c)
		assert.False(t, slices.ContainsFunc(all, func(other []string) bool { return slices.Equal(one, other) }), "%v", one)
		all = append(all, one)
	}
	assert.Equal(t, all[0], about(introspect.Config{Auth: introspect.ClientSecretBasic("id", introspect.StaticSecret("new")), MaxInFlight: 7}))
	assert.Equal(t, all[5], about(introspect.Config{Auth: basic, Signed: true, SignedAudiences: []string{"id"}}))
	assert.Equal(t, all[6], about(introspect.Config{Auth: basic, Signed: true, SignedAudiences: []string{"other", "id"}}))
}
