package validator_test

import (
	"maps"

	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// specified have a ProfileSpec.
func specified() map[string]*provider {
	all := map[string]*provider{}
	for _, some := range []map[string]*provider{people(), workloads()} {
		maps.Copy(all, some)
	}
	return all
}

// people are servers whose tokens are mostly about users.
func people() map[string]*provider {
	b2c := "https://contoso.b2clogin.com/" + contoso + "/v2.0/"
	spring, dex, firebase := "https://auth.example.org", "https://dex.example.com/dex", "https://securetoken.google.com/my-project"
	supabase, adfs := "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "https://adfs.example.com/adfs/services/trust"
	return map[string]*provider{
		"entra-b2c": {
			// Its documents are by policy, below a name that is not that of the issuer.
			document: "entra-b2c", jwksURL: "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_signin/discovery/v2.0/keys",
			issuer: b2c, style: validatortest.StyleGeneric, audiences: strs{api}, clients: strs{app}, wantMatched: api,
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "B2C", Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "azp"}, {Claim: "scp"}, {Claim: "ver", Values: strs{"1.0"}}},
				Client: "azp", Scope: "scp",
			}),
			typ: "JWT", claims: told(b2c, fabrikam, api, object{
				"azp": app, "scp": "orders.read", "ver": "1.0", "tfp": "B2C_1_signin", "nbf": issued, "extension_Role": "admin",
			}),
			client: "azp", scope: "scp", wantClient: app, wantScopes: strs{"orders.read"},
			others: map[string]other{
				"ID token":             {"JWT", object{"aud": app, "ver": "1.0", "tfp": "B2C_1_signin", "nonce": "n", "sub": fabrikam}},
				"ID token for the API": {"JWT", object{"aud": api, "ver": "1.0", "tfp": "B2C_1_signin", "sub": fabrikam}},
			},
		},
		"spring-as": {
			// Nothing but aud names the client, and nothing but scope tells its tokens apart.
			document: "spring-as", issuer: spring, style: validatortest.StyleGeneric, mayBeClient: true,
			audiences: strs{"orders-app"}, clients: strs{"orders-app"}, wantMatched: "orders-app",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "Spring", Types: strs{""}, Marks: []validator.Mark{{Claim: "scope"}}, Client: "aud", Scope: "scope",
			}),
			claims: told(spring, "jane", "orders-app", object{"scope": strs{"orders.read", "openid"}, "nbf": issued, "jti": "j"}),
			client: "aud", scope: "scope", wantClient: "orders-app", wantScopes: strs{"orders.read", "openid"},
			others: map[string]other{
				"ID token":               {nil, object{"aud": "orders-app", "azp": "orders-app", "auth_time": issued, "nonce": "n", "sid": "s", "sub": "jane"}},
				"ID token without nonce": {nil, object{"aud": "orders-app", "azp": "orders-app", "auth_time": issued, "sid": "s", "sub": "jane"}},
			},
		},
		"dex": {
			document: "dex", issuer: dex, style: validatortest.StyleGeneric, mayBeClient: true,
			audiences: strs{"orders-api"}, wantMatched: "orders-api",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "Dex", Types: strs{"", "JWT"}, AllowIDTokens: true, AllowClaims: strs{"nonce", "at_hash"}, Client: "azp",
			}),
			claims: told(dex, "CgcyMzQyNzQ5", strs{"orders-api", "cli"}, object{
				"azp": "cli", "nonce": "n", "at_hash": "x", "groups": strs{"admins"}, // of a random text
				"email": "jane@example.com", "email_verified": true,
			}),
			client: "azp", wantClient: "cli",
			others: map[string]other{"ID token for a code": {nil, object{
				"aud": strs{"orders-api", "cli"}, "azp": "cli", "nonce": "n", "at_hash": "x", "c_hash": "y", "sub": "CgcyMzQyNzQ5",
			}}},
		},
		"firebase": {
			document: "firebase", issuer: firebase, style: validatortest.StyleGeneric,
			audiences: strs{"my-project"}, wantMatched: "my-project",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "Firebase", Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "firebase"}}, Required: strs{"sub", "auth_time"}, Algorithms: strs{"RS256"},
			}),
			typ: "JWT", claims: told(firebase, "uid-1", "my-project", object{
				"auth_time": issued, "user_id": "uid-1", "firebase": object{"identities": object{}, "sign_in_provider": "password"}, "admin": true,
			}),
			others: map[string]other{"token without firebase": {"JWT", object{"aud": "my-project", "auth_time": issued, "sub": "uid-1"}}},
		},
		"supabase": {
			document: "supabase", issuer: supabase, style: validatortest.StyleGeneric, alg: "ES256",
			audiences: strs{"authenticated"}, wantMatched: "authenticated",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "Supabase", Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "role", Values: strs{"authenticated"}}}, Required: strs{"sub", "session_id"},
			}),
			typ: "JWT", claims: told(supabase, fabrikam, "authenticated", object{
				"role": "authenticated", "session_id": contoso, "aal": "aal1", "amr": []any{object{"method": "password", "timestamp": issued}}, "is_anonymous": false,
			}),
			others: map[string]other{
				"key for everybody": {"JWT", object{"aud": "authenticated", "role": "anon", "ref": "abcdefghijklmnopqrst", "session_id": "s", "sub": "x"}},
				"key for services":  {"JWT", object{"aud": "authenticated", "role": "service_role", "session_id": "s", "sub": "x"}},
			},
		},
		"adfs": {
			// The issuer of access tokens is not the one whose metadata there are.
			document: "adfs", jwksURL: "https://adfs.example.com/adfs/discovery/keys", issuer: adfs, style: validatortest.StyleGeneric,
			audiences: strs{"microsoft:identityserver:orders"}, clients: strs{app}, wantMatched: "microsoft:identityserver:orders",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "AD FS", Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "apptype"}, {Claim: "appid"}}, Client: "appid", Scope: "scp",
			}),
			typ: "JWT", claims: told(adfs, "u", "microsoft:identityserver:orders", object{
				"appid": app, "apptype": "Public", "scp": "orders.read openid", "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
				"ver": "1.0", "auth_time": "2026-05-28T00:00:00.000Z", "group": strs{"admins"},
			}),
			client: "appid", scope: "scp", wantClient: app, wantScopes: strs{"orders.read", "openid"},
			others: map[string]other{
				"ID token":             {"JWT", object{"aud": app, "apptype": "Public", "nonce": "n", "upn": "jane@example.com", "sub": "u"}},
				"ID token for the API": {"JWT", object{"aud": "microsoft:identityserver:orders", "apptype": "Public", "sub": "u"}},
			},
		},
	}
}

