package redisserver

import "syscall"

// diesWithUs ends a server whose starter was ended before it could clean up.
var diesWithUs = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
