package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// net/http waits half a second where it closes before all was read; as long as goleak waits.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// brief are options of a run that a test ends when it has seen what it waits for, or that
// is over after a minute. Everything happens at short intervals.
func brief(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parse(append([]string{
		"-for", "1m", "-warm", "100ms", "-interval", "500ms", "-rate", "2000", "-clients", "8", "-seed", "1",
		"-rotate", "200ms", "-outages", "500ms", "-outage", "200ms",
	}, args...), t.Output())
	require.NoError(t, err)
	return o
}

// until runs until done says so of a class that was seen, and of what was wrong with its
// answer. It is asked by one goroutine at a time.
func until(t *testing.T, o options, done func(class, problem string) bool) *report {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	o.hooks.seen = func(class, problem string) {
		mu.Lock()
		defer mu.Unlock()
		if done(class, problem) {
			stop()
		}
	}
	r, err := soak(ctx, o, t.Output())
	require.NoError(t, err)
	return r
}

// TestSoak: every class is tried and reported, everything happens, and no verdict is
// wrong.
func TestSoak(t *testing.T) {
	o, seen := brief(t), map[string]bool{}
	var samples atomic.Int32
	o.hooks.rest = func(n int) { samples.Store(int32(n)) }
	r := until(t, o, func(class, _ string) bool {
		seen[class] = true
		return len(seen) == len(classes()) && samples.Load() >= 4 // the first outage is before the second
	})
	assert.Empty(t, r.Problems)
	assert.Zero(t, r.Wrong)
	assert.Len(t, r.Classes, len(classes()))
	for i, c := range r.Classes {
		assert.Equal(t, classes()[i].name, c.Name)
		assert.Equal(t, c.Requests, c.Accepted+c.Refused+c.Undecided+c.Cut, c.Name)
		if strings.Contains(c.Name, "hostile") || strings.Contains(c.Name, "not proven") || c.Name == "jwt revoked before" {
			assert.Zero(t, c.Accepted, c.Name)
		}
	}
	assert.Positive(t, r.Requests)
	assert.Greater(t, r.Happened.Rotations, r.Happened.Outages, "those of outages, and others")
	assert.Positive(t, r.Happened.Outages)
	assert.Equal(t, len(r.Samples), r.Happened.Reloads)

	var out bytes.Buffer
	assert.Zero(t, r.write(o, &out))
	for _, c := range classes() {
		assert.Contains(t, out.String(), "  "+c.name+"\n")
	}
	o.json = true
	out.Reset()
	assert.Zero(t, r.write(o, &out))
	var again report
	require.NoError(t, json.Unmarshal(out.Bytes(), &again))
	assert.Equal(t, *r, again)
}

// letThrough is an API that lets some requests through that it should not.
func letThrough(which func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(guarded http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !which(r) {
				guarded.ServeHTTP(w, r)
			}
		})
	}
}

// TestWrongVerdictsAreNoticed: each fault is one of an API that is otherwise right.
func TestWrongVerdictsAreNoticed(t *testing.T) {
	for name, fault := range map[string]func(http.Handler) http.Handler{
		"everybody is let in": letThrough(func(r *http.Request) bool { return r.URL.Path == pathAny }),
		"a second header does not matter": func(guarded http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if values := r.Header["Authorization"]; len(values) > 1 {
					r.Header["Authorization"] = values[:1]
				}
				guarded.ServeHTTP(w, r)
			})
		},
		"good tokens are refused": func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(http.StatusUnauthorized)
			})
		},
		"nothing is ever decided": func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusServiceUnavailable)
			})
		},
		"signals do nothing": letThrough(func(r *http.Request) bool {
			return r.Method == http.MethodPost
		}),
		"a challenge is missing": func(guarded http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guarded.ServeHTTP(unchallenging{w}, r) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := brief(t)
			o.hooks.wrap = fault
			r := until(t, o, func(_, problem string) bool { return problem != "" })
			assert.Positive(t, r.Wrong)
			assert.NotEmpty(t, r.Problems)
			var out bytes.Buffer
			assert.Equal(t, 1, r.write(o, &out))
			assert.Contains(t, out.String(), r.Problems[0])
			assert.NotContains(t, out.String(), "eyJ", "a token")
		})
	}
}

type unchallenging struct{ http.ResponseWriter }

func (w unchallenging) WriteHeader(status int) {
	w.Header().Del("WWW-Authenticate")
	w.ResponseWriter.WriteHeader(status)
}

