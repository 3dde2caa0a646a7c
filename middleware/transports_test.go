package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/transports"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator"
)

// TestTransports: the requests that every transport is held to, over net/http.
func TestTransports(t *testing.T) {
	transports.Test(t, overHTTP)
}

// TestTransportsCorpus: the tokens and headers of the corpus, over net/http.
func TestTransportsCorpus(t *testing.T) { transports.TestCorpus(t, overHTTP) }

func overHTTP(t *testing.T, v *validator.Validator, policy validator.Policy) transports.Ask {
	g, err := middleware.New(v, middleware.Config{Realm: transports.Realm})
	require.NoError(t, err)
	routes := g.Routes()
	routes.Handle("GET /orders", policy, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := validator.FromContext(r.Context())
		fmt.Fprint(w, token.Subject())
	}))
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	return func(t *testing.T, authorization []string) transports.Answer { return get(t, server, authorization) }
}

func get(t *testing.T, server *httptest.Server, authorization []string) transports.Answer {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/orders", nil)
	require.NoError(t, err)
	r.Header["Authorization"] = authorization
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	answer := transports.Answer{
		Status: response.StatusCode, Challenge: response.Header.Get("WWW-Authenticate"),
		Retry: response.Header.Get("Retry-After") != "",
	}
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if answer.Status == http.StatusOK {
		answer.Subject = string(body)
	}
	assert.LessOrEqual(t, len(response.Header.Values("WWW-Authenticate")), 1)
	return answer
}
