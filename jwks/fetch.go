package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bearerguard/bearerguard/internal/metadata"
	"github.com/bearerguard/bearerguard/internal/remote"
)

// rediscoverAfter is how many failures in a row make us read the metadata again.
const rediscoverAfter = 3

// fetcher reads the key set and knows where it is. Only one flight uses it at a
// time, so it needs no lock.
type fetcher struct {
	client   *remote.Client
	issuer   string
	url      string // configured or discovered; empty: not known yet
	discover bool   // nobody configured the URL
	failures int    // of the discovered URL, in a row
}

func newFetcher(config Config) *fetcher {
	return &fetcher{
		client:   remote.NewClient(config.HTTPClient, config.CheckURL),
		issuer:   config.Issuer,
		url:      config.URL,
		discover: config.URL == "",
	}
}

// fetch returns the key set; nil without an error when it is still current.
func (f *fetcher) fetch(ctx context.Context, current *set) (*set, error) {
	if f.url == "" || f.failures >= rediscoverAfter {
		if err := f.locate(ctx); err != nil && f.url == "" {
			return nil, err
		}
	}
	next, err := f.read(ctx, current)
	if f.discover && gone(err) {
		// The server moved its keys: its metadata says where to.
		if f.locate(ctx) == nil {
			next, err = f.read(ctx, current)
		}
	}
	return next, err
}

// locate reads the metadata. The URL that was good so far stays when it fails.
func (f *fetcher) locate(ctx context.Context) error {
	document, err := metadata.Discover(ctx, f.client, f.issuer)
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	if document.JWKSURI == "" {
		return errors.New("discovery: the metadata names no jwks_uri")
	}
	f.url, f.failures = document.JWKSURI, 0
	return nil
}

func (f *fetcher) read(ctx context.Context, current *set) (*set, error) {
	next, err := f.get(ctx, current)
	if err != nil && f.discover {
		f.failures++
	} else {
		f.failures = 0
	}
	return next, err
}

func (f *fetcher) get(ctx context.Context, current *set) (*set, error) {
	etag := ""
	if current != nil && current.url == f.url {
		etag = current.etag
	}
	answer, err := f.client.Get(ctx, f.url, etag)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if answer.NotModified {
		return nil, nil
	}
	next, err := parseSet(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	next.etag, next.url = answer.ETag, f.url
	return next, nil
}

// gone reports whether the server says that there is no key set at that URL.
func gone(err error) bool {
	var failed *remote.Error
	return errors.As(err, &failed) && failed.Kind == remote.Status &&
		(failed.Status == http.StatusNotFound || failed.Status == http.StatusGone)
}
