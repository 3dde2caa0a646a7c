package validator

import (
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/jwks"
)

// template is the URL of an Issuer of Entra ID around the GUID of a tenant.
type template struct {
	before, after string
	only          string // the one tenant; empty: those of Tenants
}

// newTemplate finds the tenant in the URL: the one path segment that is a GUID, or
// {tenantid}. The host is never one of many.
func newTemplate(issuer string) (t template, ok bool) {
	found := 0
	_, rest, _ := strings.Cut(issuer, "://")
	_, path, _ := strings.Cut(rest, "/")
	for from, segment := len(issuer)-len(path), ""; from < len(issuer); from += len(segment) + 1 {
		segment, _, _ = strings.Cut(issuer[from:], "/")
		if segment != tenantID && !isGUID(segment) {
			continue
		}
		found++
		t = template{before: issuer[:from], after: issuer[from+len(segment):], only: segment}
		if segment == tenantID {
			t.only = ""
		}
	}
	return t, found == 1
}

// tenant is the one whose issuer iss is; empty if it is none of this template. The
// GUID has one spelling, so that a tenant has one issuer.
func (t template) tenant(iss string) string {
	middle, ok := strings.CutPrefix(iss, t.before)
	if !ok {
		return ""
	}
	middle, ok = strings.CutSuffix(middle, t.after)
	if !ok || !isGUID(middle) || t.only != "" && t.only != middle {
		return ""
	}
	return middle
}

// isGUID reports whether text is a GUID in the form that Entra ID writes.
func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// tenantMatches: who uses tid as the boundary between tenants must find there what
// the issuer vouches for, a GUID and the one in iss; and not every tenant of Entra ID
// is a customer of ours.
func tenantMatches(c *candidate) *failure {
	if c.rules.tenants == nil {
		return nil
	}
	tenant := c.issuer.template.tenant(c.claims.issuer)
	if tid := c.further.text("tid"); tid != tenant {
		return failed(ReasonTenantMismatch, "tid "+tenant+", as in iss", tid)
	}
	if !c.issuer.serves(tenant) {
		return failed(ReasonTenantNotAllowed, "a tenant that Tenants allows", tenant)
	}
	return nil
}

// serves reports whether the tokens of a tenant are accepted.
func (is *issuer) serves(tenant string) bool {
	tenants := is.rules.tenants
	switch {
	case is.template.only != "", tenants.AnyTenant:
		return true
	case tenants.Permit != nil:
		return tenants.Permit(tenant)
	}
	return slices.Contains(tenants.Allowed, tenant)
}

// tenantServed asks again what the owner may have changed, on every hit as on a miss.
func (t *facts) tenantServed() bool {
	tenants := t.issuer.rules.tenants
	return tenants == nil || tenants.Permit == nil || t.issuer.serves(t.issuer.template.tenant(t.iss))
}

// keyServes: in one set, Entra ID publishes keys of all tenants and keys of single
// ones, and says of each whose it is. A key of one tenant must not make tokens of
// another. (https://learn.microsoft.com/entra/identity-platform/access-tokens, Validate
// the signing key issuer)
func (c *candidate) keyServes(key *jwks.Key) bool {
	rules := c.issuer.rules
	if rules.tenants == nil {
		return true
	}
	named := key.Issuer()
	if named == "" {
		return !rules.keysSay || c.issuer.template.only != ""
	}
	return strings.ReplaceAll(named, tenantID, c.issuer.template.tenant(c.claims.issuer)) == c.claims.issuer
}

// checkTenants reports the mistakes in the URL and the Tenants of an Entra ID issuer.
func (is *Issuer) checkTenants(m *mistakes, field string) {
	tenants := is.Profile.rules().tenants
	if tenants == nil {
		if strings.Contains(is.URL, tenantID) {
			m.add(field+".URL", "contains %s, which only EntraV1 and EntraV2 fill in", tenantID)
		}
		return
	}
	t, ok := newTemplate(is.URL)
	if !ok {
		m.add(field+".URL", "must name the tenant by its GUID in small letters, or contain %s as one part of the path", tenantID)
		return
	}
	said := 0
	for _, set := range []bool{len(tenants.Allowed) > 0, tenants.Permit != nil, tenants.AnyTenant} {
		if set {
			said++
		}
	}
	switch {
	case t.only != "" && said > 0:
		m.add(field+".Profile", "Tenants are given, but URL names one tenant")
	case t.only == "" && said != 1:
		m.add(field+".Profile", "URL contains %s: say whose tokens are accepted by exactly one field of Tenants", tenantID)
	}
	for _, tenant := range tenants.Allowed {
		if !isGUID(tenant) {
			m.add(field+".Profile", "Tenants.Allowed: %q is not a GUID in small letters", tenant)
		}
	}
	if t.only == "" && is.Introspection != nil {
		m.add(field+".Introspection", "is for one issuer, and URL stands for many")
	}
}

// checkOverlap: a token must be of one Issuer, so no URL may be one that another
// stands for.
func (c *Config) checkOverlap(m *mistakes) {
	for i := range c.Issuers {
		t, ok := newTemplate(c.Issuers[i].URL)
		if !ok || t.only != "" || c.Issuers[i].Profile.rules().tenants == nil {
			continue
		}
		for j := range c.Issuers {
			if j != i && t.tenant(c.Issuers[j].URL) != "" {
				m.add(fmtIssuer(j)+".URL", "%q is one that %s.URL stands for too", c.Issuers[j].URL, fmtIssuer(i))
			}
		}
	}
}
