package validator

import (
	"cmp"
	"slices"
	"strings"
)

// rule is one row of an explanation. Those that have a check take their outcome from it;
// what stands here is only how to show it.
type rule struct {
	name, rfc string
	demand    string // what it asks for, whatever the configuration
	sight     func(*explainer) sight
}

// sight is what can be seen of a rule without deciding.
type sight struct {
	expected, actual string
	absent           bool     // it does not apply
	looked           bool     // its check was made, apart from the verdict
	failure          *failure // what it found; nil: it passed
}

// The names of rules that have no check of their own in a list, and those of failures
// that no reason tells apart.
const (
	ruleSize, ruleAlphabet, ruleForm, ruleHeader, ruleClaims, ruleIssuer = "size", "alphabet", "form", "header", "claims", "iss"
	ruleKey, ruleSignature, ruleTenant, ruleRevocation                   = "key", "signature", "tenant", "revocation"
	ruleIntrospection, ruleAnswer, ruleAnswerAgrees, ruleAnswerCnf       = "introspection", "answer", "answer agrees", "answer cnf"
	ruleStatusList, ruleProof, rulePolicy, rulePermit                    = "status_list", "proof", "policy", "policy permit"
)

var (
	atIntrospection = &failure{check: ruleIntrospection}
	atStatusList    = &failure{check: ruleStatusList}
	atProof         = &failure{check: ruleProof}
	atPermit        = &failure{check: rulePermit}
)

// rules are all rows in the order of the checks. Those of the lists of checks get in by
// themselves.
var (
	rules       []rule
	answerRules []string // the names of those about what the issuer said
)

func init() { // what they show leads back to them
	answer := slices.Concat(askRules, rowsOf("answer ", answerChecks(nil)), agreeRules)
	for _, r := range answer {
		answerRules = append(answerRules, r.name)
	}
	rules = slices.Concat(firstRules, rowsOf("", checks), keyRules, answer, lastRules, policyRules())
}

// rowsOf are the rows of a list of checks: one for each name.
func rowsOf(prefix string, list []check) (rows []rule) {
	for _, check := range list {
		name := check.name
		if slices.ContainsFunc(rows, func(r rule) bool { return r.name == prefix+name }) {
			continue
		}
		d := described[name]
		r := rule{name: prefix + name, rfc: d.rfc, demand: d.demand}
		r.sight = func(x *explainer) sight { return x.ofToken(name, d) }
		if prefix != "" {
			r.sight = func(x *explainer) sight { return x.ofAnswer(name, d) }
		}
		rows = append(rows, r)
	}
	return rows
}

// ofToken is a check of what the token says.
func (x *explainer) ofToken(name string, d description) sight {
	if !x.jws {
		return sight{absent: true}
	}
	return x.token.sight(name, d, x)
}

// ofAnswer is a check of what the issuer says.
func (x *explainer) ofAnswer(name string, d description) sight {
	if !x.asked() && !x.wouldAsk() {
		return sight{absent: true}
	}
	return x.answer.sight(name, d, x)
}

func (l *look) sight(name string, d description, x *explainer) sight {
	if l == nil {
		return sight{}
	}
	f, looked := l.failures[name]
	s := sight{looked: looked, failure: f}
	if d.found != nil && looked {
		var applies bool
		s.expected, s.actual, applies = d.found(l.candidate, x.instant())
		s.absent = !applies
	}
	return s
}

// place is the name of the rule that led to the refusal.
func (e *Error) place(known *facts) string {
	name := places[e.Reason]
	if e.finding != nil {
		name = e.finding.check
	}
	if opaque := known != nil && known.key == nil; opaque && isRule("answer "+name) {
		return "answer " + name // the times are those of the answer, on a hit too
	}
	if !isRule(name) && strings.HasPrefix(name, "answer ") {
		return ruleAnswer // it could not be read
	}
	return name
}

func isRule(name string) bool {
	return slices.ContainsFunc(rules, func(r rule) bool { return r.name == name })
}

