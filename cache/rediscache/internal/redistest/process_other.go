//go:build !linux

package redistest

import "syscall"

// diesWithUs is what only Linux can do: elsewhere a server outlives a test that was
// ended before it could clean up.
var diesWithUs *syscall.SysProcAttr
