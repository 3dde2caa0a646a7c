package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// nowhere is a ResponseWriter that costs nothing.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// inMiddleware is a request with a token that was seen before, through a middleware to
// a handler that does nothing.
func inMiddleware(p plan) ([]table, error) {
	f, err := newFixture("RS256")
	if err != nil {
		return nil, err
	}
	defer f.close()
	judges := only(func(c *contender) bool { return c.handler != nil })
	raw := f.token()
	lanes := []lane{{name: "bare handler", step: requesting(func(next http.Handler) http.Handler { return next }, raw), calls: p.hits}}
	for _, c := range judges {
		wrap, err := c.handler(f, 100)
		if err != nil {
			return nil, named(c.name, err)
		}
		calls := p.calls
		if c.cache {
			calls = p.hits
		}
		lanes = append(lanes, lane{c.name, requesting(wrap, raw), calls})
	}
	timings, err := race(p.rounds, p.calls, lanes)
	if err != nil {
		return nil, err
	}
	t := table{
		title:   "In a middleware",
		text:    "A request with the same RS256 token again, in the process: what the middleware adds to a handler that does nothing.",
		columns: []string{"time", "allocations"},
	}
	for i, c := range judges {
		r, none := timings[1+i], timings[0]
		added := r.ns() - none.ns()
		t.rows = append(t.rows, row{c.name, []cell{
			{added, duration(added)},
			{r.allocations - none.allocations, fmt.Sprintf("%.0f", r.allocations-none.allocations)},
		}})
	}
	return []table{t}, nil
}

var errNotServed = errors.New("the request did not reach the handler")

// requesting is a step that sends a request with the token. Some middleware takes the
// header away, so that it is set each time.
func requesting(wrap func(http.Handler) http.Handler, raw string) step {
	served := false
	h := wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/orders"}, Host: "localhost", RequestURI: "/orders",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, RemoteAddr: "127.0.0.1:4711",
	}
	w, header := &nowhere{http.Header{}}, []string{"Bearer " + raw}
	return func() error {
		r.Header["Authorization"] = header
		served = false
		h.ServeHTTP(w, r)
		if !served {
			return errNotServed
		}
		return nil
	}
}
