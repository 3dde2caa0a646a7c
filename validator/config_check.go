package validator

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerguard/bearerguard/internal/jose"
	"github.com/bearerguard/bearerguard/internal/remote"
	"github.com/bearerguard/bearerguard/jwks"
)

// ConfigError is one mistake in a Config or a Policy. New returns all of them,
// joined (errors.Join).
type ConfigError struct {
	Field   string // e.g. "Issuers[1].Audiences"
	Problem string
}

func (e *ConfigError) Error() string { return "validator: " + e.Field + ": " + e.Problem }

// mistakes collects ConfigErrors.
type mistakes []error

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, &ConfigError{field, fmt.Sprintf(format, args...)})
}

// within adds what is wrong inside of field.
func (m *mistakes) within(field string, inner mistakes) {
	for _, err := range inner {
		if mistake, ok := err.(*ConfigError); ok {
			m.add(field+"."+mistake.Field, "%s", mistake.Problem)
		}
	}
}

func (m mistakes) err() error { return errors.Join(m...) }

// check reports every mistake in the configuration.
func (c *Config) check() error {
	var m mistakes
	if len(c.Issuers) == 0 {
		m.add("Issuers", "at least one is required")
	}
	if c.Leeway > MaxLeeway {
		m.add("Leeway", "must not be above %v", MaxLeeway)
	}
	if c.Leeway != NoLeeway {
		checkDuration(&m, "Leeway", c.Leeway)
	}
	if c.CacheSize < 0 {
		m.add("CacheSize", "must not be negative")
	}
	checkDuration(&m, "CacheCap", c.CacheCap)
	if c.Revocations != nil && c.Revocations.max == 0 {
		m.add("Revocations", "must be made by NewRevocations")
	}
	labels := map[string]int{}
	for i := range c.Issuers {
		is, field := &c.Issuers[i], fmtIssuer(i)
		is.check(&m, field, c.InsecureAllowHTTP)
		claim(&m, labels, i, field+".URL", is.URL)
		claim(&m, labels, i, field+".Name", is.name())
		c.checkIntrospection(&m, field, is)
		if c.Revocations != nil && is.MaxTokenLifetime == 0 {
			m.add(field+".MaxTokenLifetime", "is required with Revocations: a mark must outlive every token from before it")
		}
		c.checkSignals(&m, field, is)
	}
	c.checkOverlap(&m)
	c.checkOpaque(&m)
	c.checkFleet(&m)
	return m.err()
}

// checkDuration refuses what nobody means: 30 instead of 30 * time.Second.
func checkDuration(m *mistakes, field string, d time.Duration) {
	if d < 0 {
		m.add(field, "must not be negative")
	}
	if d > 0 && d < time.Millisecond {
		m.add(field, "is %v: durations have units, such as %d * time.Second", d, d)
	}
}

// claim keeps names and URLs unique among all of them: a policy may use either.
func claim(m *mistakes, labels map[string]int, i int, field, label string) {
	if owner, taken := labels[label]; taken && owner != i {
		m.add(field, "%q is the Name or URL of Issuers[%d] too", label, owner)
	}
	labels[label] = i
}

// fmtIssuer names an Issuer in a mistake.
func fmtIssuer(i int) string { return fmt.Sprintf("Issuers[%d]", i) }

