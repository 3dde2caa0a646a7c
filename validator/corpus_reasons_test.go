package validator_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/middleware/dpop/dpoptest"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// notInCorpus are the reasons for which no token, header, key set, answer, proof or event
// is to blame, and why.
var notInCorpus = map[validator.Reason]string{
	validator.ReasonTokenInQuery:             "another place for a token, which not every API refuses by itself",
	validator.ReasonSecondPlace:              "another place for a token, which not every API refuses by itself",
	validator.ReasonOpaqueFormat:             "introspect.Format: the configuration's",
	validator.ReasonProofInvalid:             "a Proof of the user's own",
	validator.ReasonPolicyInvalid:            "a mistake of the configuration",
	validator.ReasonNotPermitted:             "Policy.Permit: a function of the user's",
	validator.ReasonRouteUnknown:             "of the routes, not of the token",
	validator.ReasonKeyRefreshThrottled:      "comes of many requests",
	validator.ReasonFreshnessUnavailable:     "needs a demand for freshness, and an outage",
	validator.ReasonRevocationsBehind:        "an outage of what the fleet shares",
	validator.ReasonProofUnavailable:         "an outage of what remembers proofs",
	validator.ReasonProofStoreFull:           "comes of many requests",
	validator.ReasonProofKeyFull:             "comes of many requests",
	validator.ReasonPermitUnavailable:        "Policy.Permit: a function of the user's",
	validator.ReasonCallerLeft:               "comes of a client that left",
	validator.ReasonIntrospectionBusy:        "comes of many requests",
	validator.ReasonIntrospectionSuspended:   "comes of many requests",
	validator.ReasonIntrospectionCredentials: "our own credentials",
	validator.ReasonIntrospectionUnsupported: "a mistake of the configuration: a server that answers for no such tokens",
}

// tellingStyles have between them every check of a token. TestCorpus runs all styles.
var tellingStyles = []string{"RFC 9068", "generic", "Entra v2, all"}

// TestCorpusHasEveryReason: each reason has a case that is refused for it, but for those
// that no case could have. That the cases are refused for their reasons is in TestCorpus,
// TestCorpusFamilies and the tests of package middleware.
func TestCorpusHasEveryReason(t *testing.T) {
	has := map[validator.Reason]bool{}
	add := func(cases []validatortest.Case) {
		for _, c := range cases {
			has[validator.Reason(c.Reason)] = true
		}
	}
	for _, name := range tellingStyles {
		s := start(t, validatortest.Options{Style: styles[name].style, Path: styles[name].path})
		add(s.Corpus(client))
	}
	s, second := start(t, validatortest.Options{}), start(t, validatortest.Options{Audience: "api://second"})
	const address = "https://api.example.com/orders/list"
	key := dpoptest.NewKey("ES256")
	for _, cases := range [][]validatortest.Case{
		s.Headers(client), s.KeySets(client), s.KeyServers(client), s.Answers(client), s.JWTAnswers(client), s.Statuses(client),
		s.MixUps(client, second), s.Events(eventAudience), s.Logouts(logoutClient), s.Policies(client, everyDemand(second)),
		dpoptest.Proofs(key, "GET", address).Cases("token"),
		dpoptest.NonceProofs(key, "GET", address, func() string { return "nonce" }).Cases("token"),
	} {
		add(cases)
	}
	for _, reason := range allReasons(t) {
		_, not := notInCorpus[reason]
		assert.NotEqual(t, not, has[reason], "%s: in the corpus: %t; an exception: %t", reason, has[reason], not)
	}
}

func everyDemand(other *validatortest.Server) validatortest.Demands {
	return validatortest.Demands{
		Scope: "read", ACR: "mfa", MaxAuthAge: 10 * time.Minute, MaxAge: 10 * time.Minute, MaxLifetime: 2 * time.Hour,
		Audience: "api://other-part", ClientID: "other-app", Other: other, DetailType: "payment",
	}
}

// rowsNotInCorpus are the checks of an explanation that no case could fail, and why.
var rowsNotInCorpus = map[string]string{
	"revocation":      "takes a logout first: TestAttack of package middleware",
	"tenant":          "Tenants.Permit: a function of the configuration",
	"answer lifetime": "needs an answer with iat, and is that of the token",
	"policy":          "a mistake of the configuration",
	"policy permit":   "Policy.Permit: a function of the user's",
}

