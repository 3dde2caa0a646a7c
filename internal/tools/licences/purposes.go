package main

// purposes tell why a program that imports us is built with each module.
var purposes = map[string]string{
	"github.com/MicahParks/jwkset":              "reads and writes JSON Web Keys",
	"github.com/MicahParks/keyfunc/v3":          "the interface by which golang-jwt's parsers ask for our keys",
	"github.com/cespare/xxhash/v2":              "go-redis: hashes",
	"github.com/go-json-experiment/json":        "strict JSON: no name twice, no invalid UTF-8, no guessing at case",
	"github.com/golang-jwt/jwt/v5":              "verifies and makes signatures of JWTs",
	"github.com/hashicorp/golang-lru/v2":        "what a bounded store forgets first",
	"github.com/redis/go-redis/v9":              "Redis client",
	"go.uber.org/atomic":                        "go-redis: atomic values",
	"golang.org/x/net":                          "gRPC: HTTP/2",
	"golang.org/x/sys":                          "go-redis and gRPC: what processor and system can do",
	"golang.org/x/text":                         "gRPC: names of hosts in HTTP/2",
	"golang.org/x/time":                         "limits of how often keys are fetched",
	"google.golang.org/genproto/googleapis/rpc": "gRPC: the messages of its errors",
	"google.golang.org/grpc":                    "gRPC",
	"google.golang.org/protobuf":                "gRPC: its messages",
}
