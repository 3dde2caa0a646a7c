//go:build !linux

package redisserver

import "syscall"

// diesWithUs is what only Linux can do: elsewhere a server outlives whoever was
// ended before it could clean up.
var diesWithUs *syscall.SysProcAttr