// workloads are servers whose tokens are about programs.
func workloads() map[string]*provider {
	actions, google := "https://token.actions.githubusercontent.com", "https://accounts.google.com"
	cluster := "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
	spire := "https://oidc.prod.example.com"
	const frontend, workload, robot = "system:serviceaccount:shop:frontend", "spiffe://prod.example.com/shop/frontend", "113774264463038321964"
	job := func(owner string) object {
		return object{
			"aud": "https://deploy.example.com", "sub": "repo:" + owner + "/shop:ref:refs/heads/main", "jti": "j", "nbf": issued,
			"repository": owner + "/shop", "repository_owner": owner, "job_workflow_ref": owner + "/shop/.github/workflows/deploy.yml@refs/heads/main",
			"ref": "refs/heads/main", "run_id": "1", "runner_environment": "github-hosted",
		}
	}
	account := object{
		"namespace": "shop", "pod": object{"name": "frontend-0", "uid": contoso}, "serviceaccount": object{"name": "frontend", "uid": fabrikam},
	}
	return map[string]*provider{
		"gitlab-ci": {
			document: "gitlab-ci", issuer: actions, style: validatortest.StyleGeneric,
			audiences: strs{"https://deploy.example.com"}, clients: strs{"octo-org/shop"}, wantMatched: "https://deploy.example.com",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "GitHub Actions", Types: strs{"JWT"},
				Marks:  []validator.Mark{{Claim: "repository_owner", Values: strs{"octo-org"}}, {Claim: "job_workflow_ref", Prefix: "octo-org/"}},
				Client: "repository", Required: strs{"sub", "jti"}, Algorithms: strs{"RS256"},
			}),
			typ: "JWT", claims: told(actions, "", "", job("octo-org")),
			client: "repository", wantClient: "octo-org/shop",
			others: map[string]other{
				"job of another owner":    {"JWT", job("evil-org")},
				"job of a similar owner":  {"JWT", job("octo-org-evil")},
				"workflow of another one": {"JWT", merged(job("octo-org"), object{"job_workflow_ref": "evil-org/x/.github/workflows/x.yml@main"})},
			},
		},
		"k8s-sa": {
			document: "k8s-sa", issuer: cluster, style: validatortest.StyleGeneric,
			audiences: strs{"orders"}, clients: strs{frontend}, wantMatched: "orders",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "Kubernetes", Types: strs{"", "JWT"}, Marks: []validator.Mark{{Claim: "kubernetes.io"}}, Client: "sub",
			}),
			claims: told(cluster, frontend, strs{"orders"}, object{"kubernetes.io": account, "nbf": issued, "jti": contoso}),
			client: "sub", wantClient: frontend,
			others: map[string]other{"legacy token": {nil, object{
				"aud": strs{"orders"}, "sub": frontend, "kubernetes.io/serviceaccount/namespace": "shop", "kubernetes.io/serviceaccount/secret.name": "t",
			}}},
		},
		"spiffe": {
			document: "spiffe", issuer: spire, style: validatortest.StyleGeneric, alg: "ES256",
			audiences: strs{"orders"}, clients: strs{workload}, wantMatched: "orders",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "SPIFFE", Types: strs{"", "JWT", "JOSE"}, Marks: []validator.Mark{{Claim: "sub", Prefix: "spiffe://prod.example.com/"}}, Client: "sub",
			}),
			claims: told(spire, workload, strs{"orders"}, nil),
			client: "sub", wantClient: workload,
			others: map[string]other{
				"of another trust domain": {nil, object{"aud": strs{"orders"}, "sub": "spiffe://prod.example.com.evil/shop/frontend"}},
				"of the domain itself":    {nil, object{"aud": strs{"orders"}, "sub": "spiffe://prod.example.com/"}},
				"of no workload":          {nil, object{"aud": strs{"orders"}, "sub": "jane"}},
			},
		},
		"google-id": {
			document: "google-id", issuer: google, style: validatortest.StyleGeneric,
			audiences: strs{"https://orders.example.com"}, clients: strs{robot}, wantMatched: "https://orders.example.com",
			profile: validator.NewProfile(validator.ProfileSpec{
				Name: "Google", Types: strs{"JWT"}, Marks: []validator.Mark{{Claim: "email_verified", Values: strs{"true"}}, {Claim: "azp"}},
				Client: "azp", Algorithms: strs{"RS256"},
			}),
			typ: "JWT", claims: told(google, robot, "https://orders.example.com", object{
				"azp": robot, "email": "frontend@my-project.iam.gserviceaccount.com", "email_verified": true,
			}),
			client: "azp", wantClient: robot,
			others: map[string]other{
				"ID token of a user": {"JWT", object{ // its audience is its client
					"aud": robot, "azp": robot, "email": "jane@example.com", "email_verified": true, "sub": "u",
				}},
				"ID token with nonce": {"JWT", object{
					"aud": "https://orders.example.com", "azp": robot, "email": "jane@example.com", "email_verified": true, "nonce": "n", "sub": "u",
				}},
				"address not verified": {"JWT", object{
					"aud": "https://orders.example.com", "azp": robot, "email": "jane@example.com", "email_verified": false, "sub": "u",
				}},
			},
		},
	}
}

func merged(claims, changes object) object {
	all := maps.Clone(claims)
	maps.Copy(all, changes)
	return all
}
