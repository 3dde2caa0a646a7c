package validatortest

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// String is for people: the counts of each family, and a paragraph for whatever is not as
// it should be, the hostile cases that were accepted first. It shows no token.
func (r Report) String() string {
	var b strings.Builder
	r.counts(&b)
	r.holes(&b)
	r.section(&b, "Refused or undecided, though good: such tokens are issued, and their holders are locked out",
		func(result Result) bool { return result.Accept && !result.OK && result.Outcome != NotComparable })
	r.section(&b, "Not decided, though there was enough to decide",
		func(result Result) bool { return !result.Accept && !result.OK && result.Outcome == Undecided })
	r.section(&b, "Decided, though nothing was known: good tokens are refused for as long as the trouble lasts",
		func(result Result) bool { return !result.Accept && !result.OK && result.Outcome == Refused })
	r.section(&b, "Not comparable: these say nothing", func(result Result) bool { return result.Outcome == NotComparable })
	r.otherwise(&b)
	return b.String()
}

// counts is a table with a line per family.
func (r Report) counts(b *strings.Builder) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "hostile:\trefused\tACCEPTED\tundecided\tnot comparable\tgood: accepted\trefused\t")
	for _, f := range r.families() {
		count := map[string]int{}
		for _, result := range r.Results {
			if result.Family == f {
				count[fmt.Sprint(result.Accept, result.Outcome)]++
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", f,
			count["false"+string(Refused)], count["false"+string(Accepted)], count["false"+string(Undecided)],
			count["false"+string(NotComparable)]+count["true"+string(NotComparable)],
			count["true"+string(Accepted)], count["true"+string(Refused)]+count["true"+string(Undecided)])
	}
	w.Flush()
	for _, n := range r.NotTried {
		fmt.Fprintf(b, "%s: not tried: %s\n", n.Family, n.Why)
	}
	fmt.Fprintf(b, "%d cases, %d failed, %d of them hostile and accepted\n", len(r.Results), len(r.Failed()), len(r.Holes()))
}

func (r Report) families() (list []Family) {
	for _, result := range r.Results {
		if !slices.Contains(list, result.Family) {
			list = append(list, result.Family)
		}
	}
	return list
}

// holes is a paragraph for each hostile case that was accepted.
func (r Report) holes(b *strings.Builder) {
	for _, result := range r.Holes() {
		rule := result.Rule()
		fmt.Fprintf(b, "\nACCEPTED: %s, of %s\n  It differs from %s, which is good, in what its name says.\n", result.Name, result.Family, result.Neighbour)
		fmt.Fprintf(b, "  The check: %s (%s). Expected %s, got %s.\n  %s\n", result.Kills, rule.RFC, result.wants(), result.got(), rule.Why)
	}
}

// wants is the answer that was expected.
func (r Result) wants() string {
	status, code := r.Expect()
	return strings.TrimSpace(fmt.Sprint(status, " ", code))
}

func (r Report) section(b *strings.Builder, title string, are func(Result) bool) {
	list := r.those(are)
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s (%d):\n", title, len(list))
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, result := range list {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", result.Family, result.Name, result.got())
	}
	w.Flush()
}

// otherwise groups what was refused with another answer than clients understand.
func (r Report) otherwise(b *strings.Builder) {
	groups, order := map[string][]string{}, []string{}
	for _, result := range r.Results {
		if !result.OK || result.AsTold || result.Answer.Status == 0 {
			continue
		}
		group := fmt.Sprintf("%s: %s, expected %s", result.Family, result.got(), result.wants())
		if groups[group] == nil {
			order = append(order, group)
		}
		groups[group] = append(groups[group], result.Name)
	}
	if len(order) > 0 {
		b.WriteString("\nRefused, with another answer than that of RFC 6750 3.1, RFC 9449 7.1 or RFC 9470 3:\n")
	}
	for _, group := range order {
		names := groups[group]
		fmt.Fprintf(b, "  %s (%d): %s\n", group, len(names), strings.Join(names[:min(3, len(names))], ", "))
	}
}
