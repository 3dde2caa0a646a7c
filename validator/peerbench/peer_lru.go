package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5/request"
	lru "github.com/hashicorp/golang-lru/v2"
)

// lruCache is golang-lru around golang-jwt and keyfunc, as it is written by hand: the
// claims of good tokens, found by a key, with exp and scope looked at each time.
func lruCache[K comparable](f *fixture, size int, keyOf func(raw string) K) (func(raw string) (*rememberedClaims, error), error) {
	parser, keys, err := golangJWTParser(f)
	if err != nil {
		return nil, err
	}
	known, err := lru.New[K, *rememberedClaims](max(size, 1))
	if err != nil {
		return nil, err
	}
	return func(raw string) (*rememberedClaims, error) {
		key := keyOf(raw)
		claims, ok := known.Get(key)
		switch {
		case ok && !time.Now().Before(claims.ExpiresAt.Time):
			known.Remove(key)
			return nil, errors.New("expired")
		case ok:
			return claims, claims.checkScope()
		}
		claims = new(rememberedClaims)
		if _, err := parser.ParseWithClaims(raw, claims, keys); err != nil {
			return nil, err
		}
		known.Add(key, claims)
		return claims, claims.checkScope()
	}, nil
}

func byToken(raw string) string           { return raw }
func byHash(raw string) [sha256.Size]byte { return sha256.Sum256([]byte(raw)) }

func lruByToken(f *fixture, size int) (verify, error) { return lruVerify(f, size, byToken) }
func lruByHash(f *fixture, size int) (verify, error)  { return lruVerify(f, size, byHash) }

func lruVerify[K comparable](f *fixture, size int, keyOf func(string) K) (verify, error) {
	find, err := lruCache(f, size, keyOf)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, raw string) error {
		_, err := find(raw)
		return err
	}, nil
}

func lruHandler(f *fixture, size int) (func(http.Handler) http.Handler, error) {
	find, err := lruCache(f, size, byHash)
	if err != nil {
		return nil, err
	}
	return guarded(func(r *http.Request) (any, error) {
		raw, err := request.BearerExtractor{}.ExtractToken(r)
		if err != nil {
			return nil, err
		}
		return find(raw)
	}), nil
}
