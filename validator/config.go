package validator

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerguard/bearerguard/introspect"
)

// Defaults and bounds of Config.
const (
	// DefaultLeeway covers hosts whose clocks are kept by NTP, a virtual machine
	// that was just resumed included, and is a tenth of the shortest lifetime
	// that authorization servers offer (5 min).
	DefaultLeeway = 30 * time.Second
	// NoLeeway compares times exactly.
	NoLeeway time.Duration = -1
	// MaxLeeway is the most that can be configured: RFC 7519 4.1.4 speaks of "no
	// more than a few minutes".
	MaxLeeway = 5 * time.Minute
	// DefaultCacheSize is about 30 MB of tokens of 1 kB.
	DefaultCacheSize = 20_000
	// MaxTokenSize is the longest token that is looked at, in bytes. Most HTTP
	// servers refuse headers beyond that anyway.
	MaxTokenSize = 16 << 10
)

// Config is what a Validator is made of. New copies and checks it whole.
type Config struct {
	// Issuers are the authorization servers whose tokens are accepted. At least one.
	Issuers []Issuer
	// OpaqueIssuer returns the Name or URL of the issuer that a token which is no
	// JWS is from; empty: of none. It is needed where several issuers have
	// Introspection and their tokens no distinct Format.Prefix: a token is shown to
	// exactly one server. It is asked on every request, and must be safe for
	// concurrent use. See NoOpaqueTokens.
	OpaqueIssuer func(rawToken string) string
	// Leeway is how far our clock and an issuer's may differ: it is granted on
	// exp, nbf and iat (not on the exp of an answer of the issuer), and on the ages of
	// policies; Revocations.Revoke reaches as far ahead. Default DefaultLeeway; NoLeeway for none; at most MaxLeeway.
	Leeway time.Duration
	// CacheSize is how many good tokens are remembered at most. Default (0)
	// DefaultCacheSize.
	CacheSize int
	// CacheCap is the longest time for which a result is remembered. Default 0:
	// until the token expires.
	CacheCap time.Duration
	// Revocations are what is refused before it expires, for as long as results are
	// kept: see there. They need the MaxTokenLifetime of every issuer. Default: none,
	// and nothing but Introspection knows of revoked tokens.
	Revocations *Revocations
	// Fleet is what is shared with other replicas of the service. Default: nothing.
	Fleet *Fleet
	// Clock defaults to time.Now. It must be safe for concurrent use.
	Clock func() time.Time
	// HTTPClient fetches metadata and keys, and asks about tokens; name one to trust
	// a private CA. It is copied, and our bounds are laid over the copy: 5 s a
	// request and 20 s a fetch of metadata and keys, 1 MiB a body (64 KiB an answer
	// about a token), three redirects on the same host (none with a token). Default:
	// a client of our own.
	HTTPClient *http.Client
	// InsecureAllowHTTP accepts plain http addresses of issuers on loopback
	// (localhost, 127.0.0.0/8, ::1), for tests and demonstrations.
	InsecureAllowHTTP bool
	// Logger gets refusals and what became of key sets at Info, and at Warn what
	// could not be decided or fetched (a caller who left: Info). Default: none.
	Logger *slog.Logger
	// Observer is told of every decision, and of everything that is read from an issuer.
	// Default: none.
	Observer Observer
}

