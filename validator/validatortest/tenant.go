package validatortest

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
)

// common is the place of a server for all tenants.
const common = "common"

var aGUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// Tenant moves a token of an Entra style to another tenant: that is in tid and
// in iss.
func Tenant(guid string) Edit {
	return func(_, claims map[string]any) {
		iss, _ := claims["iss"].(string)
		claims["iss"] = strings.Replace(iss, tenantOf(iss), guid, 1)
		claims["tid"] = guid
	}
}

// tokenIssuer is the iss of tokens that are not told another tenant.
func (s *Server) tokenIssuer() string { return strings.Replace(s.issuer, tenantID, DefaultTenant, 1) }

// tenantOf is the tenant in an issuer.
func tenantOf(iss string) string { return aGUID.FindString(iss) }

// cutTenant replaces the tenant at the beginning of a path, a GUID or common, by
// tenantID. Without one the tenant is empty, and the rest leads nowhere.
func cutTenant(path string) (rest, tenant string) {
	tenant, rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if tenant != common && (tenant == "" || aGUID.FindString(tenant) != tenant) {
		return "/", ""
	}
	return "/" + tenantID + "/" + rest, tenant
}

// guid is that of a thing of that name.
func guid(name string) string {
	h := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
