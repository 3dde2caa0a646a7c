package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// What every contender is told to accept.
const (
	audience  = "api://default"
	clientID  = validatortest.DefaultClientID
	needScope = "read" // of validatortest.DefaultScope

	lifetime = 24 * time.Hour // of tokens, so that none expires meanwhile

	apiID     = "orders-api" // how we introspect
	apiSecret = "a secret of the benchmark"
)

var algorithms = []string{"RS256", "ES256", "EdDSA"}

// fixture is one authorization server whose tokens all contenders judge.
type fixture struct {
	server    *validatortest.Server
	algorithm string
	ctx       context.Context // ends what contenders run in the background
	cancel    context.CancelFunc
}

// newFixture starts a server whose access tokens look like Okta's.
func newFixture(algorithm string) (*fixture, error) {
	server, err := validatortest.Start(validatortest.Options{
		Path: "/oauth2/default", Style: validatortest.StyleOkta, Algorithm: algorithm, Lifetime: lifetime,
	})
	if err != nil {
		return nil, err
	}
	server.AddClient(apiID, apiSecret)
	f := &fixture{server: server, algorithm: algorithm}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

func (f *fixture) close() {
	f.cancel()
	f.server.Close()
}

// token is another one each time: about 1 kB with RS256, with 15 claims, as Okta's
// tokens have.
func (f *fixture) token(edits ...validatortest.Edit) string {
	return f.server.AccessToken(oktaLike(edits)...)
}

// opaque is a token with the same claims that only the server can read.
func (f *fixture) opaque() string { return f.server.OpaqueToken(oktaLike(nil)...) }

func oktaLike(edits []validatortest.Edit) []validatortest.Edit {
	return append([]validatortest.Edit{
		validatortest.Claim("jti", fmt.Sprintf("AT.%043d", rand.Uint64())),
		validatortest.Subject("jane.doe@example.com"),
		validatortest.Claim("uid", "00ugrenMeqvYla4HW0g3"),
		validatortest.Claim("auth_time", time.Now().Unix()),
		validatortest.Claim("groups", []string{"Everyone", "Sales EMEA", "Purchase approvers", "Warehouse Rotterdam", "On call", "Finance EU (read only)"}),
		validatortest.Claim("tenant", "acme-industries"),
		validatortest.Claim("plan", "enterprise"),
		validatortest.Claim("region", "eu-west-1"),
	}, edits...)
}

// tokens are n of them, minted on all cores.
func (f *fixture) tokens(n int, edits ...validatortest.Edit) []string {
	raws := make([]string, n)
	var minting sync.WaitGroup
	for part := range slices.Chunk(raws, max(n/8, 1)) {
		minting.Go(func() {
			for i := range part {
				part[i] = f.token(edits...)
			}
		})
	}
	minting.Wait()
	return raws
}

// publicKey is the server's only key.
func (f *fixture) publicKey() (crypto.PublicKey, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(f.server.KeySet(), &set); err != nil {
		return nil, err
	}
	if len(set.Keys) != 1 {
		return nil, fmt.Errorf("%d keys", len(set.Keys))
	}
	return set.Keys[0].Key, nil
}

// grants are the claims that most peers leave to their callers to decode and look at.
type grants struct {
	ClientID string   `json:"cid"`
	Scopes   []string `json:"scp"`
}

var (
	errClient = errors.New("not for this client")
	errScope  = errors.New("without the scope")
)

func (g *grants) check() error {
	if err := g.checkClient(); err != nil {
		return err
	}
	return g.checkScope()
}

func (g *grants) checkClient() error {
	if g.ClientID != clientID {
		return errClient
	}
	return nil
}

func (g *grants) checkScope() error {
	if !slices.Contains(g.Scopes, needScope) {
		return errScope
	}
	return nil
}
