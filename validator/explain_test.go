package validator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// agrees asserts what holds for every explanation: its verdict is err, which Validate
// returned for the same token; exactly one check decided, for that reason; those before
// it have passed; and no part of the token is in it. It returns the check that decided.
func agrees(t testing.TB, x *validator.Explanation, raw string, err error) (decisive validator.ExplainedCheck) {
	t.Helper()
	require.Equal(t, reasonOf(err), x.Reason)
	require.Equal(t, err == nil, x.Accepted)
	if err != nil {
		class := allClasses[slices.IndexFunc(allClasses, func(class error) bool { return errors.Is(err, class) })]
		refused(t, x.Err, class, reasonOf(err))
		require.Equal(t, class.Error(), x.Class)
		require.Equal(t, reasonOf(err).Advice(), x.Advice)
	} else {
		require.Nil(t, x.Err)
		require.True(t, x.Verified)
	}
	decided := false
	for _, c := range x.Checks {
		require.NotEmpty(t, c.Expected, c.Name)
		require.Equal(t, c.State == validator.CheckFailed, c.Reason != "", c.Name)
		require.Equal(t, c.Reason.Advice(), c.Advice, c.Name)
		require.False(t, x.Verified && c.Unverified, c.Name)
		switch {
		case c.Decisive:
			require.False(t, decided, "%s: two checks decided", c.Name)
			require.Equal(t, x.Reason, c.Reason, c.Name)
			decided, decisive = true, c
		case x.Accepted || !decided:
			require.Contains(t, []validator.CheckState{validator.CheckPassed, validator.CheckDoesNotApply}, c.State, "%s before %s", c.Name, x.Reason)
		}
	}
	require.Equal(t, err != nil, decided)
	require.Equal(t, names, namesOf(x), "the same checks for every token")
	silent(t, x, raw)
	return decisive
}

// nothing is the explanation of no token, and names are its checks.
var (
	nothing = func() *validator.Explanation {
		v, err := validator.New(validator.Config{Issuers: []validator.Issuer{{URL: "https://as.example", Audiences: strs{"a"}, AnyClient: true}}})
		if err != nil {
			panic(err)
		}
		return v.Explain(context.Background(), "")
	}()
	names = namesOf(nothing)
)

func namesOf(x *validator.Explanation) (list []string) {
	for _, c := range x.Checks {
		list = append(list, c.Name)
	}
	return list
}

// texts are all that an explanation can be turned into.
func texts(t testing.TB, x *validator.Explanation) []string {
	t.Helper()
	data, err := json.Marshal(x)
	require.NoError(t, err)
	return []string{string(data), x.String(), fmt.Sprintf("%#v", x), fmt.Sprint(*x)}
}

// silent asserts that no part of the token is in an explanation, but for words that are
// in every explanation.
func silent(t testing.TB, x *validator.Explanation, raw string) {
	t.Helper()
	text, always := strings.Join(texts(t, x), "\n"), strings.Join(texts(t, nothing), "\n")
	for _, part := range strings.Split(raw, ".") {
		if len(part) < 16 {
			continue
		}
		for _, piece := range []string{part[:16], part[len(part)-16:]} {
			if !strings.Contains(always, piece) {
				require.NotContains(t, text, piece)
			}
		}
	}
}

// requirements are some calls, by name.
var requirements = map[string]validator.Requirements{
	"nothing":   {},
	"any token": {Policy: &validator.Policy{AnyToken: true, AnyTrustedIssuer: true}},
	"scope":     {Policy: &validator.Policy{Scopes: strs{"read"}, AnyTrustedIssuer: true}},
	"more":      {Policy: &validator.Policy{Scopes: strs{"root"}, AnyTrustedIssuer: true, ACRValues: strs{"gold"}, MaxTokenAge: 1}},
	"unusable":  {Policy: &validator.Policy{}},
}

// TestExplainIsValidate: for every token of every style and whatever the call asks,
// Explain says what ValidateWith says, on a miss as on a hit.
func TestExplainIsValidate(t *testing.T) {
	for name, style := range styles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, validatortest.Options{Style: style.style, Algorithm: "RS256", Path: style.path})
			cases := s.Corpus(client)
			for call, require := range requirements {
				if style.style != validatortest.StyleGeneric && call != "nothing" {
					continue // policies are not the style's business
				}
				one, other := build(t, configure(style.issuer(s))), build(t, configure(style.issuer(s)))
				for _, round := range []string{"miss", "hit"} {
					for _, c := range cases {
						_, err := one.ValidateWith(t.Context(), c.Token, require)
						x := other.ExplainWith(t.Context(), c.Token, require)
						t.Run(call+"/"+round+"/"+c.Name, func(t *testing.T) { agrees(t, x, c.Token, err) })
					}
				}
			}
		})
	}
}

// TestExplainJSON: the form as JSON, which others read.
func TestExplainJSON(t *testing.T) {
	s := start(t, validatortest.Options{})
	v := build(t, configure(ask(s, always)))
	members := func(value any) (list []string) {
		for name := range value.(map[string]any) {
			list = append(list, name)
		}
		slices.Sort(list)
		return list
	}
	read := func(raw string) (all map[string]any, checks map[string]map[string]any) {
		data, err := json.Marshal(v.Explain(t.Context(), raw))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &all))
		checks = map[string]map[string]any{}
		for _, c := range all["checks"].([]any) {
			check := c.(map[string]any)
			checks[check["name"].(string)] = check
		}
		return all, checks
	}
	raw := s.AccessToken()
	accept(t, v, raw)
	all, checks := read(raw)
	require.Equal(t, strs{"accepted", "at", "cache", "checks", "introspection", "issuer", "key", "profile", "verified"}, strs(members(all)))
	require.Equal(t, strs{"age_ns", "cached", "kept", "until"}, strs(members(all["cache"])))
	require.Equal(t, strs{"age_ns", "asked", "at"}, strs(members(all["introspection"])))
	require.Equal(t, strs{"age_ns", "alg", "fetched", "kid", "listed", "thumbprint", "verified"}, strs(members(all["key"])))
	require.Equal(t, "passed", checks["aud"]["state"])
	require.Equal(t, "does_not_apply", checks["policy"]["state"])

	all, checks = read(s.AccessToken(validatortest.Audience("api://other")))
	require.Equal(t, strs{"accepted", "advice", "at", "cache", "checks", "class", "introspection", "issuer", "key", "profile", "reason", "verified"}, strs(members(all)))
	require.Equal(t, strs{"actual", "advice", "decisive", "expected", "name", "reason", "rfc", "state", "unverified"}, strs(members(any(checks["aud"]))))
	require.Equal(t, "failed", checks["aud"]["state"])
	require.Equal(t, "not_reached", checks["key"]["state"])
}
