package validatortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Target is an API of somebody, in whatever language, that is held to the corpus.
type Target struct {
	// Server is whose tokens the API accepts: its Issuer, and its Audience. Required.
	Server *Server

	// ClientID is one whose tokens it accepts. Required.
	ClientID string

	// Start makes the API anew, with nothing kept of keys and tokens, and says how to
	// reach it. It is called once for each family, and for each case of [KeySets] and
	// [KeyServers]. Where that takes too long it may return the same API again: what
	// then was not asked for is reported as not comparable. Required.
	Start func(context.Context) (API, error)

	// Families to try. Nil: all of them.
	Families []Family

	// Opaque: the API asks Server about tokens that are no JWT (RFC 7662).
	Opaque bool

	// JWTsAsked: the API asks Server about every JWT as well, after it has verified it.
	JWTsAsked bool

	// Statuses: the API looks up the status of tokens that say where it is published
	// (draft-ietf-oauth-status-list), at Server's host.
	Statuses bool

	// Second is another server of the same style whose tokens the API accepts beside those
	// of Server, from the same ClientID, for another audience of its own. Nil: there is none.
	Second *Server

	// Proofs makes the proofs of [Proofs]; package dpoptest has one. Nil: the API wants
	// none.
	Proofs *ProofCorpus

	// Demands are what the API demands besides a good token.
	Demands Demands

	// EventAudience is what the API is called in security event tokens, LogoutClientID
	// in logout tokens. Empty: it takes in none.
	EventAudience, LogoutClientID string
}

// API is how to reach an API.
type API struct {
	// Resource is something that a good token alone is good for. Required.
	Resource Send
	// Events takes in security event tokens (RFC 8935), Logout logout tokens. Nil: nobody.
	Events, Logout Send
}

// ProofCorpus makes requests with proofs of possession.
type ProofCorpus struct {
	Bind  Edit                      // binds a token to the key
	Cases func(token string) []Case // with that token
}

// minted is how long tokens are good for: see [Server.Corpus].
const minted = 10 * time.Second

// patience is how long one answer may take.
const patience = 15 * time.Second

// Attack tries the corpus on an API, one case after the other, and reports what became of
// each. The accepted neighbour of a case is tried before it: where the API refuses that
// one, the case says nothing, and the report says so. Families that the target does not
// have are reported as not tried.
//
// An error means that the target is not complete, that Start failed or that ctx ended;
// the report is then about what was tried before.
func Attack(ctx context.Context, t Target) (Report, error) {
	var report Report
	if t.Server == nil || t.ClientID == "" || t.Start == nil {
		return report, errors.New("validatortest: a Target needs Server, ClientID and Start")
	}
	for _, f := range t.families() {
		switch {
		case t.Families != nil && !slices.Contains(t.Families, f.name):
			report.NotTried = append(report.NotTried, NotTried{f.name, "not asked for"})
			continue
		case f.missing != "":
			report.NotTried = append(report.NotTried, NotTried{f.name, f.missing})
			continue
		}
		results, missing, err := t.attack(ctx, f)
		report.Results = append(report.Results, results...)
		if missing != "" {
			report.NotTried = append(report.NotTried, NotTried{f.name, missing})
		}
		if err != nil {
			return report, fmt.Errorf("validatortest: %s: %w", f.name, err)
		}
	}
	return report, nil
}

// family is a family of a target.
type family struct {
	name    Family
	mint    func() []Case
	each    bool   // the API is made anew for each case
	missing string // why it cannot be tried; empty: it can
}

func (t Target) families() []family {
	s, client := t.Server, t.ClientID
	of := func(name Family, mint func() []Case, there bool, missing string) family {
		if there {
			missing = ""
		}
		return family{name: name, mint: mint, missing: missing}
	}
	list := []family{
		of(Tokens, func() []Case { return s.Corpus(client) }, true, ""),
		of(Headers, func() []Case { return s.Headers(client) }, true, ""),
		of(KeySets, func() []Case { return s.KeySets(client) }, true, ""),
		of(KeyServers, func() []Case { return s.KeyServers(client) }, true, ""),
		of(Answers, func() []Case { return s.Answers(client) }, t.Opaque, "Target.Opaque is false"),
		of(JWTAnswers, func() []Case { return s.JWTAnswers(client) }, t.JWTsAsked, "Target.JWTsAsked is false"),
		of(Statuses, func() []Case { return s.Statuses(client) }, t.Statuses, "Target.Statuses is false"),
		of(MixUps, func() []Case { return s.MixUps(client, t.Second) }, t.Second != nil, "Target.Second is nil"),
		of(Proofs, func() []Case { return t.Proofs.Cases(s.AccessToken(ClientID(client), t.Proofs.Bind)) },
			t.Proofs != nil, "Target.Proofs is nil"),
		of(Policies, func() []Case { return s.Policies(client, t.Demands) }, t.Demands != Demands{}, "Target.Demands is empty"),
		of(Events, func() []Case { return s.Events(t.EventAudience) }, t.EventAudience != "", "Target.EventAudience is empty"),
		of(Logouts, func() []Case { return s.Logouts(t.LogoutClientID) }, t.LogoutClientID != "", "Target.LogoutClientID is empty"),
	}
	list[2].each, list[3].each = true, true
	return list
}

