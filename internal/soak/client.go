package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client sends one request after the other.
type client struct {
	*world
	load   *load
	random *rand.Rand
	class  *class
	ctx    context.Context
}

// request is one to send.
type request struct {
	path, query   string // default: pathAny
	authorization []string
	proofs        []string
	other         http.Header
	certified     bool   // show the client's certificate
	name          string // what to call it in a wrong verdict; empty: as its class
	method, body  string
}

func bearer(raw string) request { return request{authorization: []string{"Bearer " + raw}} }

// try sends a request and judges the answer.
func (c *client) try(r request, want func(answer) allowed) (answer, bool) {
	a := c.send(r)
	if c.ctx.Err() != nil {
		return a, false // cut by the end
	}
	problem := want(a).wrong(a)
	if problem != "" && r.name != "" {
		problem = r.name + ": " + problem
	}
	c.load.record(c.class, a, problem)
	return a, problem == ""
}

// always is for what is right at any time.
func always(w allowed) func(answer) allowed { return func(answer) allowed { return w } }

// send sends a request. Its time is what a client sees: until the body was read.
func (c *client) send(r request) (a answer) {
	a.began = time.Now()
	defer func() { a.ended = time.Now() }()
	if r.path == "" {
		r.path = pathAny
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(c.ctx, r.method, c.api.address+r.path, strings.NewReader(r.body))
	if err != nil {
		return answer{err: err}
	}
	req.URL.RawQuery = r.query
	for name, values := range r.other {
		req.Header[name] = values
	}
	for name, values := range map[string][]string{"Authorization": r.authorization, "Dpop": r.proofs} {
		if values != nil {
			req.Header[name] = values
		}
	}
	doer := c.plain
	if r.certified {
		doer = c.certified
	}
	response, err := doer.Do(req)
	if err != nil {
		a.err = withoutURL(err)
		return a
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a.err, a.status, a.subject = err, response.StatusCode, string(body)
	a.challenged, a.retry = response.Header.Get("WWW-Authenticate") != "", response.Header.Get("Retry-After") != ""
	return a
}

// withoutURL is the error without the address, in which there may be a token.
func withoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}
