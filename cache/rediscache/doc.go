// Package rediscache keeps in a Redis or Valkey what replicas of an API are better off
// sharing. Each use is a type of its own, made from a client of go-redis that its
// owner configures: TLS, users, cluster and sentinel are the client's options.
//
// # What Redis is trusted with
//
// What stands in Redis decides nothing by itself. Replicas judge what they find there
// by their own configuration, and where Redis may have forgotten something that matters,
// they say that they do not know.
//
// # When it is down or slow
//
// A token that is validated locally never waits for Redis. Each use bounds the time that
// it waits, and says what becomes of a request then. A client must have
// ContextTimeoutEnabled, without which go-redis keeps to no such bound. It reconnects by
// itself.
//
// Redis 7 or newer, or Valkey. The user that the client logs in as needs the commands
// that each use names, and the keys below its Prefix.
package rediscache
