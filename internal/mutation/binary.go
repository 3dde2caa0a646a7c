package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A binary is the tests of a package, built with all mutants of the one that is broken.
type binary struct {
	path    string // of the package
	program string
	dir     string // where its tests run
	tests   []*test
	startup outcome // of no test
}

// A test is a test function, an example, or a fuzz target with its seeds.
type test struct {
	name    string
	took    time.Duration // alone in a process, its startup included
	work    time.Duration // of a processor: what others do on the machine does not count
	reaches map[int]bool  // numbers of mutants
}

// build compiles the tests of l with the files of an overlay.
func build(ctx context.Context, l listed, overlay, program string) (*binary, error) {
	_, err := command(ctx, l.Dir, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, ".")
	if err != nil {
		return nil, err
	}
	return &binary{path: l.ImportPath, program: program, dir: l.Dir}, nil
}

// writeOverlay writes what takes the place of the package's files, for the go command.
func writeOverlay(dir string, p *pkg, files map[string][]byte, mutants int) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	files[filepath.Join(p.dir, "zz_mutants.go")] = supportFile(p.name, mutants)
	replace := map[string]string{}
	for path, text := range files {
		replace[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[path], text, 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// survey runs each test alone, with no mutant on, to see how long it takes and what
// it reaches. It returns the names of those that fail even so: some count
// allocations or inlined calls, and all mutants together change those.
func (b *binary) survey(ctx context.Context) (unfit []string, err error) {
	list, err := command(ctx, b.dir, b.program, "-test.list", ".")
	if err != nil {
		return nil, err
	}
	b.startup = b.run(ctx, 0, nil, time.Minute, "")
	reached := b.program + ".reached"
	for line := range strings.Lines(string(list)) {
		name := strings.TrimSpace(line)
		if !regexp.MustCompile(`^(Test|Example|Fuzz)\w*$`).MatchString(name) {
			continue
		}
		if err := os.WriteFile(reached, nil, 0o600); err != nil {
			return nil, err
		}
		t := &test{name: name, reaches: map[int]bool{}}
		r := b.run(ctx, 0, []*test{t}, 5*time.Minute, reached)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r.failed {
			unfit = append(unfit, name)
			continue
		}
		t.took, t.work = r.took, max(r.work-b.startup.work, 0)
		text, err := os.ReadFile(reached)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			n, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				return nil, fmt.Errorf("what %s reached: %w", name, err)
			}
			t.reaches[n] = true
		}
		b.tests = append(b.tests, t)
	}
	return unfit, nil
}

// An outcome is what became of a run of tests.
type outcome struct {
	failed bool
	killer string // who failed: a test, "timeout", "exit"
	took   time.Duration
	work   time.Duration // of a processor
}

// A mutant that allocates without end must not take the machine with it.
const addressSpace = 4 << 20 // kilobytes of address space

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: ([A-Za-z]\w*)`)

// run runs tests with a mutant on. They fail if one fails, if the process dies, or
// if it does not end in time.
func (b *binary) run(ctx context.Context, active int, tests []*test, most time.Duration, reached string) outcome {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	c := exec.CommandContext(limited, "/bin/sh", "-c", `ulimit -v `+strconv.Itoa(addressSpace)+`; exec "$0" "$@"`,
		b.program, "-test.run", "^("+strings.Join(names, "|")+")$", "-test.failfast", "-test.timeout", "0") // its timer would hide deadlocks from the runtime
	c.Dir = b.dir
	c.Env = append(os.Environ(), activeVariable+"="+strconv.Itoa(active), reachedVariable+"="+reached)
	said := &head{}
	c.Stdout, c.Stderr = said, said
	c.WaitDelay = time.Second
	began := time.Now()
	err := c.Run()
	o := outcome{failed: err != nil, took: time.Since(began)}
	if c.ProcessState != nil {
		o.work = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	switch match := failure.FindSubmatch(said.Bytes()); {
	case err == nil:
	case match != nil:
		o.killer = string(match[1])
	case limited.Err() != nil:
		o.killer = "timeout"
	default:
		o.killer = "exit"
	}
	return o
}

// A head keeps the beginning of what a process says, and no more: a mutant may
// never stop talking.
type head struct{ bytes.Buffer }

func (t *head) Write(p []byte) (int, error) {
	if t.Len() < bufio.MaxScanTokenSize {
		t.Buffer.Write(p)
	}
	return len(p), nil
}
