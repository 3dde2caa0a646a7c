// Package readme holds README.md to the code: what it shows as Go must be
// compiled somewhere.
package readme

import (
	"fmt"
	"strings"
)

// A block is a fenced block of Go in a document.
type block struct {
	line int // of the document, of the opening fence
	text string
}

// blocks returns the Go blocks of a Markdown document. Finding none is an
// error, and so is a fence that is not closed: the check would prove nothing.
func blocks(document string) ([]block, error) {
	var found []block
	inside, current := false, block{}
	fence := "" // the info string of the open fence
	for i, line := range strings.Split(document, "\n") {
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && !inside:
			inside, fence, current = true, info, block{line: i + 1}
		case isFence:
			inside = false
			if isGo(fence) {
				found = append(found, current)
			}
		case inside:
			current.text += line + "\n"
		}
	}
	switch {
	case inside:
		return nil, fmt.Errorf("line %d: the block is not closed", current.line)
	case len(found) == 0:
		return nil, fmt.Errorf("there is no block of Go")
	}
	return found, nil
}

// isGo reports whether an info string says Go, whatever else it says.
func isGo(info string) bool {
	words := strings.Fields(info)
	return len(words) > 0 && (strings.EqualFold(words[0], "go") || strings.EqualFold(words[0], "golang"))
}

// contains reports whether source has all lines of text in a row, whatever
// their indentation.
func contains(source, text string) bool {
	lines := plain(text)
	return strings.Trim(lines, "\n") != "" && strings.Contains(plain(source), lines)
}

// plain is text without indentation, each line between line feeds.
func plain(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
