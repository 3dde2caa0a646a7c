package introspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a client secret or a token of our own. It is a password, and never
// prints itself. The zero Secret is none.
type Secret struct {
	// A function, because fmt calls no method on unexported fields of a user's
	// struct, but cannot look into a closure.
	get func(context.Context) (string, error)
}

// StaticSecret is a secret that does not change. An empty text is no secret.
func StaticSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func(context.Context) (string, error) { return text, nil }}
}

// SecretFunc is a secret that get returns each time it is needed, such as from a
// file or a vault that rotates it. get must be safe for concurrent use and end with
// its context (Config.Timeout): a question, and its place among those under way,
// wait for it. An error, or an empty text, means that the question cannot be asked
// now.
func SecretFunc(get func(context.Context) (string, error)) Secret { return Secret{get} }

const redacted = "[secret]"

// Format prints a fixed text for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the secret out of structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the secret out of JSON, YAML and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

var errEmptySecret = errors.New("the secret is empty")

func (s Secret) text(ctx context.Context) (string, error) {
	text, err := s.get(ctx)
	if err == nil && text == "" {
		err = errEmptySecret
	}
	return text, err
}
