package validator

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Okta has two kinds of authorization servers. The custom ones, with issuers
// https://{domain}/oauth2/{id}, mint tokens for your APIs. The org server,
// whose issuer is https://{domain} without that path, mints tokens for Okta's
// own APIs: their format and keys may change without notice, and Okta's
// documentation says that nobody but Okta can validate them. A token of it that
// "verifies" today says nothing about your API, so it is refused wherever its
// issuer, or its keys, are configured or discovered.
var errOktaOrg = errors.New("is Okta's org authorization server, whose tokens nobody but Okta can validate: " +
	"use a custom authorization server, https://{domain}/oauth2/{id} (for example .../oauth2/default)")

var (
	errOktaPath  = errors.New("must be https://{domain}/oauth2/{id} exactly, in plain letters, without a trailing slash or /.well-known")
	errOktaAdmin = errors.New("is the address of Okta's administration: leave out -admin")
)

// oktaDomains are those under which Okta hosts its customers' servers.
var oktaDomains = []string{"okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"}

func underOkta(u *url.URL) bool {
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	return slices.ContainsFunc(oktaDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// oktaPath is the path of a custom server or of something below it, in its one
// plain spelling. Its metadata may also be where RFC 8414 3.1 puts it.
var oktaPath = regexp.MustCompile(`^(?:/\.well-known/oauth-authorization-server)?/oauth2/([A-Za-z0-9_-]+)(?:/\.well-known)?(?:/[A-Za-z0-9_-]+)*$`)

// oktaIssuer refuses the org server as an issuer: at Okta's own domains under
// every profile, at any host (custom domains) under Okta().
func oktaIssuer(u *url.URL, profile bool) error {
	if !profile && !underOkta(u) {
		return nil
	}
	switch {
	case strings.Contains(strings.ToLower(u.Hostname()), "-admin.") && underOkta(u):
		return errOktaAdmin
	case orgServer(u):
		return errOktaOrg
	case !customServer(u) || strings.Count(u.Path, "/") != 2:
		return errOktaPath
	}
	return nil
}

// orgServer reports whether the path is one at which the org server answers.
func orgServer(u *url.URL) bool {
	path := strings.ToLower(strings.TrimRight(u.Path, "/"))
	return path == "" || path == "/oauth2" || path == "/oauth2/v1" || strings.HasPrefix(path, "/oauth2/v1/")
}

// oktaEndpoint refuses the org server's endpoints in the same places. Its keys
// are at /oauth2/v1/keys; those of a custom server at /oauth2/{id}/v1/keys.
func oktaEndpoint(u *url.URL, profile bool) error {
	if !profile && !underOkta(u) || customServer(u) {
		return nil
	}
	return errOktaOrg
}

// customServer reports whether the path is that of a custom server. "v1" in the
// place of its id is the org server's API. A path with escapes is not plain.
func customServer(u *url.URL) bool {
	match := oktaPath.FindStringSubmatch(u.Path)
	return match != nil && !strings.EqualFold(match[1], "v1") && u.EscapedPath() == u.Path
}
