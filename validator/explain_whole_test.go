package validator_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

var update = flag.Bool("update", false, "write the explanations into testdata/explained.txt")

// album is some explanations, as text.
type album struct {
	t     *testing.T
	s     *validatortest.Server
	clock *testClock
	first map[string]string // the rows of the first one
	text  strings.Builder
}

// page adds one: what is not as in the first.
func (a *album) page(name string, v *validator.Validator, raw string, call validator.Requirements) *validator.Explanation {
	a.t.Helper()
	x := v.ExplainWith(a.t.Context(), raw, call)
	agrees(a.t, x, raw, refusalOf(x))
	text := fmt.Sprintf("=== %s\nkey: %s\ncache: %s\nintrospection: %s\n", name, x.Key, x.Cache, x.Introspection)
	rows, lists := map[string]string{}, map[string][]string{}
	for i, c := range x.Checks {
		row := fmt.Sprintf("%s: %s", c.Name, strings.TrimSpace(string(c.State)+" "+string(c.Reason)))
		if c.Expected != nothing.Checks[i].Expected {
			row += ", expected " + c.Expected
		}
		if c.Actual != "" {
			row += ", found " + c.Actual
		}
		rows[c.Name] = row
		switch {
		case a.first[c.Name] == row:
		case row == c.Name+": "+string(c.State):
			lists[string(c.State)] = append(lists[string(c.State)], c.Name)
		default:
			text += row + "\n"
		}
		if c.Unverified {
			lists["unverified"] = append(lists["unverified"], c.Name)
		}
	}
	for _, list := range slices.Sorted(maps.Keys(lists)) {
		text += fmt.Sprintf("%s: %s\n", list, strings.Join(lists[list], ", "))
	}
	if a.first == nil {
		a.first = rows
	}
	a.write(x, raw, text)
	return x
}

// whole adds an explanation as String has it.
func (a *album) whole(name string, v *validator.Validator, raw string, call validator.Requirements) {
	a.t.Helper()
	x := a.page(name, v, raw, call)
	a.write(x, raw, "--- "+name+", for people\n"+x.String())
}

// write adds text without what is another one in every run.
func (a *album) write(x *validator.Explanation, raw, text string) {
	replace := []string{a.s.Issuer(), "https://as.example", a.s.KID(), "KID", fmt.Sprintf(" %d bytes", len(raw)), " N bytes"}
	if x.Key != nil && x.Key.Thumbprint != "" {
		replace = append(replace, x.Key.Thumbprint, "THUMBPRINT")
	}
	a.text.WriteString(strings.NewReplacer(replace...).Replace(text) + "\n")
}

// TestExplainWhole: explanations as they are, each check with what it expected and found.
func TestExplainWhole(t *testing.T) {
	clock := newClock()
	a := &album{t: t, clock: clock, s: start(t, validatortest.Options{Clock: clock.Now, Style: validatortest.StyleGeneric, Lifetime: lifetime})}
	a.tokens()
	a.policies()
	a.answers()
	a.others()
	const file = "testdata/explained.txt"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(a.text.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), a.text.String(), "go test ./validator -run TestExplainWhole -update writes what is explained now")
}

func (a *album) build(issuers ...validator.Issuer) *validator.Validator {
	for i := range issuers {
		if issuers[i].Name == "" {
			issuers[i].Name = fmt.Sprint("issuer ", i+1)
		}
	}
	c := configure(issuers...)
	c.Clock = a.clock.Now
	return build(a.t, c)
}

// in is a claim with a date.
func (a *album) in(name string, d time.Duration) validatortest.Edit {
	return validatortest.Claim(name, a.clock.Now().Add(d).Unix())
}

// everything are claims that checks look at if they are there.
func (a *album) everything() []validatortest.Edit {
	return []validatortest.Edit{
		a.in("nbf", 0), a.in("auth_time", -time.Minute), validatortest.Claim("acr", "gold"), validatortest.Scope("read", "write"),
		validatortest.Claim("authorization_details", []map[string]any{{"type": "pay"}}),
	}
}

