package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// patience is how long a refusal may take on average to be one that is decided on the
// spot.
const patience = 20 * time.Millisecond

// refusal is a kind of bad token.
type refusal struct {
	name   string
	reason validator.Reason // ours
	raws   []string         // one, or several that take turns
}

func refusalsOf(f *fixture) []refusal {
	one := func(edit validatortest.Edit) []string { return []string{f.token(edit)} }
	kids := make([]string, 64) // more than anybody may fetch keys for
	for i := range kids {
		kids[i] = f.token(validatortest.HeaderParam("kid", fmt.Sprint("nobody-has-", i)))
	}
	return []refusal{
		{"expired", validator.ReasonExpired, one(validatortest.Expiry(time.Now().Add(-time.Hour)))},
		{"issuer", validator.ReasonUnknownIssuer, one(validatortest.Claim("iss", "https://other.example.com"))},
		{"audience", validator.ReasonAudienceMismatch, one(validatortest.Audience("api://other"))},
		{"client", validator.ReasonClientMismatch, one(validatortest.ClientID("other"))},
		{"alg none", validator.ReasonAlgorithmNotAllowed, one(validatortest.HeaderParam("alg", "none"))},
		{"unknown kid", validator.ReasonKeyRefreshThrottled, kids},
	}
}

// refusals are timed only: what is refused, and how, is for tests to say. A contender
// without the check, or that waits for somebody, has nothing that can be timed.
func refusals(p plan) ([]table, error) {
	f, err := newFixture("RS256")
	if err != nil {
		return nil, err
	}
	defer f.close()
	verification, err := bare(f)
	if err != nil {
		return nil, err
	}
	judges := only(func(c *contender) bool { return !c.cache || c.name == ours })
	t := table{
		title: "A bad token",
		text: "As a multiple of bare RS256 (time, allocations). *Not comparable* is a peer that was not given this check to do, or " +
			"that does something else than decide on the spot. † asked the key server again and again meanwhile.",
	}
	decide := make([]verify, len(judges))
	for i, c := range judges {
		t.rows = append(t.rows, row{name: c.name})
		if decide[i], err = c.verifier(f, 0); err != nil {
			return nil, named(c.name, err)
		}
	}
	for _, kind := range refusalsOf(f) {
		t.columns = append(t.columns, kind.name)
		if err := t.refusalColumn(p, f, kind, verification, judges, decide); err != nil {
			return nil, named(kind.name, err)
		}
	}
	return []table{t}, nil
}

func (t *table) refusalColumn(p plan, f *fixture, kind refusal, verification step, judges []contender, decide []verify) error {
	lanes, rows, asked := []lane{{name: "bare", step: verification}}, []int{}, []int{}
	for i, c := range judges {
		before := f.server.KeyRequests()
		if !refuses(decide[i], kind.raws) {
			continue
		}
		if c.name == ours { // it is for this reason that it takes so long
			var e *validator.Error
			if err := decide[i](f.ctx, kind.raws[len(kind.raws)-1]); !errors.As(err, &e) || e.Reason != kind.reason {
				return fmt.Errorf("%s: refused for another reason: %w", c.name, err)
			}
		}
		lanes, rows = append(lanes, lane{name: c.name, step: refusing(decide[i], kind.raws)}), append(rows, i)
		asked = append(asked, f.server.KeyRequests()-before)
	}
	timings, err := race(p.rounds, p.calls, lanes)
	if err != nil {
		return err
	}
	for i := range t.rows {
		t.rows[i].cells = append(t.rows[i].cells, notComparable)
	}
	for k, i := range rows {
		result := t.timed(timings[1+k])
		if asked[k] >= len(kind.raws) && len(kind.raws) > 1 {
			result.text += " †"
		}
		cells := t.rows[i].cells
		cells[len(cells)-1] = result
	}
	return nil
}

// refuses reports whether all of the tokens are refused, at once. Whatever may be done
// only so often is done afterwards.
func refuses(decide verify, raws []string) bool {
	begin := time.Now()
	for _, raw := range raws {
		if decide(context.Background(), raw) == nil {
			return false
		}
	}
	return time.Since(begin) < patience*time.Duration(len(raws))
}

var errNotRefused = errors.New("not refused")

// refusing is a step that is refused one token after the other.
func refusing(decide verify, raws []string) step {
	judge := rotating(decide, raws, 0)
	return func() error {
		if judge() == nil {
			return errNotRefused
		}
		return nil
	}
}