// Issuer is one authorization server and what it is trusted for: its keys, its
// audiences and its clients belong together, and never serve another issuer.
type Issuer struct {
	// Name is a label for policies, logs and metrics. Default: URL. It must be
	// unique.
	Name string
	// URL is the issuer identifier: a token's iss must equal it byte for byte
	// (RFC 7519 4.1.1, RFC 9068 4). https, without query and fragment. Under EntraV1
	// and EntraV2 it may contain {tenantid}.
	URL string
	// Audiences are the names of this API: a token's aud must contain one.
	// Required (RFC 9068 4).
	Audiences []string
	// ClientIDs are the clients whose tokens are accepted. Either this or
	// AnyClient.
	ClientIDs []string
	// AnyClient accepts the tokens of every client of this issuer.
	AnyClient bool
	// AudienceMayBeClient accepts tokens whose audience is their own client where the
	// Profile otherwise takes them for ID tokens: the generic one, Auth0 (not
	// its older dialect, where just that is the mark), EntraV1, EntraV2, Hydra and those of
	// NewProfile.
	AudienceMayBeClient bool
	// Algorithms are the JWS algorithms accepted: RS256, RS384, RS512, PS256,
	// PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519. Each key verifies only
	// those of its own type, and only the one it names if it names one. Default:
	// all of them, or what the Profile says.
	Algorithms []string
	// Profile is how this server spells things: generic (zero), RFC9068, Okta, Auth0,
	// EntraV1, EntraV2, Keycloak, Cognito, Hydra, or one of NewProfile.
	Profile Profile
	// JWKSURL is where the issuer's keys are. Default: discovery (RFC 8414,
	// OpenID Connect Discovery).
	JWKSURL string
	// MaxTokenLifetime is the longest that this issuer's tokens live, from iat to exp:
	// one that lives longer is refused, and so is a JWT without iat. Default 0: any.
	// Required with Config.Revocations: it is how long they remember.
	MaxTokenLifetime time.Duration
	// KeyRefreshBurst is how many fetches of keys tokens with unknown keys may
	// cause at once. Default 5.
	KeyRefreshBurst int
	// KeyRefreshInterval is how long it takes until one more is allowed. Default
	// 10 s.
	KeyRefreshInterval time.Duration

	// KeyMaxAge is how old the issuer's key set may be before it is asked for again,
	// without anybody waiting: up to a tenth earlier, by chance, so that replicas do not
	// ask together. Default 0: only tokens with unknown keys cause fetches,
	// and a key that was withdrawn is trusted until one of them does. Not shorter than
	// KeyRefreshInterval, which bounds these fetches too.
	KeyMaxAge time.Duration
	// KeyMaxStale is how old the key set may be at most: no token is accepted by its
	// keys then until the server has confirmed them, cached tokens included
	// (ErrUnavailable). It needs KeyMaxAge, and is at least that. Default 0: any age.
	KeyMaxStale time.Duration
	// KeyEmptyGrace is for how long the server has to serve key sets without a usable
	// key before such a one replaces a good one. Default 5 min.
	KeyEmptyGrace time.Duration

	// EventAudiences are our names in the security event tokens (RFC 8417) by which this
	// issuer tells of revocations: their aud must contain one. Their iss is URL, and
	// its keys sign them. Default: none are received. See Validator.ReceiveEvent.
	EventAudiences []string
	// LogoutClientIDs are our client ids at this issuer, to which it sends logout tokens
	// (OpenID Connect Back-Channel Logout): their aud must contain one. Default: none
	// are received. See Validator.ReceiveLogout.
	LogoutClientIDs []string
	// StatusListHosts are hosts ("host" or "host:port") other than the issuer's at which
	// the status lists are that its tokens name (draft-ietf-oauth-status-list). A list
	// is fetched for the first token that names it, and kept for as long as it says
	// (ttl); while it cannot be had, tokens that name it are ErrUnavailable.
	StatusListHosts []string
	// AllowUnknownStatus accepts tokens with a claim status, an object, that says in some
	// other way where their status is: nobody looks there.
	AllowUnknownStatus bool

	// Introspection is how this issuer is asked about tokens (RFC 7662): those that
	// are no JWS, and JWTs whose keys cannot be had. Default: it is not asked.
	Introspection *introspect.Config
	// IntrospectAlways asks about JWTs too, after they were found good: for issuers
	// that revoke them. Their claims and scopes stay their own; an answer that says
	// otherwise refuses them. One answer is enough until exp unless
	// IntrospectionMaxAge says otherwise.
	IntrospectAlways bool
	// IntrospectionMaxAge is how long an answer counts, from when it was asked for.
	// Default 0: until exp. A revoked token is accepted for as long.
	IntrospectionMaxAge time.Duration
	// StaleIfError is how old an answer may be while the issuer cannot be asked.
	// Default 0: no older than otherwise.
	StaleIfError time.Duration
	// OpaqueOnly says that this issuer's tokens are never JWTs: its keys are not
	// fetched, and a JWT that names it is refused.
	OpaqueOnly bool
	// AllowMissingAudience accepts introspection answers without aud: every token of
	// this issuer is then for this API. An aud that is there must be ours still.
	AllowMissingAudience bool
	// AllowMissingExpiry accepts introspection answers without exp for that long
	// after they were asked for. Default 0: they are refused.
	AllowMissingExpiry time.Duration
	// AllowMissingTokenType accepts introspection answers with neither token_type nor
	// token_use nor a typ Bearer or DPoP. Only for an issuer that calls no refresh token active: this is what
	// tells them apart from access tokens.
	AllowMissingTokenType bool
}
