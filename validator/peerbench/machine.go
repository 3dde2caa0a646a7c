package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// preamble says what was run, with what, and where.
func preamble(w io.Writer, p plan) {
	fmt.Fprintf(w, `# bearerguard beside others

Written by `+"`go run ./validator/peerbench -rounds %d -out docs/performance`"+`: do not edit.

%s, %d cores, %s, %s/%s. RSA-2048 (e=65537), P-256, Ed25519; tokens of about 1 kB with 15 claims, as Okta's. Medians of %d rounds
in which all contenders take their turn; a ratio is to what stands beside it in the same round. What is comparable, and who is not here:
[validator/peerbench](../../validator/peerbench/README.md).

`, p.rounds, processor(), runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH, p.rounds)
	found := versions()
	for _, c := range contenders {
		var with []string
		for _, m := range c.modules {
			with = append(with, strings.TrimSpace(m+" "+found[m]))
		}
		if len(with) > 0 {
			fmt.Fprintf(w, "- %s: %s\n", c.name, strings.Join(with, ", "))
		}
	}
}

// processor is its name, where the system tells it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}
