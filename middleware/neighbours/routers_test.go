package neighbours_test

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// TestRouters: Require is a middleware like any other; where a router has handlers
// of its own kind, Authenticate and Refuse are two calls.
func TestRouters(t *testing.T) {
	s, g := newGuard(t)
	for name, handler := range map[string]http.Handler{
		"ServeMux": serveMux(g), "chi": chiRouter(g), "echo": echoRouter(g), "echo, by hand": echoByHand(g),
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, handler)
			response := ask(t, server, "GET", "/orders/7")
			assert.Equal(t, 401, response.StatusCode)
			assert.Equal(t, bare, response.Header.Get("WWW-Authenticate"))
			response = ask(t, server, "GET", "/orders/7", "Authorization", "Bearer "+s.AccessToken())
			assert.Equal(t, 200, response.StatusCode)
			assert.Equal(t, "user, order 7", response.Header.Get("X-Who"))
			response = ask(t, server, "GET", "/admin", "Authorization", "Bearer "+s.AccessToken())
			assert.Equal(t, 403, response.StatusCode)
			assert.Equal(t, insufficient, response.Header.Get("WWW-Authenticate"))
		})
	}
}

func serveMux(g *middleware.Guard) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", g.Require(readers)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Who", who(r)+", order "+r.PathValue("id"))
	})))
	mux.Handle("GET /admin", g.Require(admins)(http.HandlerFunc(tell)))
	return mux
}

func chiRouter(g *middleware.Guard) http.Handler {
	router := chi.NewRouter()
	router.With(g.Require(readers)).Get("/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Who", who(r)+", order "+chi.URLParam(r, "id"))
	})
	router.Group(func(router chi.Router) {
		router.Use(g.Require(admins), g.Shadow(readers).Handler)
		router.Get("/admin", tell)
	})
	return router
}

func echoRouter(g *middleware.Guard) http.Handler {
	router := echo.New()
	router.GET("/orders/:id", func(c echo.Context) error {
		c.Response().Header().Set("X-Who", who(c.Request())+", order "+c.Param("id"))
		return nil
	}, echo.WrapMiddleware(g.Require(readers)))
	router.GET("/admin", echo.WrapHandler(http.HandlerFunc(tell)), echo.WrapMiddleware(g.Require(admins)))
	return router
}

// echoByHand is the decision without a handler of net/http, as for gin and others.
func echoByHand(g *middleware.Guard) http.Handler {
	guarded := func(policy validator.Policy) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				r := c.Request()
				token, err := g.Authorize(r, policy)
				if err != nil {
					g.Refuse(c.Response(), err)
					return nil
				}
				c.SetRequest(r.WithContext(validator.NewContext(r.Context(), token)))
				return next(c)
			}
		}
	}
	router := echo.New()
	router.GET("/orders/:id", func(c echo.Context) error {
		c.Response().Header().Set("X-Who", who(c.Request())+", order "+c.Param("id"))
		return nil
	}, guarded(readers))
	router.GET("/admin", echo.WrapHandler(http.HandlerFunc(tell)), guarded(admins))
	return router
}
