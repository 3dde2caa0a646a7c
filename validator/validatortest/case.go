package validatortest

// Family is a part of the corpus: what of a request, or of an authorization server, is
// hostile in its cases.
type Family string

// The families.
const (
	Tokens     Family = "tokens"      // JWTs: [Server.Corpus]
	Headers    Family = "headers"     // Authorization headers: [Server.Headers]
	KeySets    Family = "key sets"    // what an issuer lists: [Server.KeySets]
	KeyServers Family = "key servers" // how it answers for keys and metadata: [Server.KeyServers]
	Answers    Family = "answers"     // of introspection: [Server.Answers]
	JWTAnswers Family = "JWT answers" // of introspection, about JWTs: [Server.JWTAnswers]
	Statuses   Family = "statuses"    // status lists, and tokens that name one: [Server.Statuses]
	MixUps     Family = "mix-ups"     // between two issuers that are both trusted: [Server.MixUps]
	Proofs     Family = "proofs"      // of possession: [ProofCorpus]
	Policies   Family = "policies"    // good tokens that are not enough: [Server.Policies]
	Events     Family = "events"      // security event tokens: [Server.Events]
	Logouts    Family = "logouts"     // logout tokens: [Server.Logouts]
)

// AllFamilies are all of them, in the order in which [Attack] tries them.
func AllFamilies() []Family {
	return []Family{Tokens, Headers, KeySets, KeyServers, Answers, JWTAnswers, Statuses, MixUps, Proofs, Policies, Events, Logouts}
}

// Case is one request of the corpus.
type Case struct {
	Family    Family
	Name      string // unique in its family, in kebab-case: the one thing in which it differs
	Kills     string // the check without which it would be accepted; "" for accepted ones
	Neighbour string // the accepted case that it differs from in one thing; "" for accepted ones
	Token     string // of Events and Logouts: the security event token, or the logout token
	Accept    bool
	Reason    string // why package validator refuses it; "" for accepted ones

	// Authorization are the values of that header. Nil: one, Bearer and the Token.
	Authorization []string
	// DPoP are the values of the header DPoP (RFC 9449 section 4.1).
	DPoP []string
	// Twice: the request is sent twice, and the second one is the case.
	Twice bool

	before  string               // a logout token that is delivered first; the Token is then an access token; empty: none
	arrange func(*Server) func() // nil: the server is as it was
	asked   func(*Server) int    // how often the server was asked for what is hostile; nil: it is in the request
}

// Arrange has the server behave as the case is about, until undo is called: list other
// keys, answer otherwise. Where nothing of the server is hostile it does nothing. One
// case at a time.
func (c Case) Arrange(s *Server) (undo func()) {
	if c.arrange == nil {
		return func() {}
	}
	return c.arrange(s)
}

// Request is the request that the case makes.
func (c Case) Request() Request {
	switch {
	case !c.delivered():
	case c.Family == Events: // RFC 8935 section 2.1
		return Request{ContentType: "application/secevent+jwt", Body: c.Token}
	default:
		return logoutRequest(c.Token)
	}
	r := Request{Authorization: c.Authorization, DPoP: c.DPoP}
	if r.Authorization == nil {
		r.Authorization = []string{"Bearer " + c.Token}
	}
	return r
}

// inHeader reports whether the token means something else behind a scheme than alone:
// none at all is a header without one, and a blank before it is one more after Bearer.
func (c Case) inHeader() bool {
	return c.Family == Tokens && (c.Token == "" || c.Token[0] == ' ')
}

// delivered reports whether the token is no access token, but one that tells of events.
func (c Case) delivered() bool {
	return (c.Family == Events || c.Family == Logouts) && c.before == ""
}

// Expect is the class that the refusal should have: the status of HTTP, and the error
// code of the challenge, empty where there is none to be. 503 stands for all that says
// that nothing was decided.
func (c Case) Expect() (status int, code string) {
	switch {
	case c.Accept:
		return 200, ""
	case c.delivered(): // RFC 8935 section 2.3, Back-Channel Logout section 2.8
		return 400, ""
	}
	return classOf(c.Reason)
}

// Rule is the rule that the case is about: where it is from, and why it matters.
func (c Case) Rule() Rule { return rules[c.Kills] }
