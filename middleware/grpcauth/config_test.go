package grpcauth_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/bearerguard/bearerguard/middleware/grpcauth"
	"github.com/bearerguard/bearerguard/middleware/mtls"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// fields are the fields of the ConfigErrors in err.
func fields(t *testing.T, err error) []string {
	t.Helper()
	var found []string
	for _, each := range err.(interface{ Unwrap() []error }).Unwrap() {
		var mistake *validator.ConfigError
		require.ErrorAs(t, each, &mistake)
		found = append(found, mistake.Field)
	}
	return found
}

// TestConfig: every mistake, by the name of what is wrong.
func TestConfig(t *testing.T) {
	_, v, _ := newValidator(t, nil)
	policy := scoped("read")
	one := func(name string) grpcauth.Config {
		return grpcauth.Config{Methods: map[string]validator.Policy{name: policy}}
	}
	for name, tc := range map[string]struct {
		config grpcauth.Config
		fields []string
	}{
		"nothing listed":     {grpcauth.Config{}, nil},
		"a good name":        {one("/orders.v1.Orders/Get"), nil},
		"no package":         {one("/Orders/Get"), nil},
		"realm":              {grpcauth.Config{Realm: "a\r\nX: y"}, []string{"Realm"}},
		"realm, non-ASCII":   {grpcauth.Config{Realm: "é"}, []string{"Realm"}},
		"a nil proof":        {grpcauth.Config{Proofs: []validator.Proof{mtls.Certificate(nil), nil}}, []string{"Proofs[1]"}},
		"DPoP":               {grpcauth.Config{DPoP: proofsAt(t, publicOrigin)}, nil},
		"DPoP, two origins":  {grpcauth.Config{DPoP: proofsAt(t, publicOrigin, "https://eu.example.com")}, []string{"DPoP"}},
		"metadata":           {grpcauth.Config{ResourceMetadata: "https://api.example.com/.well-known/oauth-protected-resource"}, nil},
		"metadata, http":     {grpcauth.Config{ResourceMetadata: "http://api.example.com/x"}, []string{"ResourceMetadata"}},
		"metadata, loopback": {grpcauth.Config{ResourceMetadata: "http://127.0.0.1/x"}, []string{"ResourceMetadata"}},
		"metadata, no URL":   {grpcauth.Config{ResourceMetadata: "https://a b"}, []string{"ResourceMetadata"}},
		"metadata, spelled":  {grpcauth.Config{ResourceMetadata: `https://api.example.com/a"b`}, []string{"ResourceMetadata"}},
		"zero policy": {
			grpcauth.Config{Methods: map[string]validator.Policy{get: {}}},
			[]string{`Methods["/orders.v1.Orders/Get"]`},
		},
		"two mistakes in a policy": {
			grpcauth.Config{Methods: map[string]validator.Policy{get: {Scopes: []string{"a b"}, Issuers: []string{"x"}}, chat: {AnyToken: true}}},
			[]string{`Methods["/orders.v1.Orders/Get"].Issuers`, `Methods["/orders.v1.Orders/Get"].Scopes`},
		},
		"public and protected": {grpcauth.Config{Methods: map[string]validator.Policy{get: policy}, Public: []string{chat, get}}, []string{"Public[1]"}},
		"public twice":         {grpcauth.Config{Public: []string{get, chat, get}}, []string{"Public[2]"}},
		"all at once": {
			grpcauth.Config{Methods: map[string]validator.Policy{"x": {}}, Public: []string{"y"}, Realm: "\x7f"},
			[]string{"Realm", `Methods["x"]`, `Methods["x"]`, "Public[0]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := grpcauth.New(v, tc.config)
			if tc.fields == nil {
				require.NoError(t, err)
				assert.NotNil(t, g)
				return
			}
			require.Error(t, err)
			assert.Nil(t, g)
			assert.Equal(t, tc.fields, fields(t, err))
		})
	}
	_, err := grpcauth.New(nil, grpcauth.Config{Methods: map[string]validator.Policy{"x": {}}})
	assert.Equal(t, []string{"Validator", `Methods["x"]`}, fields(t, err))
}

// TestNames: only what a call of generated code can be named is taken, wherever it
// is listed; and the error names it.
func TestNames(t *testing.T) {
	_, v, _ := newValidator(t, nil)
	for _, name := range []string{
		"", "/", "//", "Get", "/Get", "orders.v1.Orders/Get", "/orders.v1.Orders", "/orders.v1.Orders/", "//orders.v1.Orders/Get",
		"/orders.v1.Orders//Get", "/orders.v1.Orders/Get/", "/a/orders.v1.Orders/Get", "/orders.v1.Orders/*", "/*", "*",
		"/orders.v1..Orders/Get", "/.orders.v1.Orders/Get", "/orders.v1.Orders./Get", "/../orders.v1.Orders/Get", "/orders.v1.Orders/..",
		"/orders.v1.Orders/v1.Get", "/orders.v1.Orders/Get ", " /orders.v1.Orders/Get", "/orders.v1.Orders/Get?x", "/orders.v1.Orders/%47et",
		"/orders.v1.Orders/Gét", "/1orders.Orders/Get", "/orders.v1.Orders/1Get", "/orders-v1.Orders/Get", "/orders.v1.Orders/Get\n",
	} {
		for kind, config := range map[string]grpcauth.Config{
			"Methods": {Methods: map[string]validator.Policy{name: scoped("read")}},
			"Public":  {Public: []string{name}},
		} {
			_, err := grpcauth.New(v, config)
			require.Error(t, err, "%q in %s", name, kind)
			found := fields(t, err)
			require.Len(t, found, 1)
			assert.True(t, strings.HasPrefix(found[0], kind+"["), found)
			assert.ErrorContains(t, err, "is not a full method")
		}
	}
}

// TestConfigIsCopied: what is changed after New changes nothing.
func TestConfigIsCopied(t *testing.T) {
	s, v, _ := newValidator(t, nil)
	policy := validator.Policy{Scopes: []string{"read"}, Issuers: []string{s.Issuer()}, ClientIDs: []string{validatortest.DefaultClientID}}
	config := grpcauth.Config{
		Methods: map[string]validator.Policy{get: policy}, Public: []string{chat},
		Proofs: []validator.Proof{mtls.Certificate(nil)},
	}
	client := serve(t, orders{}, newGuard(t, v, config).ServerOptions()...)
	policy.Scopes[0], policy.Issuers[0], policy.ClientIDs[0] = "changed", "changed", "changed"
	config.Methods[drop], config.Public[0], config.Proofs[0] = validator.Policy{AnyToken: true}, drop, nil
	delete(config.Methods, get)

	ctx := bearer(t.Context(), s.AccessToken())
	answer, _, err := call(ctx, client, get)
	require.NoError(t, err)
	assert.Equal(t, validatortest.DefaultSubject, answer)
	_, _, err = talk(t.Context(), client, chat)
	require.NoError(t, err)
	_, trailer, err := call(ctx, client, drop)
	answered(t, err, trailer, codes.PermissionDenied, "The access token does not permit this request", `Bearer error="insufficient_scope", error_description="The access token does not permit this request"`)
}
