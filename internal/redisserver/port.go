package redisserver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

// taken are the ports of this process: that of a server that was killed is free only to
// look at.
var taken sync.Map

// FreePort is one that nobody listens on and that was not returned before, none of those
// that the kernel gives to clients (else one that dials it while no server listens may reach
// itself), and none of the second ones that servers of a cluster have, 10000 above. Another
// process asks for others first: it cannot know which are between Kill and Restart.
func FreePort() (int, error) {
	for i := range 1000 {
		port := 10000 + os.Getpid()%100*100 + rand.IntN(100)
		if i >= 500 {
			port = 10000 + rand.IntN(10000)
		}
		if _, ours := taken.LoadOrStore(port, true); ours {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}
