package main

import (
	"context"
	"io"
	"net/http"

	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// about is what all tokens here have.
func about(edits ...validatortest.Edit) []validatortest.Edit {
	return append([]validatortest.Edit{
		validatortest.ClientID(client), validatortest.Scope("orders.read"), validatortest.Subject("alice"),
	}, edits...)
}

// token is a new JWT, which is validated with the authorization server's keys.
func (s *stage) token(edits ...validatortest.Edit) string {
	return s.as.AccessToken(about(edits...)...)
}

// opaque is a new token about which it is asked.
func (s *stage) opaque() string { return s.as.OpaqueToken(about()...) }

// outcome is what became of a request.
type outcome string

const (
	served  outcome = "served"
	denied  outcome = "denied"  // 401: the token or its proof is no good
	refused outcome = "refused" // 503 with Retry-After: nobody knows
	lost    outcome = "lost"    // anything else
)

// get sends a request to a gateway, with a token and, unless it is empty, a proof.
func (s *stage) get(ctx context.Context, p *process, token, proof string) outcome {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/orders", nil)
	if err != nil {
		return lost
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if proof != "" {
		request.Header.Set("Authorization", "DPoP "+token)
		request.Header.Set("DPoP", proof)
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return lost
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return lost
	}
	switch {
	case answer.StatusCode == http.StatusOK:
		return served
	case answer.StatusCode == http.StatusUnauthorized:
		return denied
	case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
		return refused
	}
	return lost
}

// holder is a client whose tokens are bound to its key.
type holder struct {
	key   *dpoptest.Key
	token string
}

func (s *stage) newHolder() holder {
	key := dpoptest.NewKey("ES256")
	return holder{key, s.token(key.Bind())}
}

// proof is a new one.
func (h holder) proof() string { return h.key.Proof(http.MethodGet, origin+"/orders", h.token) }
