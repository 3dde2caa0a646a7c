package validator

import (
	"errors"
	"net/url"
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

// oktaDomains are those under which Okta hosts its customers' servers.
var oktaDomains = []string{"okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"}

func underOkta(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return slices.ContainsFunc(oktaDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// oktaIssuer refuses the org server as an issuer: at Okta's own domains under
// every profile, at any host (custom domains) under Okta().
func oktaIssuer(u *url.URL, profile bool) error {
	if !profile && !underOkta(u) {
		return nil
	}
	if id, rest := oktaServer(u); id == "" || rest != "" {
		return errOktaOrg
	}
	return nil
}

// oktaEndpoint refuses the org server's endpoints in the same places. Its keys
// are at /oauth2/v1/keys; those of a custom server at /oauth2/{id}/v1/keys, its
// metadata under /oauth2/{id}/.well-known or /.well-known/.../oauth2/{id}.
func oktaEndpoint(u *url.URL, profile bool) error {
	if !profile && !underOkta(u) {
		return nil
	}
	inner := *u
	if rest, ok := strings.CutPrefix(u.Path, "/.well-known/oauth-authorization-server"); ok {
		inner.Path = rest
	}
	if id, _ := oktaServer(&inner); id == "" {
		return errOktaOrg
	}
	return nil
}

// oktaServer returns the id of the custom server that the path names, and what
// follows it. The id is empty when the path names none: "v1" there is the org
// server's API, and a path that is not in its plain form is not believed.
func oktaServer(u *url.URL) (id, rest string) {
	path, ok := strings.CutPrefix(u.Path, "/oauth2/")
	if !ok || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/.") && !strings.Contains(u.Path, "/.well-known/") ||
		strings.Contains(u.Path, "..") {
		return "", ""
	}
	id, rest, slash := strings.Cut(path, "/")
	if strings.EqualFold(id, "v1") {
		return "", ""
	}
	if slash {
		rest = "/" + rest
	}
	return id, rest
}
