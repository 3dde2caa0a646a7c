package validatortest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// families of the corpus that this package makes, and what they need of a server.
func everyCase(s *Server) []Case {
	second, err := Start(Options{Style: s.opts.Style, Algorithm: "ES256", Audience: "api://second"})
	if err != nil {
		panic(err)
	}
	defer second.Close()
	cases := s.Corpus(testClient)
	for _, more := range [][]Case{
		s.Headers(testClient), s.KeySets(testClient), s.KeyServers(testClient), s.Answers(testClient), s.Events("https://api.example/events"), s.Logouts(testClient),
		s.JWTAnswers(testClient), s.Statuses(testClient), s.MixUps(testClient, second),
		s.Policies(testClient, Demands{
			Scope: "read", ACR: "mfa", MaxAuthAge: 1e9, MaxAge: 1e9, MaxLifetime: 1e9, Audience: "api://b", ClientID: "b", Other: second, DetailType: "payment",
		}),
	} {
		cases = append(cases, more...)
	}
	return cases
}

// TestCases: each hostile case has a neighbour in its family and a rule with its source,
// no two have one name, and undoing its arrangement leaves the server as it was.
func TestCases(t *testing.T) {
	s, err := Start(Options{Style: StyleGeneric, Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	accepted, used := map[string]bool{}, map[string]bool{}
	cases := everyCase(s)
	for _, c := range cases {
		name := string(c.Family) + ": " + c.Name
		_, twice := accepted[name]
		assert.False(t, twice, "%s is there twice", name)
		accepted[name] = c.Accept
		assert.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, c.Name)
	}
	before := string(s.KeySet())
	for _, c := range cases {
		c.Arrange(s)()
		if c.Accept {
			assert.Empty(t, c.Kills+c.Neighbour+c.Reason, c.Name)
			continue
		}
		used[c.Kills] = true
		assert.True(t, accepted[string(c.Family)+": "+c.Neighbour], "%s: %s has no accepted neighbour %q", c.Family, c.Name, c.Neighbour)
		assert.NotEmpty(t, c.Reason, c.Name)
		assert.NotEmpty(t, c.Rule().RFC, "no rule %q of %s", c.Kills, c.Name)
		assert.NotEmpty(t, c.Rule().Why, c.Kills)
	}
	for kills := range rules {
		elsewhere := strings.HasPrefix(kills, "proof ") || kills == "tenants" || kills == "tid" || kills == "required claims"
		assert.True(t, used[kills] || elsewhere, "no case kills %q", kills)
	}
	assert.Equal(t, before, string(s.KeySet()))
	assert.Nil(t, s.overKeys)
	assert.Nil(t, s.overAnswers)
	assert.Nil(t, s.edit)
	assert.Equal(t, ModeUp, s.keyEndpoint.mode+s.introspectionEndpoint.mode)
	t.Logf("%d cases", len(cases))
}

// attackedBy is what Attack says of an API that answers everything alike.
func attackedBy(t *testing.T, s *Server, families []Family, h http.HandlerFunc) Report {
	t.Helper()
	report, err := Attack(t.Context(), Target{
		Server: s, ClientID: testClient, Families: families,
		Start: func(context.Context) (API, error) { return API{Resource: ToHandler(h, "/")}, nil },
	})
	require.NoError(t, err)
	return report
}

// TestAttackSaysWhatIsWrong: an API that lets all in, one that lets nobody in, one that is
// down.
func TestAttackSaysWhatIsWrong(t *testing.T) {
	s, err := Start(Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	open := attackedBy(t, s, []Family{Headers, KeySets}, status(200))
	assert.NotEmpty(t, open.Holes())
	for _, r := range open.Results {
		if r.Family == Headers {
			assert.Equal(t, Accepted, r.Outcome)
			assert.Equal(t, r.Accept, r.OK)
		} else if r.asked != nil {
			assert.Equal(t, NotComparable, r.Outcome, "nobody asked for the keys")
		}
	}
	said := open.String()
	assert.Contains(t, said, "ACCEPTED: two-headers, of headers\n  It differs from bearer, which is good, in what its name says.\n"+
		"  The check: one Authorization header (RFC 9110 5.3). Expected 400 invalid_request, got accepted: 200.\n  Of two headers one hop")
	assert.Contains(t, said, "answers: not tried: not asked for\n")
	assert.NotContains(t, said, "eyJ")

	closed := attackedBy(t, s, []Family{Headers}, status(401))
	assert.Empty(t, closed.Holes())
	assert.Len(t, closed.Failed(), 4, "the good ones")
	for _, r := range closed.Results {
		if !r.Accept {
			assert.Equal(t, NotComparable, r.Outcome, "its neighbour was refused")
		}
	}
	assert.Contains(t, closed.String(), "Refused or undecided, though good")

	down := attackedBy(t, s, []Family{Headers}, status(500))
	assert.Equal(t, Undecided, down.Results[0].Outcome)
	assert.Empty(t, down.Holes())
}

// TestAttackComparesTheAnswer: what is refused with another answer is told apart.
func TestAttackComparesTheAnswer(t *testing.T) {
	s, err := Start(Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	report := attackedBy(t, s, []Family{Headers}, func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(strings.Join(r.Header.Values("Authorization"), " "), " ")
		if !strings.EqualFold(scheme, "bearer") || strings.Trim(token, " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") != "" || strings.Contains(strings.TrimLeft(token, " "), " ") || token == "" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(401)
		}
	})
	for _, r := range report.Results {
		if r.Reason == "malformed_authorization_header" && r.Outcome == Refused {
			assert.True(t, r.OK, r.Name)
			assert.False(t, r.AsTold, "401 and not 400")
		}
	}
	assert.Contains(t, report.String(), "headers: refused: 401 invalid_token, expected 400 invalid_request")
}

func TestAttackNeedsATarget(t *testing.T) {
	s, err := Start(Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	start := func(context.Context) (API, error) { return API{}, errors.New("no port") }
	for _, target := range []Target{{ClientID: "x", Start: start}, {Server: s, Start: start}, {Server: s, ClientID: "x"}} {
		_, err := Attack(t.Context(), target)
		assert.ErrorContains(t, err, "a Target needs")
	}
	_, err = Attack(t.Context(), Target{Server: s, ClientID: "x", Start: start})
	assert.ErrorContains(t, err, "tokens: no port")
}

// TestToURL: what HTTP does not carry is never sent, and no redirect is followed.
func TestToURL(t *testing.T) {
	s, err := Start(Options{Algorithm: "ES256"})
	require.NoError(t, err)
	defer s.Close()
	defer s.setOver(&s.overKeys, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://elsewhere.example/"+r.Header.Get("DPoP"))
		w.Header().Set("WWW-Authenticate", `Bearer realm="x", error="invalid_token"`)
		w.WriteHeader(302)
	})()
	send := ToURL(s.JWKSURL(), s.Client())
	answer, err := send(t.Context(), Request{Authorization: []string{"Bearer a"}, DPoP: []string{"b"}})
	require.NoError(t, err)
	assert.Equal(t, Answer{302, `Bearer realm="x", error="invalid_token"`}, answer)
	assert.Equal(t, "invalid_token", answer.code())
	for _, value := range []string{" Bearer a", "Bearer a ", "Bearer a\n", "Bearer \x00"} {
		_, err := send(t.Context(), Request{Authorization: []string{value}})
		assert.ErrorIs(t, err, ErrCannotSend, "%q", value)
	}
	assert.Equal(t, 1, s.KeyRequests())
}
