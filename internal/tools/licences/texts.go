package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences, by their SPDX names, under which a program of any licence can
// be built with us: none asks for more than a notice, MPL-2.0 for changes of its own files.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// leastRecognized is the percentage of a text's words that have to be those of licences:
// the rest are names and years, not conditions that somebody added.
const leastRecognized = 90

var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)`)

// licence is that of the module and of all parts of it that are used: a directory that
// came from elsewhere has a file of its own.
func (m *module) licence() (string, error) {
	all := map[string]bool{}
	read := map[string]bool{}
	for directory := range m.packages {
		for _, parent := range parents(directory, m.directory) {
			if read[parent] {
				continue
			}
			read[parent] = true
			if err := inDirectory(parent, all); err != nil {
				return "", err
			}
		}
	}
	if len(all) == 0 {
		return "", errNone
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), " AND "), nil
}

// inDirectory adds to all the licences whose texts are in directory.
func inDirectory(directory string, all map[string]bool) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		if err != nil {
			return err
		}
		names, err := identify(text)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
		for _, name := range names {
			all[name] = true
		}
	}
	return nil
}

var (
	errNotRecognized = errors.New("the text is not that of a known licence")
	errNotAllowed    = errors.New("the licence is not among the allowed ones")
	errNone          = errors.New("there is no text of a licence")
)

// identify tells the licences that text consists of.
func identify(text []byte) (names []string, err error) {
	coverage := licensecheck.Scan(text)
	for _, match := range coverage.Match {
		if !slices.Contains(allowed, match.ID) {
			return nil, fmt.Errorf("%w: %s", errNotAllowed, match.ID)
		}
		names = append(names, match.ID)
	}
	if len(names) == 0 || coverage.Percent < leastRecognized {
		return nil, fmt.Errorf("%w: %.0f%% of it is %v", errNotRecognized, coverage.Percent, names)
	}
	return names, nil
}
