// Package metadata finds an authorization server's endpoints by discovery
// (RFC 8414, OpenID Connect Discovery 1.0).
package metadata

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// Document is the part of a metadata document that a resource server uses.
type Document struct {
	Issuer  string `json:"issuer"`
	JWKSURI string `json:"jwks_uri"`

	// Left unread until somebody asks: what is wrong in one of them does not
	// concern those who look for keys.
	Introspection jsontext.Value `json:"introspection_endpoint"`
	MutualTLS     jsontext.Value `json:"mtls_endpoint_aliases"`
}

// IntrospectionEndpoint is where to ask about tokens (RFC 8414 2); empty when
// the document does not say. A caller that authenticates by its certificate asks
// at the alias, if there is one (RFC 8705 5).
func (d *Document) IntrospectionEndpoint(mutualTLS bool) string {
	endpoint := d.Introspection
	if mutualTLS {
		var aliases struct {
			Introspection jsontext.Value `json:"introspection_endpoint"`
		}
		if json.Unmarshal(d.MutualTLS, &aliases) == nil && aliases.Introspection != nil {
			endpoint = aliases.Introspection
		}
	}
	var address string
	if json.Unmarshal(endpoint, &address) != nil {
		return ""
	}
	return address
}

// ErrDocument: a place answered, but not with the metadata of this issuer.
var ErrDocument = errors.New("not the metadata of the configured issuer")

// Discover asks the well-known places of issuer in turn and returns the first
// document that counts: JSON, with the very issuer that was configured
// (RFC 8414 3.3: otherwise it MUST NOT be used). Some servers answer 200 with a
// login page at a path that they do not know, so an answer that does not count
// is no reason to stop. The error joins what was wrong with each place.
// A place that is not empty is asked instead of those.
func Discover(ctx context.Context, client *remote.Client, issuer, place string) (Document, error) {
	asked := []string{place}
	if place == "" {
		asked = places(issuer)
	}
	var failed []error
	for _, place := range asked {
		document, err := read(ctx, client, place, issuer)
		if err == nil {
			return document, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", place, err))
	}
	return Document{}, errors.Join(failed...)
}

func read(ctx context.Context, client *remote.Client, place, issuer string) (Document, error) {
	answer, err := client.Get(ctx, place, "")
	if err != nil {
		return Document{}, err
	}
	var document Document
	if err := json.Unmarshal(answer.Body, &document); err != nil {
		return Document{}, fmt.Errorf("%w: not a JSON object of that kind", ErrDocument)
	}
	if document.Issuer != issuer {
		return Document{}, fmt.Errorf("%w: it names issuer %.200q", ErrDocument, document.Issuer)
	}
	return document, nil
}

// places lists where the metadata of issuer may be: OpenID Connect Discovery
// 4.1 appends to the path, RFC 8414 3.1 inserts before it.
func places(issuer string) []string {
	appended := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	u, err := url.Parse(issuer)
	if err != nil {
		return []string{appended}
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	return []string{appended, u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + path}
}
