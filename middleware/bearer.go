package middleware

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// credentials are what a request presents.
type credentials struct {
	scheme validator.Scheme
	token  string
}

// credentials returns the request's one token: the Authorization header's.
func (g *Guard) credentials(r *http.Request) (credentials, error) {
	scheme, raw, err := validator.ParseAuthorization(r.Header["Authorization"])
	switch {
	case r.URL != nil && inQuery(r.URL.RawQuery):
		// It is in logs, histories and Referer headers already (RFC 6750 2.3 and
		// 5.3, RFC 9700 4.3.2). Beside a header, two methods were used at once
		// (RFC 6750 2); alone, there is no token for us.
		if errors.Is(err, validator.ErrNoToken) {
			return credentials{}, validator.NewError(validator.ReasonTokenInQuery, "")
		}
		return credentials{}, validator.NewError(validator.ReasonSecondPlace, "")
	case err != nil:
		return credentials{}, err
	case scheme != validator.SchemeBearer && (scheme != validator.SchemeDPoP || g.dpop == nil):
		// A token presented under another scheme asks for that scheme's checks.
		return credentials{}, validator.NewError(validator.ReasonUnsupportedScheme, "DPoP, and Config.DPoP is not set")
	}
	return credentials{scheme, raw}, nil
}

// inQuery reports whether the query has a parameter access_token. It is the only
// place besides the header that is looked at: bodies and cookies are never read.
// Some servers take ";" for "&", so it ends a parameter here too.
func inQuery(query string) bool {
	for query != "" {
		end := strings.IndexAny(query, "&;")
		pair := query
		if end < 0 {
			query = ""
		} else {
			pair, query = query[:end], query[end+1:]
		}
		if name, _, _ := strings.Cut(pair, "="); isTokenParameter(name) {
			return true
		}
	}
	return false
}

func isTokenParameter(name string) bool {
	if strings.Contains(name, "%") {
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
	}
	return name == "access_token"
}
