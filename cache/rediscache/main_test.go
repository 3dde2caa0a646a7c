package rediscache_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(replicaEnv) != "" {
		os.Exit(beReplica())
	}
	flag.Set("test.parallel", "16") // they wait, for Redis and for windows to end
	goleak.VerifyTestMain(m)
}