// TestCorpusFamilies: each case is refused for its own reason, decided by the check that it
// is about, and every check has a case that it alone decides.
func TestCorpusFamilies(t *testing.T) {
	decided := map[string]bool{}
	rows := strs{}
	explain := func(v *validator.Validator, c validatortest.Case, r validator.Requirements) {
		t.Helper()
		x := v.ExplainWith(t.Context(), c.Token, r)
		assert.Equal(t, validator.Reason(c.Reason), x.Reason, "%s: %s", c.Family, c.Name)
		for _, row := range x.Checks {
			decided[row.Name] = decided[row.Name] || row.Decisive
			if !slices.Contains(rows, row.Name) {
				rows = append(rows, row.Name)
			}
		}
	}
	for _, name := range tellingStyles {
		cases, v := corpusValidator(t, name)
		for _, c := range cases {
			if !c.Accept && c.Reason != "no_token" {
				explain(v, c, validator.Requirements{})
			}
		}
	}
	for _, style := range []string{"RFC 9068", "generic"} {
		s := start(t, validatortest.Options{Style: styles[style].style})
		is := styles[style].issuer(s)
		is.Algorithms = strs{"RS256", "ES256", "EdDSA"}
		brief := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		keys := slices.Concat(s.KeySets(client), s.KeyServers(client))
		if style == "generic" {
			keys = nil // they are read alike
		}
		for _, c := range keys {
			undo := c.Arrange(s)
			config := configure(is)
			config.HTTPClient = brief
			explain(build(t, config), c, validator.Requirements{})
			undo()
		}
		asked := ask(s)
		asked.Profile, asked.Algorithms = is.Profile, is.Algorithms
		for _, c := range s.Answers(client) {
			undo := c.Arrange(s)
			explain(build(t, configure(asked)), c, validator.Requirements{})
			undo()
		}
		asked.IntrospectAlways = true
		v := build(t, configure(asked))
		for _, c := range s.JWTAnswers(client) {
			undo := c.Arrange(s)
			explain(v, c, validator.Requirements{})
			undo()
		}
		v = build(t, configure(is))
		for _, c := range s.Statuses(client) {
			explain(v, c, validator.Requirements{})
		}
		second := start(t, validatortest.Options{Style: styles[style].style, Audience: "api://second"})
		other := styles[style].issuer(second)
		other.Audiences, other.Algorithms = strs{"api://second"}, is.Algorithms
		v = build(t, configure(is, other))
		for _, c := range s.MixUps(client, second) {
			explain(v, c, validator.Requirements{})
		}
		d := everyDemand(second)
		is.MaxTokenLifetime = d.MaxLifetime
		is.Audiences, is.ClientIDs = append(is.Audiences, d.Audience), append(is.ClientIDs, d.ClientID)
		policy := &validator.Policy{
			Scopes: strs{d.Scope}, ACRValues: strs{d.ACR}, MaxAuthAge: d.MaxAuthAge, MaxTokenAge: d.MaxAge, Audiences: strs{audience}, ClientIDs: strs{client},
			Issuers: strs{is.URL}, AuthorizationDetails: []validator.DetailRule{validator.Detail(d.DetailType, func(map[string]any) bool { return true })},
		}
		v = build(t, configure(is, other))
		for _, c := range s.Policies(client, d) {
			explain(v, c, validator.Requirements{Policy: policy})
		}
	}
	for _, name := range rows {
		_, not := rowsNotInCorpus[name]
		assert.NotEqual(t, not, decided[name], "%s: decided by a case: %t; an exception: %t", name, decided[name], not)
	}
	for name := range maps.Keys(rowsNotInCorpus) {
		assert.Contains(t, rows, name)
	}
}

// TestCorpusSignals: each signal is taken, or refused for its own reason.
func TestCorpusSignals(t *testing.T) {
	s := newSignalled(t)
	for kind, of := range map[validator.SignalKind]struct {
		receive func(context.Context, string) (validator.Outcome, error)
		cases   []validatortest.Case
	}{
		validator.SignalEvent:  {s.validator.ReceiveEvent, s.Server.Events(eventAudience)},
		validator.SignalLogout: {s.validator.ReceiveLogout, s.Server.Logouts(logoutClient)},
	} {
		for _, c := range of.cases {
			if c.Kills == "revocation" || c.Name == "access-token-of-another-session" {
				continue // in TestAttack
			}
			_, err := of.receive(t.Context(), c.Token)
			if c.Accept {
				assert.NoError(t, err, "%s %s", kind, c.Name)
				continue
			}
			refused(t, err, validator.ErrInvalidToken, validator.Reason(c.Reason))
		}
	}
}