// attack tries a family: accepted cases first, so that each neighbour is tried before
// its cases.
func (t Target) attack(ctx context.Context, f family) (results []Result, missing string, err error) {
	api, err := t.Start(ctx)
	if err != nil {
		return nil, "", err
	}
	if (f.name == Events && api.Events == nil) || (f.name == Logouts && api.Logout == nil) {
		return nil, "API." + map[Family]string{Events: "Events", Logouts: "Logout"}[f.name] + " is nil", nil
	}
	cases, at := f.mint(), time.Now()
	slices.SortStableFunc(cases, func(a, b Case) int { return rank(a) - rank(b) })
	outcomes := map[string]Outcome{}
	for i := range cases {
		if time.Since(at) > minted {
			at = time.Now()
			renew(cases[i:], f.mint())
		}
		r := Result{Case: cases[i]}
		if neighbour, tried := outcomes[r.Neighbour]; tried && neighbour != Accepted {
			r.Outcome, r.Note = NotComparable, "its neighbour "+r.Neighbour+" was not accepted"
		} else if err := t.try(ctx, f, api, &r); err != nil {
			return results, "", err
		}
		r.judge()
		outcomes[r.Name] = r.Outcome
		results = append(results, r)
	}
	return results, "", nil
}

func rank(c Case) int {
	if c.Accept {
		return 0
	}
	return 1
}

// renew replaces cases by those of the same names that were minted now.
func renew(cases, fresh []Case) {
	for i, c := range cases {
		if at := slices.IndexFunc(fresh, func(f Case) bool { return f.Name == c.Name }); at >= 0 {
			cases[i] = fresh[at]
		}
	}
}

// try sends the request of one case. An error is none of the API.
func (t Target) try(ctx context.Context, f family, api API, r *Result) error {
	defer r.Arrange(t.Server)()
	asked := 0
	if r.asked != nil {
		asked = r.asked(t.Server)
	}
	if f.each {
		var err error
		if api, err = t.Start(ctx); err != nil {
			return err
		}
	}
	send := map[Family]Send{Events: api.Events, Logouts: api.Logout}[f.name]
	if !r.delivered() {
		send = api.Resource
	}
	if r.before != "" {
		r.ask(ctx, api.Logout, logoutRequest(r.before))
	}
	r.ask(ctx, send, r.Request())
	if r.Twice && r.Outcome != NotComparable {
		r.ask(ctx, send, r.Request())
	}
	if r.asked != nil && r.asked(t.Server) == asked && r.Outcome != NotComparable {
		r.Outcome, r.Note = NotComparable, "the API did not ask the server"
	}
	return context.Cause(ctx)
}

// ask sends a request and says what came of it.
func (r *Result) ask(ctx context.Context, send Send, request Request) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", patience))
	defer cancel()
	err := ErrCannotSend
	if !r.inHeader() {
		r.Answer, err = send(ctx, request)
	}
	switch {
	case errors.Is(err, ErrCannotSend):
		r.Outcome, r.Note = NotComparable, "the transport does not carry it"
	case err != nil:
		r.Outcome, r.Err, r.Note = Undecided, err, "no answer"
	case r.Answer.Status >= 500 || r.Answer.Status == 429 || r.Answer.Status == 0:
		r.Outcome = Undecided
	case r.Answer.Status >= 300:
		r.Outcome = Refused
	default:
		r.Outcome = Accepted
	}
}

// judge compares what came of it with what the case wants.
func (r *Result) judge() {
	want := Refused
	status, code := r.Expect()
	switch {
	case r.Accept:
		want = Accepted
	case status == 503:
		want = Undecided
	}
	r.OK = r.Outcome == want
	r.AsTold = r.OK && (r.Accept || r.Answer.Status == status && (code == "" || r.Answer.code() == code))
}
