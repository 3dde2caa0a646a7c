package redistest

import "syscall"

// diesWithUs ends a server whose test was ended before it could clean up.
var diesWithUs = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