func (is *Issuer) check(m *mistakes, field string, insecureHTTP bool) {
	is.checkURL(m, field+".URL", is.URL, insecureHTTP)
	is.checkTenants(m, field)
	m.within(field+".Profile", is.Profile.rules().mistakes)
	checkDuration(m, field+".MaxTokenLifetime", is.MaxTokenLifetime)
	if is.JWKSURL != "" {
		if err := is.trustedURL(is.JWKSURL, insecureHTTP); err != nil {
			m.add(field+".JWKSURL", "%v", err)
		}
	}
	if len(is.Audiences) == 0 || slices.Contains(is.Audiences, "") {
		m.add(field+".Audiences", "at least one is required, and none may be empty")
	}
	if len(is.ClientIDs) == 0 && !is.AnyClient {
		m.add(field+".ClientIDs", "name the clients whose tokens are accepted, or say AnyClient")
	}
	if rules := is.Profile.rules(); len(is.ClientIDs) > 0 && is.Introspection == nil && len(rules.client) == 0 && rules.clientFrom == "" {
		m.add(field+".ClientIDs", "no claim names the client by this Profile: set ProfileSpec.Client, or say AnyClient")
	}
	if len(is.ClientIDs) > 0 && is.AnyClient {
		m.add(field+".ClientIDs", "AnyClient says that it does not matter, but clients are named")
	}
	if slices.Contains(is.ClientIDs, "") {
		m.add(field+".ClientIDs", "none may be empty")
	}
	for _, name := range is.Algorithms {
		if _, ok := jose.ParseAlgorithm(name); !ok {
			m.add(field+".Algorithms", "%q is not an asymmetric JWS algorithm that this library verifies", name)
		}
	}
	if is.KeyRefreshBurst < 0 {
		m.add(field+".KeyRefreshBurst", "must not be negative")
	}
	checkDuration(m, field+".KeyRefreshInterval", is.KeyRefreshInterval)
	is.checkStatus(m, field, insecureHTTP)
	checkDuration(m, field+".KeyEmptyGrace", is.KeyEmptyGrace)
	is.checkKeyAges(m, field)
}

func (is *Issuer) checkKeyAges(m *mistakes, field string) {
	// What is negative, and how they go together, is told below.
	before := len(*m)
	checkDuration(m, field+".KeyMaxAge", max(is.KeyMaxAge, 0))
	checkDuration(m, field+".KeyMaxStale", max(is.KeyMaxStale, 0))
	ages := jwks.Config{MaxAge: is.KeyMaxAge, MaxStale: is.KeyMaxStale, RefreshInterval: is.KeyRefreshInterval}
	var mistake *jwks.ConfigError
	if len(*m) == before && errors.As(ages.Check(), &mistake) {
		m.add(field+"."+asInIssuer.Replace(mistake.Field), "%s", asInIssuer.Replace(mistake.Problem))
	}
	if is.OpaqueOnly && is.KeyMaxAge != 0 {
		m.add(field+".OpaqueOnly", "says that no keys are needed, but KeyMaxAge is about them")
	}
}

// asInIssuer are the names here of fields of jwks.Config.
var asInIssuer = strings.NewReplacer("MaxAge", "KeyMaxAge", "MaxStale", "KeyMaxStale", "RefreshInterval", "KeyRefreshInterval")

// checkURL holds the issuer identifier to RFC 8414 2 and to the profile's rule.
func (is *Issuer) checkURL(m *mistakes, field, raw string, insecureHTTP bool) {
	if is.Profile.rules().tenants != nil {
		raw = strings.Replace(raw, tenantID, "common", 1)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		m.add(field, "must be a URL")
		return
	case u.RawQuery != "" || u.ForceQuery:
		m.add(field, "must not contain a query")
	}
	if err := remote.CheckURL(u, insecureHTTP); err != nil {
		m.add(field, "%v", err)
	} else if u.String() != raw { // an iss that nobody sends, such as one with a bare "#" or a space
		m.add(field, "must be spelled as it will be compared, %q", u)
	} else if err := oktaIssuer(u, is.Profile.rules() == oktaRules); err != nil {
		m.add(field, "%v", err)
	} else if strings.Contains(u.Path+"/", "/.well-known/") {
		m.add(field, "must be the issuer, not the address of its metadata")
	} else if end := is.Profile.rules().endsAt(u.Hostname()); !strings.HasSuffix(u.Path, end) {
		m.add(field, "must end with %q, as iss there does", end)
	}
}

// trustedURL judges an address that keys come from, configured or discovered.
func (is *Issuer) trustedURL(raw string, insecureHTTP bool) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("must be a URL")
	}
	return endpointRule{insecureHTTP, is.Profile.rules() == oktaRules}.check(u)
}

// endpointRule is what every address of an issuer must satisfy.
type endpointRule struct{ insecureHTTP, okta bool }

func (r endpointRule) check(u *url.URL) error {
	if err := remote.CheckURL(u, r.insecureHTTP); err != nil {
		return err
	}
	return oktaEndpoint(u, r.okta)
}

func (is *Issuer) name() string {
	if is.Name != "" {
		return is.Name
	}
	return is.URL
}

// leeway is the leeway in force.
func (c *Config) leeway() time.Duration {
	if c.Leeway == 0 {
		return DefaultLeeway
	}
	return max(c.Leeway, 0) // NoLeeway is negative
}
