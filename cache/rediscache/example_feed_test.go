package rediscache_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/validator"
)

// newFleetValidator is the validator of one of several replicas, which share the keys of
// their issuer and what was revoked, and the feed that must Run.
func newFleetValidator(client redis.UniversalClient, secret []byte) (*validator.Validator, *rediscache.Feed, error) {
	sealer, err := cache.NewSealer(secret)
	if err != nil {
		return nil, nil, err
	}
	keys, err := rediscache.NewKeySets(rediscache.KeySetsConfig{Client: client})
	if err != nil {
		return nil, nil, err
	}
	revocations, err := validator.NewRevocations(validator.RevocationsConfig{
		WhileBehind: validator.ServeWhileBehind, // or RefuseWhileBehind: there is no default
	})
	if err != nil {
		return nil, nil, err
	}
	feed, err := rediscache.NewFeed(rediscache.FeedConfig{Client: client, Sealer: sealer, Revocations: revocations})
	if err != nil {
		return nil, nil, err
	}
	v, err := validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: "https://login.example.com", Audiences: []string{"https://api.example.com"}, AnyClient: true,
			MaxTokenLifetime: time.Hour, // how long a revocation must be remembered
		}},
		Revocations: revocations,
		Fleet:       &validator.Fleet{Sealer: sealer, Keys: keys},
	})
	return v, feed, err
}

func ExampleFeed() {
	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
	secret, err := os.ReadFile("/run/secrets/fleet") // 32 random bytes, the same for all replicas
	if err != nil {
		log.Fatal(err)
	}
	v, feed, err := newFleetValidator(client, secret)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background() // ends when the service does
	go feed.Run(ctx)
	if err := v.Ready(ctx); err != nil {
		log.Print(err) // ask again: a readiness probe does
	}
	err = feed.Revoke(ctx, validator.Revocation{Issuer: "https://login.example.com", Subject: "jane"})
	if err != nil {
		log.Print(err)
	}
}
