// Package migrate is a module of pairs: an API with another library, and the same
// API with bearerguard. Each pair is a package with Before and After, which the test
// of this directory runs on the same authorization server; package beside is a step
// between the two. docs/migrating.md explains what changes.
//
// Each API serves GET /orders to the client orders-app, for the scope orders.read.
package migrate
