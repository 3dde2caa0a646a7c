// Command explain tells why an access token is accepted or refused: it reads the token
// from standard input, fetches the issuer's keys, and prints every check with what was
// expected and found, and what would have to change. The token is never printed.
//
//	go run ./examples/explain -issuer https://example.okta.com/oauth2/default \
//		-audience api://orders -client 0oa1b2c3d4 -profile okta < token
//
// The token is no argument, because arguments are in lists of processes and in the
// history of shells. A line of a request, "Authorization: Bearer ...", will do too.
//
// Exit codes: 0 the token is accepted, 1 it is refused, 2 the call is wrong, 3 nothing
// could be decided (such as: the keys could not be fetched).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/validator"
)

// The exit codes.
const (
	accepted = iota
	refused
	misused
	undecided
)

// patience is how long the issuer has for its metadata and keys.
const patience = 45 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], terminal{os.Stdin, isTerminal(os.Stdin)}, os.Stdout, isTerminal(os.Stdout), os.Stderr)
	stop()
	os.Exit(code)
}

// terminal is an input, and whether somebody sits at it.
type terminal struct {
	io.Reader
	person bool
}

// isTerminal reports whether a file is a character device, as terminals are.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdin terminal, stdout io.Writer, colorful bool, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return accepted
	case err != nil:
		fmt.Fprintln(stderr, "explain:", err)
		return misused
	}
	v, err := validator.New(o.config)
	if err != nil {
		fmt.Fprintln(stderr, "explain:", err)
		return misused
	}
	if stdin.person {
		fmt.Fprintln(stderr, "Paste the token, then press Return and Ctrl-D.")
	}
	raw, note, err := readToken(stdin)
	if err != nil {
		fmt.Fprintln(stderr, "explain:", err)
		return misused
	}
	if note != "" {
		fmt.Fprintln(stderr, "explain:", note)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	x := v.ExplainWith(ctx, raw, validator.Requirements{Policy: o.policy})
	if err := o.print(stdout, x, colorful); err != nil {
		fmt.Fprintln(stderr, "explain:", err)
		return undecided
	}
	switch {
	case x.Accepted:
		return accepted
	case x.Undecided():
		return undecided
	}
	return refused
}

var (
	errNoToken = errors.New("there is no token on standard input")
	errTooLong = fmt.Errorf("standard input is longer than any token (%d bytes)", validator.MaxTokenSize)
	errLines   = errors.New("there is more than one line on standard input: which one is the token?")
	errHeader  = errors.New("standard input is a line of a request, but not one Authorization header with a token")
)

// readToken reads one token: alone, after its scheme, or in the line of a request. Its
// errors do not quote what was read. note says what was taken away.
func readToken(r io.Reader) (raw, note string, err error) {
	data, err := io.ReadAll(io.LimitReader(r, validator.MaxTokenSize+1024))
	switch {
	case err != nil:
		return "", "", err
	case len(data) == validator.MaxTokenSize+1024:
		return "", "", errTooLong
	}
	text := strings.Trim(string(data), " \t\r\n\ufeff")
	switch {
	case text == "":
		return "", "", errNoToken
	case strings.ContainsAny(text, "\r\n"):
		return "", "", errLines
	}
	name, value, header := strings.Cut(text, ":")
	if header && strings.EqualFold(strings.TrimSpace(name), "Authorization") {
		note, text = "took the token out of the Authorization header", strings.TrimSpace(value)
	} else if strings.Contains(text, " ") {
		note = "took the scheme away from the token"
	} else {
		return text, "", nil
	}
	if _, raw, err = validator.ParseAuthorization([]string{text}); err != nil {
		return "", "", errHeader
	}
	return raw, note, nil
}