// TestIdentitiesAreCompared: 200 for somebody else is wrong.
func TestIdentitiesAreCompared(t *testing.T) {
	o := brief(t)
	o.hooks.wrap = func(guarded http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guarded.ServeHTTP(renaming{w}, r) })
	}
	r := until(t, o, func(_, problem string) bool { return problem != "" })
	assert.Contains(t, strings.Join(r.Problems, "\n"), "200 for somebody else")
}

type renaming struct{ http.ResponseWriter }

func (w renaming) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("user-")) {
		_, err := w.ResponseWriter.Write([]byte("root"))
		return len(b), err
	}
	return w.ResponseWriter.Write(b)
}

// TestLeaksAreNoticed: what each request leaves behind is growth.
func TestLeaksAreNoticed(t *testing.T) {
	var kept atomic.Pointer[[][]byte]
	for name, tc := range map[string]struct {
		leak func(ended <-chan struct{})
		says string
	}{
		"memory": {func(<-chan struct{}) {
			for {
				old := kept.Load()
				next := append([][]byte{make([]byte, 512<<10)}, *old...)
				if kept.CompareAndSwap(old, &next) {
					return
				}
			}
		}, "heap: "},
		"goroutines": {func(ended <-chan struct{}) {
			for range 4 {
				go func() { <-ended }()
			}
		}, "goroutines: "},
	} {
		t.Run(name, func(t *testing.T) {
			kept.Store(new([][]byte))
			ended := make(chan struct{})
			defer close(ended)
			o := brief(t, "-interval", "100ms", "-rate", "200")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			o.hooks.rest = func(samples int) {
				if samples == fewest+4 {
					stop()
				}
			}
			o.hooks.wrap = func(guarded http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					tc.leak(ended)
					guarded.ServeHTTP(w, r)
				})
			}
			r, err := soak(ctx, o, t.Output())
			require.NoError(t, err)
			assert.True(t, r.Judged)
			var out bytes.Buffer
			assert.Equal(t, 1, r.write(o, &out))
			assert.Contains(t, out.String(), "growth: "+tc.says)
			assert.Zero(t, r.Wrong)
		})
	}
}

// TestEndsEarly: an interrupt is no error, and reports what was seen.
func TestEndsEarly(t *testing.T) {
	o := brief(t, "-for", "1h", "-warm", "1h")
	ended := make(chan *report)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		r, err := soak(ctx, o, t.Output())
		assert.NoError(t, err)
		ended <- r
	}()
	interrupt()
	r := <-ended
	assert.Zero(t, r.Wrong)
	assert.False(t, r.Judged)
	assert.Zero(t, r.Measured)
}

// TestEveryFaultIsDrawn: each once, in an order that the seed says, before any comes again.
func TestEveryFaultIsDrawn(t *testing.T) {
	order := func(seed uint64) (list []fault) {
		o := brief(t)
		o.seed = seed
		d := newDirector(nil, nil, o, nil)
		for range 2 * 3 * len(modes) {
			list = append(list, d.draw())
		}
		return list
	}
	list, times := order(1), map[fault]int{}
	for _, f := range list {
		assert.True(t, f.keyed || f.answered)
		times[f]++
	}
	assert.Len(t, times, 3*len(modes))
	for f, n := range times {
		assert.Equal(t, 2, n, f)
	}
	assert.Equal(t, list, order(1))
	assert.NotEqual(t, list, order(2))
}

func TestOptions(t *testing.T) {
	for name, args := range map[string][]string{
		"no time": {"-for", "0s"}, "negative": {"-warm", "-1s"}, "no rate": {"-rate", "0"}, "no clients": {"-clients", "0"},
		"more clients than questions": {"-clients", "33"}, "argument": {"x"}, "flag": {"-x"},
		"always out": {"-outages", "1s", "-outage", "1s"}, "no rotation": {"-rotate", "0s"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			assert.Equal(t, 2, run(t.Context(), args, &out, &err))
			assert.Empty(t, out.String())
			assert.Contains(t, err.String(), "soak: ")
		})
	}
	var out, help bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"-h"}, &out, &help))
	assert.Contains(t, help.String(), "least-squares")
	o, err := parse([]string{"-for", "20m"}, t.Output())
	require.NoError(t, err)
	assert.Equal(t, 30*time.Second, o.interval)
	assert.NotZero(t, o.seed)
}
