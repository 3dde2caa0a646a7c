package main

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const refused = "a good access token is required"

func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1))
	}
	assert.Equal(t, [][]string{
		{"no token", "Unauthenticated", refused},
		{"a good token", "OK", "the orders of user"},
		{"two of them", "Unauthenticated", refused},
		{"another scheme", "Unauthenticated", refused},
		{"not a token", "Unauthenticated", refused},
		{"expired", "Unauthenticated", refused},
		{"of another client", "Unauthenticated", refused},
		{"without the scope", "PermissionDenied", "the scope orders.read is required"},
	}, rows)
}

// TestOutage: what cannot be decided is not the client's fault.
func TestOutage(t *testing.T) {
	as, err := validatortest.Start(validatortest.Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer as.Close()
	var heard []validator.Reason
	v, err := validator.New(validator.Config{
		Issuers:           []validator.Issuer{{URL: as.Issuer(), Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
		Observer: validator.Observer{Decision: func(_ context.Context, d validator.Decision) {
			heard = append(heard, d.Err.Reason)
		}},
	})
	require.NoError(t, err)
	client, stop, err := serve(v)
	require.NoError(t, err)
	defer stop()
	as.SetMode(validatortest.ModeError)
	for _, authorization := range []string{"Bearer " + as.AccessToken(), "DPoP x"} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", authorization)
		err = client.Invoke(ctx, list, new(emptypb.Empty), new(wrapperspb.StringValue))
		want := codes.Unavailable
		if authorization == "DPoP x" {
			want = codes.Unauthenticated
		}
		assert.Equal(t, want, status.Code(err))
	}
	stop()
	assert.Equal(t, []validator.Reason{validator.ReasonKeysUnavailable, validator.ReasonUnsupportedScheme}, heard)
}

// TestInterceptorIsShort: the two functions that it takes, without what is between
// them.
func TestInterceptorIsShort(t *testing.T) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "interceptor.go", nil, 0)
	require.NoError(t, err)
	lines := 0
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			lines += files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
		}
	}
	assert.Positive(t, lines)
	assert.Less(t, lines, 25)
}
