package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"connectrpc.com/connect"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// showTable sends each request in every way and prints a line for each. It fails if
// an answer is not as expected.
func (d *demo) showTable(ctx context.Context, stdout io.Writer) error {
	steps, err := d.steps(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Each request is sent four times, unary and as a server stream, by the Connect and the gRPC protocol:")
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "procedures\ttoken\tanswer\tthe client is told\treason")
	unexpected := 0
	for _, s := range steps {
		answers, err := d.send(ctx, s)
		if err != nil {
			return errors.Join(table.Flush(), fmt.Errorf("%s: %w", s.name, err))
		}
		line, ok := s.line(answers)
		fmt.Fprintln(table, line)
		if !ok {
			unexpected++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unexpected > 0 {
		return fmt.Errorf("%d of %d answers were not as expected", unexpected, len(steps))
	}
	fmt.Fprintf(stdout, "\nAll %d were answered as expected, in each of the four ways alike.\n", len(steps))
	return nil
}

// answer is what became of a request in one way: what the client saw, and what the
// journal says about it.
type answer struct {
	code     connect.Code // accepted: none
	told     string
	reason   validator.Reason
	messages int
}

// procedure is the one that a step calls in a way.
func (s step) procedure(w way) string {
	switch {
	case s.unlisted:
		return "/orders.v1.Orders/Purge"
	case w.streamed:
		return exportProcedure
	}
	return listProcedure
}

// send makes the request of a step, in every way.
func (d *demo) send(ctx context.Context, s step) ([]answer, error) {
	if s.change != nil {
		s.change()
	}
	var answers []answer
	for _, w := range d.ways() {
		messages, err := w.call(ctx, d.address+s.procedure(w), s.authorization)
		got := answer{messages: messages}
		if refusal := (*connect.Error)(nil); errors.As(err, &refusal) {
			got.code, got.told = refusal.Code(), told(refusal)
		} else if err != nil {
			return nil, err
		}
		select {
		case e := <-d.journal.entries:
			got.reason = e.reason
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		answers = append(answers, got)
	}
	return answers, nil
}

// line is the step's line of the table; ok reports whether all answers are as
// expected.
func (s step) line(answers []answer) (line string, ok bool) {
	procedures := "List, Export"
	if s.unlisted {
		procedures = "Purge (unlisted)"
	}
	first := answers[0]
	line = strings.Join([]string{procedures, s.name, codeName(first.code), cmp.Or(first.told, "-"), cmp.Or(string(first.reason), "-")}, "\t")
	ok = !slices.ContainsFunc(answers, func(a answer) bool {
		return a.code != s.code || a.reason != s.reason || (a.messages > 0) != (s.code == accepted) || a.told != first.told
	})
	if !ok {
		line += fmt.Sprintf("\tEXPECTED %s %s of all of %+v", codeName(s.code), s.reason, answers)
	}
	return line, ok
}

func codeName(code connect.Code) string {
	if code == accepted {
		return "ok"
	}
	return code.String()
}

var errorCode = regexp.MustCompile(`error="(\w+)"`)

// told is what the metadata of a refusal says.
func told(refusal *connect.Error) string {
	if code := errorCode.FindStringSubmatch(refusal.Meta().Get("WWW-Authenticate")); code != nil {
		return code[1]
	}
	if wait := refusal.Meta().Get("Retry-After"); wait != "" {
		return "Retry-After " + wait
	}
	return ""
}

// serveOn prints curl lines with real tokens, then the reason of every answer, until
// ctx ends.
func (d *demo) serveOn(ctx context.Context, stdout io.Writer) error {
	d.orders.SetMode(validatortest.ModeUp)
	reader, err := d.fetchToken(ctx, d.orders, ordersApp, "orders.read")
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nIt serves on until you press Ctrl-C. Try these; the reason of each answer appears below.")
	curl := func(what, header, procedure, message string) {
		fmt.Fprintf(stdout, "\n# %s\ncurl -i %s-H 'Content-Type: application/json' -d '%s' %s%s\n", what, header, message, d.address, procedure)
	}
	authorization := fmt.Sprintf("-H 'Authorization: Bearer %s' ", reader)
	curl("accepted", authorization, listProcedure, "{}")
	curl("refused: this token may only read", authorization, cancelProcedure, `"4711"`)
	curl("refused: no token", "", listProcedure, "{}")
	curl("public", "", "/grpc.health.v1.Health/Check", "{}")
	fmt.Fprintln(stdout)
	for {
		select {
		case e := <-d.journal.entries:
			fmt.Fprintln(stdout, e)
		case <-ctx.Done():
			return nil
		}
	}
}
