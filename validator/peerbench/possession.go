package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var errNoProofLeft = errors.New("no proof is left")

// possession is a request with a cached token that is bound to a key, and each time with
// a proof of that key that nobody has seen (RFC 9449).
func possession(p plan) ([]table, error) {
	f, err := newFixture("ES256")
	if err != nil {
		return nil, err
	}
	defer f.close()
	verification, err := bare(f)
	if err != nil {
		return nil, err
	}
	lanes := []lane{{name: "bare", step: verification}}
	for _, of := range []struct {
		name   string
		nonces *dpop.Nonces
	}{{"without nonces", nil}, {"with nonces", &dpop.Nonces{Secret: []byte("32 bytes or more of a benchmark's")}}} {
		proving, err := newProving(f, of.nonces, (p.rounds+1)*p.calls)
		if err != nil {
			return nil, named(of.name, err)
		}
		lanes = append(lanes, lane{name: of.name, step: proving})
	}
	timings, err := race(p.rounds, p.calls, lanes)
	if err != nil {
		return nil, err
	}
	t := table{
		title: "A cached token with a proof",
		text: "Ours: the decision on a DPoP request with an ES256 token seen before and a new ES256 proof, which is remembered, as a multiple of " +
			"a bare ES256 verification (time, allocations).",
		columns: []string{"without nonces", "with nonces"},
	}
	t.rows = []row{{ours, []cell{t.timed(timings[1]), t.timed(timings[2])}}}
	return []table{t}, nil
}

// newProving is a step that can be taken as often as there are proofs, made in advance.
func newProving(f *fixture, nonces *dpop.Nonces, proofs int) (step, error) {
	const path = "/orders"
	v, err := newValidator(f, 0)
	if err != nil {
		return nil, err
	}
	server, err := dpop.New(dpop.Config{Origins: []string{"https://api.example.com"}, Nonces: nonces})
	if err != nil {
		return nil, err
	}
	key := dpoptest.NewKey("ES256")
	raw := f.token(key.Bind())
	request := func(edits ...validatortest.Edit) *http.Request {
		proof := key.Proof("GET", "https://api.example.com"+path, raw, edits...)
		return &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}, Host: "api.example.com", RequestURI: path, Header: http.Header{"Dpop": {proof}}}
	}
	judge := func(r *http.Request) (*validator.Token, error) {
		return v.ValidateWith(context.Background(), raw, validator.Requirements{
			Policy: &readers, Proofs: []validator.Proof{server.Request(r, validator.SchemeDPoP)},
		})
	}
	var requests []*http.Request
	if nonces == nil {
		for range proofs {
			requests = append(requests, request())
		}
	} else {
		nonce, err := firstNonce(judge, request())
		if err != nil {
			return nil, err
		}
		for range proofs {
			requests = append(requests, request(validatortest.Claim("nonce", nonce)))
		}
	}
	return func() error {
		if len(requests) == 0 {
			return errNoProofLeft
		}
		r := requests[0]
		requests = requests[1:]
		token, err := judge(r)
		if err == nil {
			server.Nonce(token) // the next one, if any, which the answer has
		}
		return err
	}, nil
}

// firstNonce is the one that the refusal of a proof without one asks for.
func firstNonce(judge func(*http.Request) (*validator.Token, error), r *http.Request) (string, error) {
	_, err := judge(r)
	var e *validator.Error
	if !errors.As(err, &e) || e.Challenge.Nonce == "" {
		return "", fmt.Errorf("asked for no nonce: %w", err)
	}
	return e.Challenge.Nonce, nil
}