func (a *album) tokens() {
	s, claim, header := a.s, validatortest.Claim, validatortest.HeaderParam
	is := trust(s)
	is.MaxTokenLifetime = 3 * time.Hour
	v, none := a.build(is), validator.Requirements{}
	raw := s.AccessToken(a.everything()...)
	a.page("accepted", v, raw, none)
	a.clock.Advance(90*time.Second + 400*time.Microsecond)
	a.whole("accepted again", v, raw, none)
	a.whole("no token", v, "", none)
	a.page("too large, of three parts", v, s.AccessToken(claim("x", strings.Repeat("x", validator.MaxTokenSize))), none)
	a.page("too large", v, strings.Repeat("a", validator.MaxTokenSize+1), none)
	a.page("of another alphabet", v, "a b", none)
	a.page("opaque, and nobody to ask", v, "an-opaque-token", none)
	a.page("crit", v, s.AccessToken(header("crit", []string{"exp"})), none)
	a.page("malformed claims", v, s.AccessToken(claim("exp", "1")), none)
	a.page("of the issuer, but for a slash", v, s.AccessToken(claim("iss", s.Issuer()+"/"), validatortest.Audience("api://other")), none)
	a.whole("all that can be wrong", v, s.AccessToken(
		header("alg", "none"), claim("typ", "Other"), a.in("iat", time.Hour), a.in("nbf", time.Hour), a.in("exp", 9*time.Hour),
		validatortest.Audience("api://other"), validatortest.ClientID("stranger"), claim("scp", []string{"root"}),
		claim("cnf", members{"jkt": thumbprint}), claim("status", members{"status_list": members{}}),
	), none)
	a.page("without exp", v, s.AccessToken(validatortest.NoClaim("exp")), none)
	a.page("expired, and without iat", v, s.AccessToken(a.in("exp", -time.Hour), validatortest.NoClaim("iat")), none)
	a.page("of no key", v, s.AccessToken(header("kid", "another")), none)
	a.whole("without kid, and with a bad signature", v, forged(s.AccessToken(validatortest.NoHeaderParam("kid"))), none)
	a.page("DPoP with cnf", v, s.AccessToken(claim("typ", "DPoP"), header("typ", "at+jwt"), header("alg", "none"), claim("cnf", members{"jkt": thumbprint})), none)
	a.page("DPoP without cnf", v, s.AccessToken(claim("typ", "DPoP"), header("typ", "at+jwt")), none)

	is.AnyClient, is.ClientIDs, is.Profile, is.MaxTokenLifetime = true, nil, validator.RFC9068(), 0
	many := []validator.Issuer{is}
	for i := range 5 {
		many = append(many, validator.Issuer{URL: fmt.Sprint("https://other.example/", i), Audiences: strs{audience}, AnyClient: true})
	}
	a.page("of another type", a.build(many...), s.AccessToken(claim("status", members{"status_list": members{}})), none)
	a.page("of none of many", a.build(many...), s.AccessToken(claim("iss", "https://stranger.example")), none)
	a.page("of none of five", a.build(many[1:]...), s.AccessToken(claim("iss", "https://stranger.example")), none)
}

func (a *album) policies() {
	s, second := a.s, start(a.t, validatortest.Options{})
	is := trust(second)
	is.Audiences = strs{"api://second"}
	v := a.build(trust(s), is)
	policy := func(p validator.Policy) validator.Requirements { return validator.Requirements{Policy: &p} }
	met := policy(validator.Policy{
		Scopes: strs{"read"}, AnyScope: strs{"write", "root"}, Issuers: strs{"issuer 1"}, Audiences: strs{audience}, ClientIDs: strs{client},
		MaxTokenAge: time.Hour, ACRValues: strs{"gold", "silver"}, MaxAuthAge: time.Hour,
		AuthorizationDetails: []validator.DetailRule{validator.Detail("pay", func(struct{}) bool { return true })},
		Permit:               func(context.Context, *validator.Token) error { return nil }, PermitName: "what I want",
	})
	unmet := policy(validator.Policy{
		Scopes: strs{"root"}, Issuers: strs{"issuer 2"}, Audiences: strs{"api://second"}, ClientIDs: strs{"stranger"},
		MaxTokenAge: time.Second, ACRValues: strs{"bronze"}, MaxAuthAge: time.Second,
		AuthorizationDetails: []validator.DetailRule{validator.Detail("read", func(struct{}) bool { return true })},
		Permit:               func(context.Context, *validator.Token) error { panic("nobody asks") },
	})
	good := a.everything()
	a.clock.Advance(time.Minute)
	bad := append(a.everything(), validatortest.HeaderParam("alg", "none"), a.in("iat", -time.Minute))
	a.page("a policy that is met", v, s.AccessToken(good...), met)
	a.whole("a policy that would be met", v, s.AccessToken(bad...), met)
	a.page("a policy that would not be met", v, s.AccessToken(bad...), unmet)
	a.page("a policy of nothing", v, s.AccessToken(bad...), policy(validator.Policy{AnyToken: true, AnyTrustedIssuer: true}))
	a.page("a policy that cannot be evaluated", v, s.AccessToken(bad...), policy(validator.Policy{Scopes: strs{"root"}}))
	a.page("nothing but a policy that cannot be evaluated", v, s.AccessToken(), policy(validator.Policy{Scopes: strs{"root"}}))
	a.page("a policy about any of two scopes", v, s.AccessToken(bad...), policy(validator.Policy{AnyScope: strs{"root", "admin"}, AnyTrustedIssuer: true}))
	a.page("a policy about a token that cannot be read", v, "an-opaque-token", met)
	a.page("a policy about a token without those claims", v,
		s.AccessToken(validatortest.HeaderParam("alg", "none"), validatortest.NoClaim("iat"), validatortest.NoClaim("scope")), met)
}

