package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"text/tabwriter"
	"time"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// demo is what the requests of the table need.
type demo struct {
	as      *validatortest.Server
	browser *http.Client
	address string // of the API
	log     *journal
}

// answer is what became of a request: what the client saw, and what the journal
// says about it.
type answer struct {
	outcome
	seen string // the status and what the client was told
	took time.Duration
}

// showTable sends the requests and prints a line for each. It fails if an answer
// is not as expected.
func showTable(ctx context.Context, stdout io.Writer, d demo) error {
	steps, err := d.steps(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "request\ttoken\tanswer\treason\ttime\tcached")
	unexpected := 0
	for _, s := range steps {
		got, err := d.send(ctx, s)
		if err != nil {
			table.Flush()
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintln(table, line(s, got))
		if got.outcome != s.want {
			unexpected++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unexpected > 0 {
		return fmt.Errorf("%d of %d answers were not as expected", unexpected, len(steps))
	}
	fmt.Fprintf(stdout, "\nAll %d answers were as expected.\n", len(steps))
	return nil
}

// send makes the request of a step, over HTTP as any client would.
func (d demo) send(ctx context.Context, s step) (answer, error) {
	if s.change != nil {
		s.change()
	}
	req, err := http.NewRequestWithContext(ctx, s.method, d.address+"/orders", nil)
	if err != nil {
		return answer{}, err
	}
	s.dress(req)
	start := time.Now()
	resp, err := d.browser.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return answer{}, err
	}
	got := answer{seen: told(resp), took: time.Since(start)}
	select {
	case e := <-d.log.entries:
		got.outcome = outcome{resp.StatusCode, e.reason, e.cached}
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	return got, nil
}

var errorCode = regexp.MustCompile(`error="(\w+)"`)

// told is all that a client learns about a refusal.
func told(resp *http.Response) string {
	text := fmt.Sprint(resp.StatusCode)
	if code := errorCode.FindStringSubmatch(resp.Header.Get("WWW-Authenticate")); code != nil {
		text += " " + code[1]
	}
	if wait := resp.Header.Get("Retry-After"); wait != "" {
		text += " Retry-After " + wait
	}
	return text
}

func line(s step, got answer) string {
	text := fmt.Sprintf("%s /orders\t%s\t%s\t%s\t%v\t%s",
		cmp.Or(s.method, "GET"), s.name, got.seen, cmp.Or(string(got.reason), "-"), got.took.Round(10*time.Microsecond), yes(got.cached))
	if got.outcome != s.want {
		text += fmt.Sprintf("\tEXPECTED %d %s, cached: %s", s.want.status, cmp.Or(string(s.want.reason), "-"), yes(s.want.cached))
	}
	return text
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
