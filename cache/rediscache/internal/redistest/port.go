package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// taken are the ports of this process: one of a server that was killed, or of a proxy
// that was cut, is free only to look at.
var taken sync.Map

// freePort is one that nobody listens on, none of those that the kernel gives to clients
// (else one that dials it while no server listens may reach itself), and none of the
// second ones that servers of a cluster have, 10000 above.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 10000 + rand.IntN(10000)
		if _, ours := taken.LoadOrStore(port, true); ours {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
