package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/bearerguard/bearerguard/internal/metadata"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// rediscoverAfter is how many failures in a row make us read the metadata again.
const rediscoverAfter = 3

// fetcher reads key sets and finds out where they are. It is immutable.
type fetcher struct {
	client   *remote.Client
	check    func(*url.URL) error
	issuer   string
	metadata string // where its metadata are; empty: where they always are
	discover bool   // nobody configured the URL
}

// task is what one fetch starts from.
type task struct {
	url        string // configured or discovered; empty: not known yet
	current    *set   // nil: none yet
	suspicious bool   // the URL failed so often that it may be the wrong one
}

// answer is what one fetch found. Its url counts even beside an error.
type answer struct {
	set    *set // nil: the current one still stands
	url    string
	shared *set // one that somebody else fetched, instead of a fetch, or beside an error
}

// fetch reads the key set. Where the URL was discovered and may have moved, it
// asks the metadata again, and reads the set from the new place.
func (f *fetcher) fetch(ctx context.Context, t task) (answer, error) {
	if t.url == "" {
		address, err := f.locate(ctx)
		if err != nil {
			return answer{}, err
		}
		t.url = address
	}
	next, err := f.read(ctx, t)
	if !f.discover || !doubtful(next, err, t.suspicious) {
		return answer{set: next, url: t.url}, err
	}
	address, lost := f.locate(ctx)
	if lost != nil || address == t.url {
		return answer{set: next, url: t.url}, err
	}
	t.url = address
	next, err = f.read(ctx, t)
	return answer{set: next, url: t.url}, err
}

// locate asks the metadata for the URL.
func (f *fetcher) locate(ctx context.Context) (string, error) {
	document, err := metadata.Discover(ctx, f.client, f.issuer, f.metadata)
	if err != nil {
		return "", fmt.Errorf("discovery: %w", err)
	}
	u, err := url.Parse(document.JWKSURI)
	if err != nil || document.JWKSURI == "" {
		return "", errors.New("discovery: the metadata names no jwks_uri")
	}
	if err := f.check(u); err != nil {
		return "", fmt.Errorf("discovery: jwks_uri: %w", err)
	}
	return document.JWKSURI, nil
}

func (f *fetcher) read(ctx context.Context, t task) (*set, error) {
	etag := ""
	if t.current != nil && t.current.url == t.url && len(t.current.keys) > 0 {
		etag = t.current.etag
	}
	document, err := f.client.Get(ctx, t.url, etag)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if document.NotModified {
		return nil, nil
	}
	next, err := parseSet(document.Body)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	next.etag, next.url = document.ETag, t.url
	return next, nil
}

// doubtful reports whether the keys may be somewhere else by now.
func doubtful(next *set, err error, suspicious bool) bool {
	if err != nil {
		return suspicious || gone(err)
	}
	return next != nil && len(next.keys) == 0 // they moved, and this is what they left
}

// gone reports whether the server says that there is no key set at that URL.
func gone(err error) bool {
	var failed *remote.Error
	return errors.As(err, &failed) && (failed.Status == http.StatusNotFound || failed.Status == http.StatusGone)
}
