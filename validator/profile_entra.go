package validator

import (
	"net/url"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/internal/jose"
)

// EntraV1 is the profile of Microsoft Entra ID's v1.0 access tokens, which an API
// gets whose accessTokenAcceptedVersion is 1 or not set, from either endpoint: ver is
// 1.0 and appid names the client, the URL is https://sts.windows.net/{tenant}/.
// Otherwise it is as EntraV2. (Where the keys of a national cloud are, discovery
// cannot know for all: set JWKSURL.)
func EntraV1(tenants Tenants) Profile { return Profile{entra(entraV1Rules, tenants)} }

// EntraV2 is the profile of Microsoft Entra ID's v2.0 access tokens: ver is 2.0, azp
// names the client, and scp, roles or idtyp app mark the token. scp holds the scopes;
// roles and groups stay claims. Signatures are RS256 unless Algorithms says otherwise.
//
// The issuer's URL is https://login.microsoftonline.com/{tenant}/v2.0, with the
// GUID of the one tenant whose tokens are accepted, or with {tenantid} literally:
// then Tenants says whose. Token.Issuer, and with it Token.Identity, is the tenant's
// own. tid must be the tenant that iss names, and the key must be that tenant's
// where the key set says whose it is.
func EntraV2(tenants Tenants) Profile { return Profile{entra(entraV2Rules, tenants)} }

// Tenants are those whose tokens are accepted by an Issuer whose URL contains
// {tenantid}: exactly one of the fields is set. For one tenant, put its GUID into the
// URL and leave Tenants as it is.
type Tenants struct {
	// Allowed are the GUIDs of the tenants, in small letters.
	Allowed []string
	// Permit is asked on every request, cached token or not, with the tenant's GUID.
	// It must be quick, and safe for concurrent use. It is asked before the signature
	// is looked at, too: anybody can have written that GUID, so that it must remember
	// nothing of those that it does not know.
	Permit func(tenant string) bool
	// AnyTenant accepts every organization of the world, and personal accounts, that
	// can get a token for this API. The application must then tell them apart.
	AnyTenant bool
}

// tenantID is where the tenant stands in the URL of an Issuer, and in what Entra ID
// publishes for all of them.
const tenantID = "{tenantid}"

var entraV1Rules = &profileRules{
	name:       "Entra ID v1.0",
	marks:      "a claim ver 1.0, and appid",
	types:      []string{"", "jwt", "at+jwt"},
	mark:       func(c *candidate) bool { return c.further.text("ver") == "1.0" && c.claims.clients[claimAppID] != "" },
	denied:     true,
	client:     []clientClaim{claimAppID},
	scope:      []scopeClaim{claimSCP},
	further:    jose.NewNames("ver", "tid"),
	ends:       map[string]string{"sts.windows.net": "/", "sts.chinacloudapi.cn": "/"},
	metadata:   entraV1Metadata,
	algorithms: jose.NewAlgorithms(jose.RS256),
}

var entraV2Rules = &profileRules{
	name:  "Entra ID v2.0",
	marks: "a claim ver 2.0, azp, and one of scp, roles, idtyp app",
	types: []string{"", "jwt", "at+jwt"},
	mark: func(c *candidate) bool {
		access := len(c.claims.scopes[claimSCP].list) > 0 || c.further.has("roles") || c.further.text("idtyp") == "app"
		return c.further.text("ver") == "2.0" && c.claims.clients[claimAZP] != "" && access
	},
	denied:     true,
	client:     []clientClaim{claimAZP},
	scope:      []scopeClaim{claimSCP},
	further:    jose.NewNames("ver", "tid", "roles", "idtyp"),
	ends:       map[string]string{"login.microsoftonline.com": "/v2.0", "login.microsoftonline.us": "/v2.0", "login.partner.microsoftonline.cn": "/v2.0"},
	metadata:   entraV2Metadata,
	keysSay:    true,
	algorithms: jose.NewAlgorithms(jose.RS256),
}

func entra(rules *profileRules, tenants Tenants) *profileRules {
	own := *rules
	tenants.Allowed = slices.Clone(tenants.Allowed)
	own.tenants = &tenants
	return &own
}

// entraV2Metadata is where the metadata for all tenants are; those of one tenant
// are where they always are.
func entraV2Metadata(issuer string) string {
	common := strings.Replace(issuer, tenantID, "common", 1)
	if common == issuer {
		return ""
	}
	return strings.TrimSuffix(common, "/") + "/.well-known/openid-configuration"
}

// entraV1Metadata: the issuer of v1.0 tokens is a name at which nothing is served.
func entraV1Metadata(issuer string) string {
	u, err := url.Parse(strings.Replace(issuer, tenantID, "common", 1))
	if err != nil {
		return ""
	}
	if login, known := entraLogin[u.Host]; known {
		u.Host = login
	}
	return strings.TrimSuffix(u.String(), "/") + "/.well-known/openid-configuration"
}

// entraLogin are the hosts of the metadata by those of the v1.0 issuers. US
// Government shares its issuer with the global cloud.
var entraLogin = map[string]string{
	"sts.windows.net":      "login.microsoftonline.com",
	"sts.chinacloudapi.cn": "login.partner.microsoftonline.cn",
}
