package migrate

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/examples/migrate/auth0"
	"github.com/bearerguard/bearerguard/examples/migrate/beside"
	"github.com/bearerguard/bearerguard/examples/migrate/golangjwt"
	"github.com/bearerguard/bearerguard/examples/migrate/gooidc"
	"github.com/bearerguard/bearerguard/examples/migrate/okta"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

const (
	api = "api://orders"
	app = "orders-app"
)

// guides are the pairs, each with the kind of server that it is about.
var guides = map[string]struct {
	options validatortest.Options
	before  func(context.Context, *validatortest.Server) (http.Handler, error)
	after   func(*validatortest.Server, *slog.Logger) (http.Handler, error)
	body    string
}{
	"okta": {
		options: validatortest.Options{Style: validatortest.StyleOkta, Path: "/oauth2/default"},
		before: func(_ context.Context, as *validatortest.Server) (http.Handler, error) {
			return okta.Before(as.Issuer(), as.Client())
		},
		after: func(as *validatortest.Server, logger *slog.Logger) (http.Handler, error) {
			return okta.After(as.Issuer(), as.Client(), logger)
		},
		body: "the orders of jane\n",
	},
	"auth0": {
		options: validatortest.Options{Style: validatortest.StyleAuth0},
		before: func(_ context.Context, as *validatortest.Server) (http.Handler, error) {
			return auth0.Before(as.Issuer(), as.Client())
		},
		after: func(as *validatortest.Server, logger *slog.Logger) (http.Handler, error) {
			return auth0.After(as.Issuer(), as.Client(), logger)
		},
		body: "the orders of jane\n",
	},
	"go-oidc": {
		options: validatortest.Options{Style: validatortest.StyleKeycloak},
		before: func(_ context.Context, as *validatortest.Server) (http.Handler, error) {
			return gooidc.Before(as.Issuer(), as.Client())
		},
		after: func(as *validatortest.Server, logger *slog.Logger) (http.Handler, error) {
			return gooidc.After(as.Issuer(), as.Client(), logger)
		},
		body: "the orders of jane\n",
	},
	"golang-jwt": {
		options: validatortest.Options{Style: validatortest.StyleRFC9068},
		before: func(ctx context.Context, as *validatortest.Server) (http.Handler, error) {
			return golangjwt.Before(ctx, as.Issuer(), as.JWKSURL(), as.Client())
		},
		after: func(as *validatortest.Server, logger *slog.Logger) (http.Handler, error) {
			return golangjwt.After(as.Issuer(), as.JWKSURL(), as.Client(), logger)
		},
		body: "the gold orders of jane\n",
	},
}

// start starts the server of a guide, over TLS as in the guides.
func start(t *testing.T, options validatortest.Options) *validatortest.Server {
	t.Helper()
	options.TLS, options.Audience = true, api
	as, err := validatortest.Start(options)
	require.NoError(t, err)
	t.Cleanup(as.Close)
	return as
}

// good are the edits that make a token of the server a good one.
func good(more ...validatortest.Edit) []validatortest.Edit {
	return append([]validatortest.Edit{
		validatortest.ClientID(app), validatortest.Subject("jane"), validatortest.Scope("orders.read"), validatortest.Claim("tier", "gold"),
	}, more...)
}

