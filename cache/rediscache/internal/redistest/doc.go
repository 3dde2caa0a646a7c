// Package redistest runs real servers of Redis for tests: killed, stopped, restarted,
// full, and cut off by a proxy.
package redistest
