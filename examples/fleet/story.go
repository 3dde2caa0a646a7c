package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// fact is one line of the first table.
type fact struct {
	what, want, got string
	took            time.Duration
}

// report is what happened.
type report struct {
	facts  []fact
	faults []trial
}

// tell has it all happen.
func tell(ctx context.Context, s *stage) (*report, error) {
	r := new(report)
	for _, act := range []func(context.Context, *stage) (fact, error){
		oneQuestion, oneProof, oneRevocation, lateJoiner, withoutIssuer,
	} {
		f, err := act(ctx, s)
		if err != nil {
			return nil, err
		}
		r.facts = append(r.facts, f)
	}
	for _, f := range faults {
		t, err := f.try(ctx, s)
		if err != nil {
			return nil, err
		}
		r.faults = append(r.faults, t)
	}
	return r, nil
}

// atOnce sends count requests, to all gateways in turn, and counts what became of them.
func (s *stage) atOnce(ctx context.Context, count int, token, proof string) func() map[outcome]int {
	outcomes := make(chan outcome, count)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { outcomes <- s.get(ctx, s.gateways[i%3], token, proof) })
	}
	return func() map[outcome]int {
		all.Wait()
		close(outcomes)
		counts := map[outcome]int{}
		for o := range outcomes {
			counts[o]++
		}
		return counts
	}
}

func oneQuestion(ctx context.Context, s *stage) (fact, error) {
	before, began := s.as.IntrospectionRequests(), time.Now()
	release := s.as.HoldIntrospection()
	counts := s.atOnce(ctx, 1000, s.opaque(), "")
	err := s.as.WaitIntrospectionRequests(ctx, before+1)
	release()
	got := counts()
	return fact{
		"1,000 requests at once with one new opaque token", "1000 served, 1 introspection",
		fmt.Sprintf("%d served, %d introspection", got[served], s.as.IntrospectionRequests()-before), time.Since(began),
	}, err
}

func oneProof(ctx context.Context, s *stage) (fact, error) {
	h, began := s.newHolder(), time.Now()
	got := s.atOnce(ctx, 90, h.token, h.proof())()
	return fact{
		"90 requests at once with one DPoP proof", "1 served, 89 denied",
		fmt.Sprintf("%d served, %d denied", got[served], got[denied]), time.Since(began),
	}, nil
}

// revoke has the authorization server tell one gateway that all of a user's tokens are over.
func (s *stage) revoke(ctx context.Context, p *process, user string) error {
	token := s.as.EventToken(events, "https://schemas.openid.net/secevent/caep/event-type/session-revoked", nil,
		validatortest.Claim("sub_id", map[string]any{"format": "iss_sub", "iss": s.as.Issuer(), "sub": user}))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/events", strings.NewReader(token))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/secevent+jwt")
	answer, err := s.http.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the event was not accepted: %s", answer.Status)
	}
	return nil
}

// bob's are the tokens that are revoked.
func (s *stage) bobs() string { return s.token(validatortest.Subject("bob")) }

func oneRevocation(ctx context.Context, s *stage) (fact, error) {
	token, before, after := s.bobs(), 0, 0
	for _, p := range s.gateways {
		if s.get(ctx, p, token, "") == served {
			before++
		}
	}
	began := time.Now()
	err := s.revoke(ctx, s.gateways[0], "bob")
	for _, p := range s.gateways {
		if err == nil {
			err = until(ctx, "a token is revoked", func() bool { return s.get(ctx, p, token, "") == denied })
			after++
		}
	}
	return fact{
		"a revocation, told to one gateway", "served by 3, then denied by 3",
		fmt.Sprintf("served by %d, then denied by %d", before, after), time.Since(began),
	}, err
}

func lateJoiner(ctx context.Context, s *stage) (fact, error) {
	began := time.Now()
	late, err := s.join(ctx, "refuse")
	if err != nil {
		return fact{}, err
	}
	return fact{
		"a fourth gateway, started after that", "revoked token denied, other served",
		fmt.Sprintf("revoked token %s, other %s", s.get(ctx, late, s.bobs(), ""), s.get(ctx, late, s.token(), "")), time.Since(began),
	}, nil
}

func withoutIssuer(ctx context.Context, s *stage) (fact, error) {
	s.as.SetMode(validatortest.ModeDown)
	defer s.as.SetMode(validatortest.ModeUp)
	began := time.Now()
	late, err := s.join(ctx, "refuse")
	if err != nil {
		return fact{}, err
	}
	return fact{
		"a fifth one, started while the authorization server is down", "ready, new token served",
		fmt.Sprintf("ready, new token %s", s.get(ctx, late, s.token(), "")), time.Since(began),
	}, nil
}
