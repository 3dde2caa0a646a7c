package rediscache

import (
	"context"
	"crypto/sha1" // #nosec G505 -- the name that Redis gives a script; nothing is decided by it
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// script is one of Lua, which Redis carries out in one step.
type script struct {
	text string
	sha1 string // the name that Redis gives it
}

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) // #nosec G401 -- the name that Redis gives a script; nothing is decided by it
	return &script{text, hex.EncodeToString(sum[:])}
}

// runOnce has Redis carry it out at most once, and returns its answer, a list. Of an
// error nobody knows whether that was before or after.
func (s *script) runOnce(ctx context.Context, client redis.UniversalClient, keys []string, args ...any) ([]any, error) {
	answer, err := s.send(ctx, client, "EVALSHA", s.sha1, keys, args)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // which carried out nothing
		return s.send(ctx, client, "EVAL", s.text, keys, args)
	}
	return answer, err
}

func (s *script) send(ctx context.Context, client redis.UniversalClient, command, text string, keys []string, args []any) ([]any, error) {
	line := make([]any, 0, 3+len(keys)+len(args))
	line = append(line, command, text, len(keys))
	for _, key := range keys {
		line = append(line, key)
	}
	cmd := once{redis.NewCmd(ctx, append(line, args...)...)}
	if err := client.Process(ctx, cmd); err != nil {
		return nil, err
	}
	return cmd.Slice()
}

// once is a command that go-redis does not send again when it had no answer.
type once struct{ *redis.Cmd }

// NoRetry overrides Cmd's.
func (once) NoRetry() bool { return true }
