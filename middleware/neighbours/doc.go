// Package neighbours holds the middleware to the middlewares and routers of other
// people, in a module of its own for their sake.
package neighbours
