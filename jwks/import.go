package jwks

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
)

// clockTolerance is by how much the clock of whoever exported a set may be ahead.
const clockTolerance = time.Minute

// Errors of Import, and of Export where it says so. The text after them says more.
var (
	// ErrEnvelope: not an envelope of this format and version, or too long.
	ErrEnvelope = errors.New("jwks: not an envelope of keys")
	// ErrEnvelopeIssuer: the keys of another issuer.
	ErrEnvelopeIssuer = errors.New("jwks: the envelope is of another issuer")
	// ErrEnvelopeURL: fetched from another address, or from one that Config forbids.
	ErrEnvelopeURL = errors.New("jwks: the envelope is from an address that does not count here")
	// ErrEnvelopeFuture: fetched more than a minute from now.
	ErrEnvelopeFuture = errors.New("jwks: the envelope is from the future")
	// ErrEnvelopeOlder: fetched before the set that is known.
	ErrEnvelopeOlder = errors.New("jwks: the envelope is older than the set that is known")
)

// Import takes in a set that Export wrote, so that tokens can be decided on while
// the authorization server cannot be reached. It does no I/O.
//
// The envelope is as trusted as the configuration: who can write it can name the
// keys that sign tokens of this issuer, until the first successful fetch. Keep it
// where you keep the configuration.
//
// The issuer must be Config.Issuer, and the address Config.URL or, where that is
// empty, one that passes Config.CheckURL; it is not asked, though: discovery finds
// the address of the first fetch. The set is as old as the envelope says (MaxAge and
// MaxStale count from there), which may be up to a minute ahead of Config.Clock, and
// not older than the set that is known. Each key is judged like a fetched one, and
// one of them must be usable. What is refused changes nothing; errors are
// ErrEnvelope, ErrEnvelopeIssuer, ErrEnvelopeURL, ErrEnvelopeFuture,
// ErrEnvelopeOlder and ErrNoUsableKey.
//
// After it the source is ready, keys of an earlier set that it does not list are
// distrusted, and those that it lists stay the same. Nothing becomes unknown by it:
// a kid that it does not list causes a fetch as ever. The first successful fetch
// replaces it, be it one that was in the air.
func (s *Source) Import(data []byte) error {
	next, fetched, err := s.readImport(data)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.asked, err = s.importedAt(fetched); err != nil {
		return err
	}
	s.hasServed(next)
	s.install(next)
	return nil
}

// readImport judges all of an envelope but its time.
func (s *Source) readImport(data []byte) (next *set, fetched time.Time, err error) {
	e, err := readEnvelope(data)
	if err != nil {
		return nil, fetched, err
	}
	if e.Issuer != s.config.Issuer {
		return nil, fetched, fmt.Errorf("%w: expected %q, found %.200q", ErrEnvelopeIssuer, s.config.Issuer, e.Issuer)
	}
	if err := s.config.checkOrigin(e.URL); err != nil {
		return nil, fetched, err
	}
	next = &set{url: e.URL, imported: true}
	for _, text := range e.Keys {
		next.add(text)
	}
	if len(next.keys) == 0 {
		return nil, fetched, fmt.Errorf("%w: %v", ErrNoUsableKey, next.skipped)
	}
	return next, e.Fetched, nil
}

// hasServed notes that the server has served keys at the time of an imported set. s.mu
// is held.
func (s *Source) hasServed(imported *set) {
	if !imported.asked.Before(s.emptySince) {
		s.emptySince = time.Time{}
	}
}

// readEnvelope decodes strictly: a duplicate member, at any depth, an unknown one
// beside the keys, or anything after the end is refused.
func readEnvelope(data []byte) (e envelope, err error) {
	if len(data) > MaxEnvelope {
		return e, fmt.Errorf("%w: longer than %d bytes", ErrEnvelope, MaxEnvelope)
	}
	if err := json.Unmarshal(data, &e, json.RejectUnknownMembers(true)); err != nil {
		return e, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	switch {
	case e.Format != envelopeFormat:
		return e, fmt.Errorf("%w: expected the format %q, found %.100q", ErrEnvelope, envelopeFormat, e.Format)
	case e.Fetched.IsZero():
		return e, fmt.Errorf("%w: it does not say when the set was fetched", ErrEnvelope)
	case len(e.Keys) > MaxKeys:
		return e, fmt.Errorf("%w: %w", ErrEnvelope, errTooManyKeys)
	}
	return e, nil
}

// checkOrigin holds the address of an imported set to the rules of a fetched one:
// keys that came over plain http are anybody's.
func (c *Config) checkOrigin(address string) error {
	if c.URL != "" && address != c.URL {
		return fmt.Errorf("%w: expected %q, found %.200q", ErrEnvelopeURL, c.URL, address)
	}
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return fmt.Errorf("%w: %.200q is not a URL", ErrEnvelopeURL, address)
	}
	if err := c.CheckURL(u); err != nil {
		return fmt.Errorf("%w: %.200q %w", ErrEnvelopeURL, address, err)
	}
	return nil
}

// importedAt is the age of an imported set, unless it is older than what is known,
// or from the future. s.mu is held.
func (s *Source) importedAt(fetched time.Time) (time.Time, error) {
	now := s.config.Clock().Round(0) // the wall clock, as in the envelope
	if ahead := fetched.Sub(now); ahead > clockTolerance {
		return fetched, fmt.Errorf("%w: by %v", ErrEnvelopeFuture, ahead)
	}
	if fetched.After(now) {
		fetched = now
	}
	current := s.snapshot.Load()
	if current == nil {
		return fetched, nil
	}
	known := current.asked
	if known.After(now) {
		known = now // the clock was set back since
	}
	if fetched.Before(known) {
		return fetched, fmt.Errorf("%w: %v before %v", ErrEnvelopeOlder, fetched, known)
	}
	return fetched, nil
}
