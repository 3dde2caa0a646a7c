package validatortest

import (
	"encoding/json"
	"strings"
)

func (c *corpus) casesEntraV1() {
	c.casesEntra("1.0", "2.0")
	c.notAccess("appid-absent", c.token(NoClaim("appid")))
	c.notAccess("appid-empty", c.token(Claim("appid", "")))
	c.notAccess("azp-for-appid", c.token(NoClaim("appid"), Claim("azp", c.client)))
	c.notAccess("id-token-of-v2", c.token(NoClaim("appid"), NoClaim("scp"), Claim("ver", "2.0")))
}

func (c *corpus) casesEntraV2() {
	c.casesEntra("2.0", "1.0")
	c.accept("roles-for-scp", c.token(NoClaim("scp"), Claim("roles", []string{"read"})))
	c.accept("idtyp-app-for-scp", c.token(NoClaim("scp"), Claim("idtyp", "app")))
	c.accept("idtyp-user", c.token(Claim("idtyp", "user")))
	c.notAccess("azp-absent", c.token(NoClaim("azp")))
	c.notAccess("azp-empty", c.token(Claim("azp", "")))
	c.notAccess("appid-for-azp", c.token(NoClaim("azp"), Claim("appid", c.client)))
	c.notAccess("scope-absent", c.token(Scope()))
	c.notAccess("scope-empty", c.token(Claim("scp", "")))
	c.notAccess("scope-for-scp", c.token(NoClaim("scp"), Claim("scope", DefaultScope)))
	for _, v := range []struct {
		name  string
		roles any
	}{{"empty", []any{}}, {"null", nil}, {"no-text", ""}, {"false", false}, {"object", map[string]any{}}} {
		c.refuse("roles-"+v.name, "kind of token", "roles-for-scp", "not_an_access_token", c.token(NoClaim("scp"), Claim("roles", v.roles)))
	}
	c.refuse("roles-empty-with-a-space", "kind of token", "roles-for-scp", "not_an_access_token",
		c.rewrite(last(`"roles":[ ]`), NoClaim("scp")))
	for _, v := range []struct {
		name  string
		idtyp any
	}{{"user", "user"}, {"case", "App"}, {"array", []string{"app"}}, {"bool", true}} {
		c.refuse("idtyp-"+v.name+"-for-scp", "kind of token", "idtyp-app-for-scp", "not_an_access_token",
			c.token(NoClaim("scp"), Claim("idtyp", v.idtyp)))
	}
	c.member("idtyp", "Idtyp", "app", "user")
	c.member("roles", "Roles", []string{"read"}, []string{"admin"})
}

// casesEntra are those of both versions.
func (c *corpus) casesEntra(ver, other string) {
	c.accept("good-machine", c.machine())
	c.accept("groups", c.token(Claim("groups", []string{"admin"}), Claim("wids", []string{"admin"})))
	c.member("ver", "Ver", ver, other)
	c.member("tid", "Tid", tenantOf(c.s.tokenIssuer()), guid("another"))
	c.mark("ver", "ver", ver, []named{{"of-the-other-version", other}, {"longer", ver + "0"}})
	c.notAccess("ver-the-number", c.token(Claim("ver", json.RawMessage(ver))))
	c.otherTokens()
	c.tenants(tenantOf(c.s.tokenIssuer()))
}

// tenants adds tokens whose tid is not the tenant in iss, or that are of another
// tenant altogether.
func (c *corpus) tenants(own string) {
	add := func(name string, edit Edit) {
		c.refuse("tid-"+name, "tid", "good", "tenant_mismatch", c.token(edit))
	}
	add("absent", NoClaim("tid"))
	noTenant := noText(own)
	for _, name := range sortedNames(noTenant) {
		add(name, Claim("tid", noTenant[name]))
	}
	for _, v := range []named{
		{"another", guid("another")}, {"case", strings.ToUpper(own)}, {"no-guid", "example.onmicrosoft.com"},
		{"longer", own + "0"}, {"braces", "{" + own + "}"}, {"template", tenantID}, {"common", common},
	} {
		add(v.name, Claim("tid", v.value))
	}
	iss := c.s.tokenIssuer()
	of := func(tenant string) Edit {
		return Claim("iss", strings.Replace(iss, own, tenant, 1))
	}
	foreign, allTenants := "unknown_issuer", strings.Contains(c.s.issuer, tenantID)
	if allTenants {
		foreign = "tenant_not_allowed"
		c.refuse("iss-of-another-tenant", "tid", "good", "tenant_mismatch", c.token(of(guid("another"))))
	}
	c.refuse("another-tenant", "tenants", "good", foreign, c.token(Tenant(guid("another"))))
	for _, v := range []named{
		{"template", tenantID}, {"common", common}, {"tenant-case", strings.ToUpper(own)},
		{"tenant-empty", ""}, {"tenant-deeper", "x/" + own}, {"tenant-escaped", "%35" + own[1:]},
	} {
		c.refuse("iss-"+v.name, "iss", "good", "unknown_issuer", c.token(of(v.value), Claim("tid", v.value)))
	}
}
