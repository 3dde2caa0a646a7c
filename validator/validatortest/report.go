package validatortest

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
)

// Result is what became of one case.
type Result struct {
	Case
	Err error // of the function tried; nil: it accepted
	OK  bool  // as the case wants it
}

// Report is what became of all cases, in their order.
type Report struct {
	Results []Result
}

// Run tries the cases one after the other: accepted ones must give nil, the
// others an error. Once ctx has ended, no result is OK any more: an error
// might then be of anything. Reasons are not compared, for any function can
// be tried.
func Run(ctx context.Context, cases []Case, validate func(ctx context.Context, raw string) error) Report {
	report := Report{Results: make([]Result, 0, len(cases))}
	for _, c := range cases {
		err := ctx.Err()
		if err == nil {
			err = validate(ctx, c.Token)
		}
		ok := (err == nil) == c.Accept && ctx.Err() == nil
		report.Results = append(report.Results, Result{Case: c, Err: err, OK: ok})
	}
	return report
}

// Failed returns the results that are not OK.
func (r Report) Failed() []Result {
	var failed []Result
	for _, result := range r.Results {
		if !result.OK {
			failed = append(failed, result)
		}
	}
	return failed
}

// String is a table with a line per case and a last line with the counts. It
// shows no token, and none that an error contains.
func (r Report) String() string {
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
	mark, wanted, got := "FAIL", "accepted", "accepted"
	if r.OK {
		mark = "ok"
	}
	if !r.Accept {
		wanted = "refused"
	}
	if r.Err != nil {
		got = "refused: " + r.redacted()
	}
	return strings.Join([]string{mark, r.Name, r.Kills, wanted, got}, "\t")
}

// redacted is the error's text on one line without the token, whole or in
// segments.
func (r Result) redacted() string {
	text := r.Err.Error()
	for _, secret := range append([]string{r.Token}, strings.Split(r.Token, ".")...) {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[token]")
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
