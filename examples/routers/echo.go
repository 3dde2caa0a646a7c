package main

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bearerguard/bearerguard/middleware"
)

// echoRouter wraps Require in echo's own adapter.
func echoRouter(guard *middleware.Guard) http.Handler {
	order := func(c echo.Context) error {
		tell(c.Response(), c.Request().Context(), c.Param("id"))
		return nil
	}
	router := echo.New()
	router.GET("/orders/:id", order, echo.WrapMiddleware(guard.Require(readers)))
	router.DELETE("/orders/:id", order, echo.WrapMiddleware(guard.Require(cancellers)))
	router.GET("/healthz", echo.WrapHandler(http.HandlerFunc(healthy)))
	return router
}
