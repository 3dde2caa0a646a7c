// Command licences lists what a program gets that imports a published module of this
// repository: the modules, their versions, their licences by the text of their files, and
// what they are for. It fails when the committed list says something else, when a licence
// is not among the allowed ones, and when a text is not recognized.
//
//	licences [-update] list directory...
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("licences: ")
	update := flag.Bool("update", false, "write the list")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: licences [-update] list directory...")
	}
	if err := run(flag.Arg(0), flag.Args()[1:], *update); err != nil {
		log.Fatal(err)
	}
}

// run compares the list in the file called name with what is found in directories, the
// modules of this repository. Nothing is written that is not allowed.
func run(name string, directories []string, update bool) error {
	list, err := render(directories)
	if err != nil {
		return err
	}
	if update {
		return os.WriteFile(name, []byte(list), 0o644)
	}
	committed, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if difference := differ(string(committed), list); difference != "" {
		return fmt.Errorf("%s is not what is built (make licences UPDATE=-update writes it):\n%s", name, difference)
	}
	fmt.Printf("licences: %s holds, %d lines\n", name, strings.Count(list, "\n| ["))
	return nil
}

const head = `# What an importer gets

Programs that import a module of this repository are built with the modules below, on Linux, macOS and Windows (amd64) alike unless
a system is named. What only tests and examples use is not here. The versions are the least that the module asks for; a program
that asks for newer ones gets those. The standard library comes with Go (BSD-3-Clause); this repository has a
[licence](../LICENSE) of its own.

` + "`make licences`" + ` writes this list from the texts of the licences, compares, and allows only
%s. It also holds the modules' bytes to what was downloaded
(` + "`go mod verify`" + `).
`

func render(directories []string) (string, error) {
	var list strings.Builder
	fmt.Fprintf(&list, head, strings.Join(allowed, ", "))
	used := map[string]bool{}
	for _, directory := range directories {
		own, found, err := imported(directory)
		if err != nil {
			return "", fmt.Errorf("%s: %w", directory, err)
		}
		fmt.Fprintf(&list, "\n## %s\n\n| Module | Version | Licence | Purpose |\n|---|---|---|---|\n", own)
		for _, m := range found {
			licence, err := m.licence()
			if err != nil {
				return "", fmt.Errorf("%s %s: %w", m.path, m.version, err)
			}
			purpose := purposes[m.path]
			if purpose == "" {
				return "", fmt.Errorf("%s: what it is for is not in purposes.go", m.path)
			}
			used[m.path] = true
			if only := m.only(); only != "" {
				purpose += " (" + only + ")"
			}
			fmt.Fprintf(&list, "| [%s](https://pkg.go.dev/%s@%s) | %s | %s | %s |\n", m.path, m.path, m.version, m.version, licence, purpose)
		}
	}
	for path := range purposes {
		if !used[path] {
			return "", fmt.Errorf("%s: no program gets it any more: take it out of purposes.go", path)
		}
	}
	return list.String(), nil
}

// differ tells the lines that one text has and the other has not; their order counts.
func differ(committed, list string) string {
	if committed == list {
		return ""
	}
	missing, surplus := without(list, committed), without(committed, list)
	if len(missing)+len(surplus) == 0 {
		return "the lines are in another order, or repeated"
	}
	var text strings.Builder
	for _, line := range missing {
		fmt.Fprintln(&text, "missing:", line)
	}
	for _, line := range surplus {
		fmt.Fprintln(&text, "surplus:", line)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func without(text, other string) (lines []string) {
	has := map[string]bool{}
	for line := range strings.SplitSeq(other, "\n") {
		has[line] = true
	}
	for line := range strings.SplitSeq(text, "\n") {
		if !has[line] {
			lines = append(lines, line)
		}
	}
	return lines
}

// parents are the directories from inner to outer, both included.
func parents(inner, outer string) (all []string) {
	for ; ; inner = filepath.Dir(inner) {
		all = append(all, inner)
		if inner == outer || inner == filepath.Dir(inner) {
			return all
		}
	}
}
