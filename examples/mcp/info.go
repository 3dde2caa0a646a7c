package main

import (
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerguard/bearerguard/validator"
)

// tokenKey is where the Token is in an auth.TokenInfo.
const tokenKey = "github.com/bearerguard/bearerguard/validator.Token"

// infoOf is what the SDK wants to know about a token.
func infoOf(token *validator.Token) *auth.TokenInfo {
	id := token.Identity()
	return &auth.TokenInfo{
		Scopes:     token.Scopes(),
		Expiration: token.Expiry(),
		// The SDK lets nobody else use a session. A subject is one only together with
		// its issuer (RFC 7519 4.1.2), and a token may have none, but is some client's.
		UserID: fmt.Sprintf("%q %q %q", id.Issuer, id.Subject, token.ClientID()),
		Extra:  map[string]any{tokenKey: token},
	}
}

// tokenOf returns the token of a request; nil: it has none.
func tokenOf(extra *mcp.RequestExtra) *validator.Token {
	if extra == nil || extra.TokenInfo == nil {
		return nil
	}
	token, _ := extra.TokenInfo.Extra[tokenKey].(*validator.Token)
	return token
}