// get asks for the orders with these values of Authorization.
func get(handler http.Handler, target string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// A good token is good before and after, and the answer is the same.
func TestGoodToken(t *testing.T) {
	for name, guide := range guides {
		t.Run(name, func(t *testing.T) {
			as := start(t, guide.options)
			before, err := guide.before(t.Context(), as)
			require.NoError(t, err)
			after, err := guide.after(as, slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			bearer := "Bearer " + as.AccessToken(good()...)
			for step, handler := range map[string]http.Handler{"before": before, "after": after} {
				answer := get(handler, "/orders", bearer)
				assert.Equal(t, http.StatusOK, answer.Code, step)
				assert.Equal(t, guide.body, answer.Body.String(), step)
			}
		})
	}
}

// What is refused after, with which status, and with which reason in the log.
func TestRefused(t *testing.T) {
	for name, guide := range guides {
		t.Run(name, func(t *testing.T) {
			as, log := start(t, guide.options), new(journal)
			after, err := guide.after(as, slog.New(log))
			require.NoError(t, err)
			bearer := func(edits ...validatortest.Edit) string { return "Bearer " + as.AccessToken(good(edits...)...) }
			unlisted := as.Prepare("RS256")
			for _, c := range []struct {
				reason        validator.Reason
				status        int
				target        string
				authorization []string
			}{
				{"", 200, "/orders", []string{bearer()}},
				{validator.ReasonNoToken, 401, "/orders", nil},
				{validator.ReasonUnsupportedScheme, 401, "/orders", []string{"Basic b3JkZXJzOmFwcA=="}},
				{validator.ReasonSeveralHeaders, 400, "/orders", []string{bearer(), bearer()}},
				{validator.ReasonTokenInQuery, 401, "/orders?access_token=" + as.AccessToken(good()...), nil},
				{validator.ReasonExpired, 401, "/orders", []string{bearer(validatortest.Expiry(time.Now().Add(-time.Minute)))}},
				{validator.ReasonUnknownIssuer, 401, "/orders", []string{bearer(validatortest.Claim("iss", "https://example.org"))}},
				{validator.ReasonAudienceMismatch, 401, "/orders", []string{bearer(validatortest.Audience("api://stock"))}},
				{validator.ReasonClientMismatch, 401, "/orders", []string{bearer(validatortest.ClientID("stock-app"))}},
				{validator.ReasonNotAccessToken, 401, "/orders", []string{"Bearer " + as.IDToken(app, validatortest.Audience(api))}},
				{validator.ReasonUnknownKey, 401, "/orders", []string{"Bearer " + as.MintWith(unlisted, good()...)}},
				{validator.ReasonInsufficientScope, 403, "/orders", []string{bearer(validatortest.Scope("orders.cancel"))}},
			} {
				log.reset()
				answer := get(after, c.target, c.authorization...)
				assert.Equal(t, c.status, answer.Code, c.reason)
				assert.Equal(t, c.reason, log.reason(), "%d", c.status)
			}
		})
	}
}

// statuses are those of the classes that a token without a policy can be refused with.
var statuses = map[error]int{
	validator.ErrInvalidRequest: http.StatusBadRequest,
	validator.ErrInvalidToken:   http.StatusUnauthorized,
	validator.ErrInvalidProof:   http.StatusUnauthorized,
	validator.ErrUnavailable:    http.StatusServiceUnavailable,
}

// The corpus is refused, too, before its scopes are looked at. The reasons are not
// always its own: a guide configures fewer algorithms than the corpus has, and so many
// unknown keys are throttled.
func TestCorpus(t *testing.T) {
	for name, guide := range guides {
		t.Run(name, func(t *testing.T) {
			as, log := start(t, guide.options), new(journal)
			after, err := guide.after(as, slog.New(log))
			require.NoError(t, err)
			refused := 0
			for _, c := range as.Corpus(app) {
				// Accepted ones have other scopes, or algorithms that a guide does not
				// configure; a space before the token is one after the scheme.
				if c.Accept || strings.HasPrefix(c.Token, " ") {
					continue
				}
				log.reset()
				answer := get(after, "/orders", "Bearer "+c.Token)
				class := validator.NewError(log.reason(), "").Class
				require.Contains(t, statuses, class, "%s: %s", c.Name, log.reason())
				assert.Equal(t, statuses[class], answer.Code, c.Name)
				if class == validator.ErrUnavailable {
					assert.Equal(t, validator.ReasonKeyRefreshThrottled, log.reason(), c.Name)
				}
				refused++
			}
			assert.Greater(t, refused, 50)
		})
	}
}

// A service starts while its server is down, and says that it could not decide.
func TestServerDown(t *testing.T) {
	for name, guide := range guides {
		t.Run(name, func(t *testing.T) {
			as, log := start(t, guide.options), new(journal)
			as.SetMode(validatortest.ModeDown)
			after, err := guide.after(as, slog.New(log))
			require.NoError(t, err)
			bearer := "Bearer " + as.AccessToken(good()...)
			answer := get(after, "/orders", bearer)
			assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
			assert.Equal(t, "1", answer.Header().Get("Retry-After"))
			assert.Equal(t, validator.ReasonKeysUnavailable, log.reason())
		})
	}
}

// Beside the old handler, the guard changes nothing, and says what it would refuse.
func TestBeside(t *testing.T) {
	as, log := start(t, validatortest.Options{}), new(journal)
	v, err := validator.New(validator.Config{
		Issuers:    []validator.Issuer{{URL: as.Issuer(), Audiences: []string{api}, ClientIDs: []string{app}}},
		HTTPClient: as.Client(),
		Logger:     slog.New(log),
	})
	require.NoError(t, err)
	guard, err := middleware.New(v, middleware.Config{})
	require.NoError(t, err)
	old := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := beside.Handler(guard, validator.Policy{Scopes: []string{"orders.read"}}, old)

	answer := get(handler, "/orders", "Bearer "+as.AccessToken(good()...))
	assert.Equal(t, http.StatusTeapot, answer.Code)
	assert.Empty(t, log.reason())
	answer = get(handler, "/orders", "Bearer "+as.AccessToken(good(validatortest.ClientID("stock-app"))...))
	assert.Equal(t, http.StatusTeapot, answer.Code)
	assert.Empty(t, answer.Header())
	assert.Equal(t, validator.ReasonClientMismatch, log.reason())
}

// journal is the reason of the last refusal that was logged.
type journal struct {
	mu   sync.Mutex
	last validator.Reason
}

func (*journal) Enabled(context.Context, slog.Level) bool { return true }

func (j *journal) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" {
			j.set(validator.Reason(a.Value.String()))
		}
		return true
	})
	return nil
}

func (j *journal) WithAttrs([]slog.Attr) slog.Handler { return j }
func (j *journal) WithGroup(string) slog.Handler      { return j }

func (j *journal) set(reason validator.Reason) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last = reason
}

func (j *journal) reset() { j.set("") }

func (j *journal) reason() validator.Reason {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