// places are the rules of the reasons that only one rule gives.
var places = map[Reason]string{
	ReasonNoToken: ruleSize, ReasonTokenTooLarge: ruleSize, ReasonTokenAlphabet: ruleAlphabet,
	ReasonNotJWT: ruleForm, ReasonOpaqueFormat: ruleForm, ReasonMalformedToken: ruleForm,
	ReasonMalformedJOSEHeader: ruleHeader, ReasonCriticalHeader: ruleHeader, ReasonUnknownIssuer: ruleIssuer,
	ReasonUnknownKey: ruleKey, ReasonKeysUnavailable: ruleKey, ReasonKeyRefreshThrottled: ruleKey, ReasonCallerLeft: ruleKey,
	ReasonBadSignature: ruleSignature, ReasonTenantNotAllowed: ruleTenant, ReasonRevoked: ruleRevocation, ReasonRevocationsBehind: ruleRevocation,

	ReasonInactive: ruleIntrospection, ReasonFreshnessUnavailable: ruleIntrospection,
	ReasonIntrospectionUnavailable: ruleIntrospection, ReasonIntrospectionBusy: ruleIntrospection,
	ReasonIntrospectionSuspended: ruleIntrospection, ReasonIntrospectionDenied: ruleIntrospection,
	ReasonIntrospectionCredentials: ruleIntrospection, ReasonIntrospectionUnsupported: ruleIntrospection,
	ReasonIntrospectionMalformed: ruleAnswer, ReasonConfirmationMissing: ruleAnswerCnf,

	ReasonPolicyInvalid: rulePolicy, ReasonIssuerNotAllowed: "policy issuers", ReasonAudienceNotAllowed: "policy audiences",
	ReasonClientNotAllowed: "policy clients", ReasonTokenTooOld: "policy token age", ReasonInsufficientScope: "policy scopes",
	ReasonDetailsMalformed: "policy authorization_details", ReasonDetailsInsufficient: "policy authorization_details",
	ReasonACRInsufficient: "policy acr", ReasonAuthenticationTooOld: "policy auth_time",
}

// checks are the rows. What the verdict says of a rule holds: all before the one that
// decided have passed. Only behind it counts what was seen apart from the verdict.
func (x *explainer) checks() []ExplainedCheck {
	e := x.decision.Err
	decisive, name := len(rules), ""
	if e != nil {
		name = e.place(x.known)
		decisive = slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	}
	rows := make([]ExplainedCheck, 0, len(rules)+1)
	for i, r := range rules {
		rows = append(rows, x.row(r, cmp.Compare(i, decisive)))
	}
	if decisive < 0 { // no rule of ours: still no verdict without its check
		rows = append(rows, x.row(rule{name: name, demand: "otherwise", sight: func(*explainer) sight { return sight{} }}, 0))
	}
	return rows
}

// row is one of them: before, at or behind the rule that decided.
func (x *explainer) row(r rule, position int) ExplainedCheck {
	s := r.sight(x)
	row := ExplainedCheck{Name: r.name, RFC: r.rfc, Expected: s.expected, Actual: s.actual}
	switch {
	case position == 0:
		row.Decisive = true
		row.fail(x.decision.Err.Reason)
		s.failure = row.blame(x.decision.Err, s.failure)
	case s.absent:
		row.State, row.Expected, row.Actual = CheckDoesNotApply, "", ""
	case position < 0:
		row.State, s.failure = CheckPassed, nil
	case s.failure != nil:
		row.fail(s.failure.reason)
	case s.looked:
		row.State = CheckPassed
	default:
		row.State = CheckNotReached
	}
	row.show(r, s.failure, x)
	return row
}

// blame is what the refusal says that was expected and found, or in its place what was
// seen. Where both say nothing, there are the words for the log.
func (row *ExplainedCheck) blame(e *Error, seen *failure) *failure {
	if e.finding != nil && e.finding.expected != "" {
		return e.finding
	}
	row.Actual = strings.Trim(row.Actual+": "+e.Detail, ": ")
	return seen
}

func (row *ExplainedCheck) fail(reason Reason) {
	row.State, row.Reason, row.Advice = CheckFailed, reason, reason.Advice()
}

// show fills in what was expected and found, and takes out what must not be shown.
func (row *ExplainedCheck) show(r rule, f *failure, x *explainer) {
	switch {
	case f == nil:
	case f.private != "":
		row.Expected, row.Actual = "an answer with the token's "+f.private, "another one"
	default:
		row.Expected, row.Actual = f.expected, f.actual
	}
	if row.Expected == "" {
		row.Expected = r.demand
	}
	row.Expected, row.Actual = x.secrets.clean(row.Expected, maxExpected), x.secrets.clean(row.Actual, maxActual)
	row.Unverified = row.Actual != "" && !x.verified() && saidByToken(row.Name)
}

// saidByToken reports whether what a rule finds is what the token says of itself, and not
// what anybody sees, what its issuer said or how this API is configured.
func saidByToken(name string) bool {
	switch name {
	case ruleSize, ruleAlphabet, ruleForm, rulePolicy:
		return false
	}
	return !slices.Contains(answerRules, name)
}
