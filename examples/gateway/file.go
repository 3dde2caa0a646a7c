package main

import (
	"cmp"
	"time"
)

// What applies where the file says nothing.
const (
	defaultUpstreamTimeout = time.Minute
	defaultShutdownTimeout = 20 * time.Second // below the 30 s that Kubernetes grants
	defaultMaxConnections  = 16384            // at some 30 kB each while a request is under way
)

// file is the configuration file as it is written: README.md says what each
// field means. A field that was not there is zero; what is there and empty never
// passes for that (see decode).
type file struct {
	Listen               string                 `yaml:"listen,required"`
	AdminListen          string                 `yaml:"admin_listen"`
	MaxConnections       *int                   `yaml:"max_connections"`
	TLS                  *tlsPart               `yaml:"tls"`
	Upstream             string                 `yaml:"upstream"`
	UpstreamTimeout      *duration              `yaml:"upstream_timeout"`
	ShutdownTimeout      *duration              `yaml:"shutdown_timeout"`
	Realm                string                 `yaml:"realm"`
	Leeway               *duration              `yaml:"leeway"`
	InsecureAllowHTTP    bool                   `yaml:"insecure_allow_http"`
	NoOpaqueTokens       bool                   `yaml:"no_opaque_tokens"`
	ForwardAuthorization bool                   `yaml:"forward_authorization"`
	IdentityHeaders      []pair                 `yaml:"identity_headers"`
	PublicOrigin         string                 `yaml:"public_origin"`
	DPoP                 *dpopPart              `yaml:"dpop"`
	ClientCertificate    *clientCertificatePart `yaml:"client_certificate"`
	Revocation           *revocationPart        `yaml:"revocation"`
	Redis                *redisPart             `yaml:"redis"`
	Issuers              []issuerPart           `yaml:"issuers,required"`
	Routes               []routePart            `yaml:"routes,required"`
}

type tlsPart struct {
	CertFile string `yaml:"cert_file,required"`
	KeyFile  string `yaml:"key_file,required"`
}

type dpopPart struct {
	Enabled         bool        `yaml:"enabled,required"`
	Algorithms      []string    `yaml:"algorithms"`
	Window          *duration   `yaml:"window"`
	MaxProofs       *int        `yaml:"max_proofs"`
	MaxProofsPerKey *int        `yaml:"max_proofs_per_key"`
	Nonces          *noncesPart `yaml:"nonces"`
}

type noncesPart struct {
	SecretFile         string    `yaml:"secret_file,required"`
	PreviousSecretFile string    `yaml:"previous_secret_file"`
	Lifetime           *duration `yaml:"lifetime"`
}

type clientCertificatePart struct {
	Request        bool     `yaml:"request"`
	TrustedProxies []string `yaml:"trusted_proxies"`
}

type revocationPart struct {
	LogoutPath string `yaml:"logout_path"`
	EventsPath string `yaml:"events_path"`
	MaxMarks   int    `yaml:"max_marks"`
}

type redisPart struct {
	Addresses            []string  `yaml:"addresses,required"`
	Cluster              bool      `yaml:"cluster"`
	SentinelMaster       string    `yaml:"sentinel_master"`
	SentinelUser         string    `yaml:"sentinel_user"`
	SentinelPasswordFile string    `yaml:"sentinel_password_file"`
	TLS                  bool      `yaml:"tls"`
	CAFile               string    `yaml:"ca_file"`
	CertFile             string    `yaml:"cert_file"`
	KeyFile              string    `yaml:"key_file"`
	InsecurePlaintext    bool      `yaml:"insecure_plaintext"`
	User                 string    `yaml:"user"`
	PasswordFile         string    `yaml:"password_file"`
	Prefix               string    `yaml:"prefix"`
	SecretFile           string    `yaml:"secret_file"`
	PreviousSecretFiles  []string  `yaml:"previous_secret_files"`
	Timeout              *duration `yaml:"timeout"`
	MaxSkew              *duration `yaml:"max_skew"`
	Answers              bool      `yaml:"answers"`
	AnswerWait           *duration `yaml:"answer_wait"`
	UsedProofs           bool      `yaml:"used_proofs"`
	Keys                 bool      `yaml:"keys"`
	Revocations          *feedPart `yaml:"revocations"`
}

