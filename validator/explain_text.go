package validator

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// String is the explanation for people: the verdict, what would have to change, each
// check on a line that begins with its state, and what is known of key, cache and
// introspection.
func (x Explanation) String() string {
	var out strings.Builder
	x.writeVerdict(&out)
	for _, c := range x.Checks {
		if c.State == CheckPassed || c.State == CheckFailed {
			c.write(&out)
		}
	}
	out.WriteString("\n")
	for _, state := range []CheckState{CheckNotReached, CheckDoesNotApply} {
		if names := x.in(state); len(names) > 0 {
			fmt.Fprintf(&out, "%s: %s\n", strings.ReplaceAll(string(state), "_", " "), strings.Join(names, ", "))
		}
	}
	fmt.Fprintf(&out, "\nkey: %s\ncache: %s\nintrospection: %s\n", x.Key, x.Cache, x.Introspection)
	return out.String()
}

// Format prints String for every verb: the error in it has details that were not redacted.
func (x Explanation) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, x.String()) }

func (x *Explanation) writeVerdict(out *strings.Builder) {
	switch {
	case x.Accepted:
		out.WriteString("ACCEPTED\n")
	case x.Undecided():
		fmt.Fprintf(out, "UNDECIDED: %s (%s)\n", x.Reason, x.Class)
	default:
		fmt.Fprintf(out, "REFUSED: %s (%s)\n", x.Reason, x.Class)
	}
	if x.Advice != "" {
		fmt.Fprintf(out, "to change: %s\n", x.Advice)
	}
	fmt.Fprintf(out, "at %s", x.At.UTC().Format(time.RFC3339))
	if x.Issuer != "" {
		fmt.Fprintf(out, ", issuer %s, profile %s", x.Issuer, x.Profile)
	}
	out.WriteString("\n")
	if !x.Verified {
		out.WriteString("not verified: believe nothing that the token says\n")
	}
	out.WriteString("\n")
}

// in names the checks of a state: a group whose head is in it by the head alone.
func (x *Explanation) in(state CheckState) (names []string) {
	for _, c := range x.Checks {
		head, _, _ := strings.Cut(c.Name, " ")
		if c.State == state && !slices.Contains(names, head) {
			names = append(names, c.Name)
		}
	}
	return names
}

func (c *ExplainedCheck) write(out *strings.Builder) {
	label := "passed"
	switch {
	case c.Decisive:
		label = "FAILED"
	case c.State == CheckFailed:
		label = "also failed"
	}
	fmt.Fprintf(out, "%-11s  %s", label, c.Name)
	if c.State == CheckPassed && c.Actual != "" {
		fmt.Fprintf(out, ": %s", c.Actual)
	}
	if c.State == CheckFailed {
		fmt.Fprintf(out, ": expected %s", c.Expected)
		if c.Actual != "" {
			fmt.Fprintf(out, ", found %q", c.Actual)
		}
		if c.RFC != "" {
			fmt.Fprintf(out, " (%s)", c.RFC)
		}
		if !c.Decisive {
			fmt.Fprintf(out, "\n%13s%s", "", c.Advice)
		}
	}
	out.WriteString("\n")
}

// String is one line.
func (k *ExplainedKey) String() string {
	if k == nil {
		return "none"
	}
	text := fmt.Sprintf("kid %q, alg %q", k.ID, k.Algorithm)
	switch {
	case k.Verified:
		text += ", verified the signature"
	case k.Listed:
		text += ", listed"
	default:
		text += ", not listed"
	}
	if k.Thumbprint != "" {
		text += ", thumbprint " + k.Thumbprint
	}
	if k.Fetched == nil {
		return text + "; no keys were fetched yet"
	}
	return text + "; keys fetched " + ago(k.Age)
}

// String is one line.
func (c ExplainedCache) String() string {
	switch {
	case c.Cached && c.Kept != nil:
		return fmt.Sprintf("kept %s, until %s", ago(c.Age), c.Until.UTC().Format(time.RFC3339))
	case c.Kept != nil:
		return "not cached before; kept from now until " + c.Until.UTC().Format(time.RFC3339)
	}
	return "nothing is kept"
}

// String is one line.
func (i *ExplainedIntrospection) String() string {
	switch {
	case i == nil:
		return "this issuer is not asked"
	case !i.Asked:
		return "not asked about this token"
	case i.At == nil:
		return "no answer that calls the token active"
	case i.Stale:
		return "asked " + ago(i.Age) + ", which is too long, but the issuer cannot be asked"
	}
	return "asked " + ago(i.Age)
}

func ago(age time.Duration) string {
	if age = age.Round(time.Millisecond); age == 0 {
		return "just now"
	}
	return age.String() + " ago"
}
