package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed requests.lua
var script string

// seen is what a wrk saw: how long answers took, and how many were not 2xx or 3xx, or
// were none.
type seen struct {
	requests, refused, cut int
	length                 time.Duration
	p50, p99, p999, most   time.Duration
}

func (s seen) rate() float64 { return float64(s.requests) / s.length.Seconds() }

// wrk sends the requests of a file as fast as it can.
func (s *stage) wrk(ctx context.Context, o options, file string) (seen, error) {
	command := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", o.connections), fmt.Sprintf("-d%ds", int(o.length.Seconds())),
		"--timeout", "30s", "-s", filepath.Join(s.dir, "requests.lua"), "http://"+s.address, filepath.Join(s.dir, file))
	out, err := command.CombinedOutput()
	if err != nil {
		return seen{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parse(string(out))
}

// parse reads the line that the script prints. Its times are in microseconds.
func parse(out string) (r seen, err error) {
	_, line, found := strings.Cut(out, "RESULT ")
	if !found {
		return r, errors.New("wrk: no result: " + out)
	}
	var length, p50, p99, p999, most int
	_, err = fmt.Sscanf(line, "%d %d %d %d %d %d %d %d", &r.requests, &length, &p50, &p99, &p999, &most, &r.refused, &r.cut)
	micro := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	r.length, r.p50, r.p99, r.p999, r.most = micro(length), micro(p50), micro(p99), micro(p999), micro(most)
	return r, err
}
