package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/bearerguard/bearerguard/middleware/signals"
	"github.com/bearerguard/bearerguard/validator"
)

// revocations are those of the gateway before this one, or the first. They cannot go,
// nor change, while it runs: what was revoked would be forgotten.
func (c *config) revocations(old *gateway) *validator.Revocations {
	if old != nil && old.revocations != nil {
		if c.Revocation == nil || c.Revocation.MaxMarks != old.Revocation.MaxMarks {
			c.fault("revocation.max_marks", "cannot change while the gateway runs: restart it")
		}
		return old.revocations
	}
	if c.Revocation == nil {
		return nil
	}
	r, err := validator.NewRevocations(validator.RevocationsConfig{MaxMarks: c.Revocation.MaxMarks, WhileBehind: c.behind()})
	c.blame(err, inFile)
	return r
}

// checkRevocation looks for paths at which nobody tells anything, and for what would be
// told nowhere.
func (c *config) checkRevocation() {
	part := c.Revocation
	if part == nil {
		part = &revocationPart{} // what the library says of it is enough
	}
	for _, source := range []struct {
		field, path, names string
		of                 func(*issuerPart) []string
	}{
		{"revocation.logout_path", part.LogoutPath, "logout_client_ids", func(is *issuerPart) []string { return is.LogoutClientIDs }},
		{"revocation.events_path", part.EventsPath, "event_audiences", func(is *issuerPart) []string { return is.EventAudiences }},
	} {
		c.checkPath(source.field, source.path)
		told := false
		for i := range c.Issuers {
			if len(source.of(&c.Issuers[i])) == 0 {
				continue
			}
			told = true
			if source.path == "" && c.Revocation != nil {
				c.fault(fmt.Sprintf("issuers[%d].%s", i, source.names), "needs "+source.field)
			}
		}
		if source.path != "" && !told {
			c.fault(source.field, "is for issuers with "+source.names+", and there is none")
		}
	}
}

// checkPath refuses what is no path, and what requests are not let through with.
func (c *config) checkPath(field, path string) {
	if path == "" {
		return
	}
	u, err := url.ParseRequestURI(path)
	if err != nil || u.EscapedPath() != path || u.RawQuery != "" || len(path) < 2 || strings.Contains(path, "//") || dotted(path) || tricky(path) ||
		strings.ContainsAny(path, "%{}") {
		c.fault(field, "must be a path without anything special, such as /events")
	}
}

// signalPaths are where issuers tell of revocations.
func (g *gateway) signalPaths() (own []ownPath) {
	if g.Revocation == nil {
		return nil
	}
	if path := g.Revocation.LogoutPath; path != "" {
		own = append(own, ownPath{path, signals.Logout(g.validator)})
	}
	if path := g.Revocation.EventsPath; path != "" {
		own = append(own, ownPath{path, signals.Events(g.validator)})
	}
	return own
}
