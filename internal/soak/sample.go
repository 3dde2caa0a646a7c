package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// sample is what the process holds at one moment, at rest.
type sample struct {
	At         time.Duration `json:"at_ns"` // since the warm-up
	Heap       uint64        `json:"heap_bytes"`
	RSS        uint64        `json:"rss_bytes,omitempty"` // 0: the system does not tell
	Goroutines int           `json:"goroutines"`
	Files      int           `json:"open_files,omitempty"` // 0: the system does not tell
	Rate       float64       `json:"requests_per_second"`  // since the sample before
	Wrong      uint64        `json:"wrong_verdicts"`       // so far
}

// measure takes a sample. No request is under way.
func measure(at time.Duration) sample {
	settle()
	runtime.GC()
	runtime.GC() // what had a finalizer, and the victims of each sync.Pool
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return sample{At: at, Heap: memory.HeapAlloc, RSS: resident(), Goroutines: runtime.NumGoroutine(), Files: openFiles()}
}

// settle waits until goroutines that are about to end have ended: those of connections
// that were closed, and fetches that nobody waits for.
func settle() {
	const pause, enough, most = 20 * time.Millisecond, 5, 100
	for last, same, n := runtime.NumGoroutine(), 0, 0; same < enough && n < most; n++ {
		time.Sleep(pause)
		if now := runtime.NumGoroutine(); now == last {
			same++
		} else {
			last, same = now, 0
		}
	}
}

// resident is the memory that the system counts for this process.
func resident() uint64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, _ := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

func openFiles() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(names)
}