type feedPart struct {
	WhileBehind string    `yaml:"while_behind,required"`
	Silence     *duration `yaml:"silence"`
}

type issuerPart struct {
	Name                string             `yaml:"name"`
	URL                 string             `yaml:"url,required"`
	Audiences           []string           `yaml:"audiences,required"`
	ClientIDs           []string           `yaml:"client_ids"`
	AnyClient           bool               `yaml:"any_client"`
	AudienceMayBeClient bool               `yaml:"audience_may_be_client"`
	Algorithms          []string           `yaml:"algorithms"`
	Profile             string             `yaml:"profile"`
	JWKSURL             string             `yaml:"jwks_url"`
	OpaqueOnly          bool               `yaml:"opaque_only"`
	MaxTokenLifetime    *duration          `yaml:"max_token_lifetime"`
	EventAudiences      []string           `yaml:"event_audiences"`
	LogoutClientIDs     []string           `yaml:"logout_client_ids"`
	Introspection       *introspectionPart `yaml:"introspection"`
}

type introspectionPart struct {
	Endpoint              string      `yaml:"endpoint"`
	Hosts                 []string    `yaml:"hosts"`
	Auth                  string      `yaml:"auth"`
	ClientID              string      `yaml:"client_id"`
	SecretFile            string      `yaml:"secret_file"`
	KeyFile               string      `yaml:"key_file"`
	KeyID                 string      `yaml:"kid"`
	Algorithm             string      `yaml:"alg"`
	CertFile              string      `yaml:"cert_file"`
	Always                bool        `yaml:"always"`
	MaxAge                *duration   `yaml:"max_age"`
	StaleIfError          *duration   `yaml:"stale_if_error"`
	Signed                bool        `yaml:"signed"`
	SignedAudiences       []string    `yaml:"signed_audiences"`
	Format                *formatPart `yaml:"format"`
	AllowMissingAudience  bool        `yaml:"allow_missing_audience"`
	AllowMissingExpiry    *duration   `yaml:"allow_missing_expiry"`
	AllowMissingTokenType bool        `yaml:"allow_missing_token_type"`
}

type formatPart struct {
	Prefix    string `yaml:"prefix"`
	MinLength int    `yaml:"min_length"`
	MaxLength int    `yaml:"max_length"`
}

type routePart struct {
	Pattern          string    `yaml:"pattern,required"`
	Public           bool      `yaml:"public"`
	Optional         bool      `yaml:"optional"`
	Scopes           []string  `yaml:"scopes"`
	AnyScope         []string  `yaml:"any_scope"`
	Issuers          []string  `yaml:"issuers"`
	Audiences        []string  `yaml:"audiences"`
	ClientIDs        []string  `yaml:"client_ids"`
	AnyTrustedIssuer bool      `yaml:"any_trusted_issuer"`
	AnyToken         bool      `yaml:"any_token"`
	MaxTokenAge      *duration `yaml:"max_token_age"`
	ACRValues        []string  `yaml:"acr_values"`
	MaxAuthAge       *duration `yaml:"max_auth_age"`
	Fresh            string    `yaml:"fresh"`
	AllowEncoded     bool      `yaml:"allow_encoded"`
	Upstream         string    `yaml:"upstream"`
}

// duration is written as Go writes it: 30s, 5m.
type duration time.Duration

// or is the duration, or what applies if it was not there.
func (d *duration) or(otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return time.Duration(*d)
}

// connections is how many clients are served at once.
func (f *file) connections() int {
	if f.MaxConnections == nil {
		return defaultMaxConnections
	}
	return *f.MaxConnections
}

// pair is an entry of a mapping whose keys are the user's.
type pair struct{ key, value string }

// upstreamOf is where the requests of a route go.
func (f *file) upstreamOf(r *routePart) string { return cmp.Or(r.Upstream, f.Upstream) }