func (a *album) answers() {
	s, o := a.s, newOracle(a.t)
	says := func(members map[string]any) {
		all := map[string]any{"exp": a.clock.Now().Add(time.Minute).Unix(), "sub": nil}
		maps.Copy(all, members)
		o.says(answer(all))
	}
	asks := func(edits ...func(*validator.Issuer)) *validator.Validator {
		return a.build(ask(s, append(edits, o.at)...))
	}
	v, none := asks(), validator.Requirements{}
	now := validator.Requirements{Fresh: validator.IntrospectedNow()}
	says(map[string]any{"iat": a.clock.Now().Unix(), "nbf": a.clock.Now().Unix()})
	a.page("opaque", v, "an-opaque-token", none)
	a.clock.Advance(30 * time.Second)
	a.page("opaque, again", v, "an-opaque-token", none)
	a.page("would be asked", v, s.AccessToken(validatortest.Audience("api://other")), now)
	o.says(`{"active":false}`)
	a.page("inactive", v, "another-opaque-token", none)
	says(map[string]any{"aud": "api://other"})
	a.page("opaque, for another API", v, "a-third-opaque-token", none)
	says(map[string]any{"exp": "1"})
	a.page("no answer", v, "a-fourth-opaque-token", none)
	says(map[string]any{"token_type": "DPoP"})
	a.page("DPoP by the answer", v, "a-fifth-opaque-token", none)
	raw := s.AccessToken(validatortest.Scope("read"))
	says(map[string]any{"exp": nil, "client_id": nil, "aud": nil})
	a.page("asked besides", v, raw, now)
	a.page("asked besides, before", v, raw, none)
	says(map[string]any{"exp": a.clock.Now().Unix()})
	a.page("another exp", v, raw, now)
	stale := asks(always, func(is *validator.Issuer) {
		is.IntrospectionMaxAge, is.StaleIfError = time.Second, time.Hour
	})
	says(map[string]any{"exp": nil})
	a.page("asked always", stale, raw, none)
	a.clock.Advance(time.Minute)
	o.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	a.whole("an answer that stands in", stale, raw, none)
	a.whole("undecided", v, raw, now)
	limited := func(is *validator.Issuer) { is.MaxTokenLifetime = 2 * lifetime }
	says(nil)
	a.page("opaque, of unknown age", asks(limited), "a-sixth-opaque-token", none)
	a.page("without keys", asks(func(is *validator.Issuer) { is.OpaqueOnly = true }), raw, none)
	revocable := func(edits ...func(*validator.Issuer)) *validator.Validator {
		c := configure(ask(s, append(edits, o.at, limited)...))
		c.Clock, c.Revocations = a.clock.Now, newRevocations(a.t, validator.RevocationsConfig{})
		return build(a.t, c)
	}
	a.page("could be revoked, but is asked about", revocable(), "a-seventh-opaque-token", none)
	a.page("could be revoked, but would be asked about", revocable(always), s.AccessToken(validatortest.Audience("api://other")), none)
	a.page("nobody to ask", a.build(trust(s)), raw, now)
}

func (a *album) others() {
	s, none := a.s, validator.Requirements{}
	v := a.build(trust(s))
	bound := func(cnf members) string { return s.AccessToken(validatortest.Claim("cnf", cnf)) }
	proof := validator.Requirements{Proofs: []validator.Proof{fixedProof{proven: validator.Confirmation{JKT: thumbprint}}}}
	a.page("bound to a key, and nobody proved it", v, bound(members{"jkt": thumbprint}), none)
	a.page("bound to a key", v, bound(members{"jkt": thumbprint}), proof)
	a.page("bound to a certificate", v, bound(members{"x5t#S256": thumbprint}), none)
	a.page("not bound", v, s.AccessToken(), proof)

	c := configure(trust(s))
	c.Clock, c.Revocations = a.clock.Now, newRevocations(a.t, validator.RevocationsConfig{})
	c.Issuers[0].MaxTokenLifetime, c.Issuers[0].AllowUnknownStatus = lifetime, true
	v = build(a.t, c)
	a.page("could be revoked", v, s.AccessToken(validatortest.HeaderParam("kid", "another")), none)
	require.NoError(a.t, c.Revocations.Revoke(validator.Revocation{Issuer: s.Issuer(), Subject: "jane"}))
	a.page("revoked", v, s.AccessToken(validatortest.Subject("jane"), validatortest.Claim("status", members{"other": 1})), none)
}
