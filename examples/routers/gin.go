package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// ginRouter has middlewares of its own kind.
func ginRouter(guard *middleware.Guard) http.Handler {
	order := func(c *gin.Context) { tell(c.Writer, c.Request.Context(), c.Param("id")) }
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/orders/:id", forGin(guard, readers), order)
	router.DELETE("/orders/:id", forGin(guard, cancellers), order)
	router.GET("/healthz", gin.WrapF(healthy))
	return router
}

// forGin is Require for gin: what it does not let through goes no further.
func forGin(guard *middleware.Guard, policy validator.Policy) gin.HandlerFunc {
	required := guard.Require(policy)
	return func(c *gin.Context) {
		passed := false
		required(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed, c.Request = true, r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}
