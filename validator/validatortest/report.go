package validatortest

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
)

// Outcome is what an API did.
type Outcome string

// The outcomes. Of a hostile case all but the first are safe.
const (
	Accepted      Outcome = "accepted"
	Refused       Outcome = "refused"
	Undecided     Outcome = "undecided"      // 5xx, 429, or no answer
	NotComparable Outcome = "not comparable" // nothing can be said: see Note
)

// Result is what became of one case.
type Result struct {
	Case
	Outcome Outcome
	Answer  Answer // of Attack
	Note    string // what else there is to say; empty: nothing
	Err     error  // of the function tried, or why there was no answer; nil: none
	OK      bool   // as the case wants it
	AsTold  bool   // and with the status and the error code of [Case.Expect]; Attack alone looks
}

// NotTried is a family that was not tried, and why.
type NotTried struct {
	Family Family
	Why    string
}

// Report is what became of all cases, in their order.
type Report struct {
	Results  []Result
	NotTried []NotTried
}

// Run tries the cases one after the other: accepted ones must give nil, the
// others an error. Once ctx has ended, no result is OK any more: an error
// might then be of anything. Reasons are not compared, for any function can
// be tried. [Attack] tries a whole API.
func Run(ctx context.Context, cases []Case, validate func(ctx context.Context, raw string) error) Report {
	report := Report{Results: make([]Result, 0, len(cases))}
	for _, c := range cases {
		err := ctx.Err()
		if err == nil {
			err = validate(ctx, c.Token)
		}
		r := Result{Case: c, Err: err, Outcome: Accepted, OK: (err == nil) == c.Accept && ctx.Err() == nil}
		if err != nil {
			r.Outcome = Refused
		}
		report.Results = append(report.Results, r)
	}
	return report
}

// Failed returns the results that are not OK, but for those that say nothing: of these
// the neighbours are among the failed.
func (r Report) Failed() []Result {
	return r.those(func(result Result) bool { return !result.OK && result.Outcome != NotComparable })
}

// Holes returns the hostile cases that were accepted: the worst of the failed.
func (r Report) Holes() []Result {
	return r.those(func(result Result) bool { return !result.Accept && result.Outcome == Accepted })
}

func (r Report) those(are func(Result) bool) (list []Result) {
	for _, result := range r.Results {
		if are(result) {
			list = append(list, result)
		}
	}
	return list
}

// Table has a line per case and a last line with the counts. It shows no token, and none
// that an error contains.
func (r Report) Table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tcase\tkills\twanted\tgot")
	for _, result := range r.Results {
		fmt.Fprintln(w, result.line())
	}
	w.Flush()
	fmt.Fprintf(&b, "%d cases, %d failed\n", len(r.Results), len(r.Failed()))
	return b.String()
}

func (r Result) line() string {
	mark, wanted := "FAIL", "accepted"
	if r.OK {
		mark = "ok"
	}
	if !r.Accept {
		wanted = "refused"
	}
	if status, _ := r.Expect(); status == 503 {
		wanted = "undecided"
	}
	return strings.Join([]string{mark, r.Name, r.Kills, wanted, r.got()}, "\t")
}

// got says what became of it.
func (r Result) got() string {
	words := []string{string(r.Outcome)}
	if r.Answer.Status != 0 {
		words = append(words, strings.TrimSpace(fmt.Sprint(r.Answer.Status, " ", r.Answer.code())))
	}
	if r.Note != "" {
		words = append(words, r.Note)
	}
	if r.Err != nil {
		words = append(words, r.redacted())
	}
	return strings.Join(words, ": ")
}

// redacted is the error's text on one line without the token, whole or in
// segments.
func (r Result) redacted() string {
	text := r.Err.Error()
	secrets := append([]string{r.Token}, strings.Split(r.Token, ".")...)
	for _, values := range [][]string{r.Authorization, r.DPoP} {
		secrets = append(secrets, values...)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[token]")
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
