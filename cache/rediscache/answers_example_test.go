package rediscache_test

import (
	"log"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/bearerguard/bearerguard/cache"
	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/introspect"
	"github.com/bearerguard/bearerguard/validator"
)

func ExampleAnswers() {
	// 32 bytes of crypto/rand, or more, which all replicas have and Redis has not.
	secret, err := os.ReadFile("/run/secrets/fleet")
	if err != nil {
		log.Fatal(err)
	}
	seal, err := cache.NewSealer(secret)
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
	answers, err := rediscache.NewAnswers(rediscache.AnswersConfig{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	_, err = validator.New(validator.Config{
		Issuers: []validator.Issuer{{
			URL: "https://login.example.com", Audiences: []string{"https://api.example.com"}, AnyClient: true,
			Introspection: &introspect.Config{
				Auth: introspect.ClientSecretBasic("orders-api", introspect.StaticSecret(os.Getenv("CLIENT_SECRET"))),
			},
		}},
		Fleet: &validator.Fleet{Sealer: seal, Answers: answers},
	})
	if err != nil {
		log.Fatal(err)
	}
}
