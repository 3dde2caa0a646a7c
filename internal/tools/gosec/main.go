// Command gosec runs gosec's rules and analyzers over the directories that it is given.
// It is gosec's own command without its autofix, whose clients of language models are a
// hundred times the size of the rest. An exception stands at its line, names its rule and
// has a reason: `// #nosec G115 -- why`; one without, or one that nothing needs, is an error.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/analyzers"
	"github.com/securego/gosec/v2/rules"
)

func main() {
	config := gosec.NewConfig()
	config.SetGlobal(gosec.NoSecRequireRules, "true")
	config.SetGlobal(gosec.NoSecRequireJustification, "true")
	const inTests, generated, tracked = false, false, true
	analyzer := gosec.NewAnalyzer(config, inTests, generated, tracked, 2, log.New(io.Discard, "", 0))
	analyzer.LoadRules(rules.Generate(tracked).RulesInfo())
	analyzer.LoadAnalyzers(analyzers.Generate(tracked).AnalyzersInfo())
	if err := analyzer.Process(nil, os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
	issues, metrics, failed := analyzer.Report()
	bad, excepted := 0, map[string]bool{}
	for _, issue := range issues {
		if len(issue.Suppressions) > 0 {
			first, _, _ := strings.Cut(issue.Line, "-")
			excepted[issue.File+":"+first+":"+issue.RuleID] = true
			continue
		}
		bad++
		fmt.Printf("%s:%s: %s: %s\n", issue.File, issue.Line, issue.RuleID, issue.What)
	}
	for file, all := range failed {
		for _, one := range all {
			bad++
			fmt.Printf("%s:%d: %s\n", file, one.Line, one.Err)
		}
	}
	found, idle := exceptions(os.Args[1:], excepted)
	for _, one := range idle {
		bad++
		fmt.Println(one + ": nothing needs this exception")
	}
	fmt.Printf("gosec: %d files, %d exceptions, %d faults\n", metrics.NumFiles, found, bad)
	if metrics.NumFiles == 0 || bad > 0 {
		os.Exit(1)
	}
}

// exceptions counts those in the files of directories, and tells which were not used.
func exceptions(directories []string, used map[string]bool) (found int, idle []string) {
	rule := regexp.MustCompile(`\bG\d{3}\b`)
	for _, directory := range directories {
		names, err := filepath.Glob(filepath.Join(directory, "*.go"))
		if err != nil {
			log.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				log.Fatal(err)
			}
			path, err := filepath.Abs(name)
			if err != nil {
				log.Fatal(err)
			}
			for i, line := range strings.Split(string(text), "\n") {
				_, exception, is := strings.Cut(line, "#nosec")
				if !is {
					continue
				}
				found++
				for _, id := range rule.FindAllString(strings.Split(exception, "--")[0], -1) {
					if at := fmt.Sprintf("%s:%d", path, i+1); !used[at+":"+id] {
						idle = append(idle, at+": "+id)
					}
				}
			}
		}
	}
	return found, idle
}
