package rediscache_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/cache/rediscache"
	"github.com/bearerguard/bearerguard/cache/rediscache/internal/redistest"
	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/middleware/dpop"
	"github.com/bearerguard/bearerguard/validator"
)

// replicaEnv makes this binary a replica of an API instead of its tests. It holds the
// deployment as JSON.
const replicaEnv = "BEARERGUARD_TEST_REPLICA"

// deployment is what all replicas are told.
type deployment struct {
	Issuer, Redis string
	Asks          bool // the issuer about tokens, sharing its answers
}

// beReplica serves the API until stdin ends. The first line of stdout is its address.
func beReplica() (code int) {
	if err := serveReplica(os.Getenv(replicaEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveReplica(text string) error {
	var d deployment
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return err
	}
	api, err := newReplica(d)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: api}
	go server.Serve(l)
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
	return server.Close()
}

// newReplica is the API as a service has it.
func newReplica(d deployment) (http.Handler, error) {
	client := redis.NewClient(&redis.Options{Addr: d.Redis, ContextTimeoutEnabled: true})
	config := validator.Config{
		Issuers:           []validator.Issuer{{URL: d.Issuer, Audiences: []string{"api://default"}, AnyClient: true}},
		InsecureAllowHTTP: true,
	}
	if d.Asks {
		if err := shareAnswers(&config, client); err != nil {
			return nil, err
		}
	}
	v, err := validator.New(config)
	if err != nil {
		return nil, err
	}
	store, err := rediscache.NewReplays(rediscache.ReplaysConfig{Client: client, Timeout: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	proofs, err := dpop.New(dpop.Config{Origins: []string{origin}, Replays: store})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(v, middleware.Config{DPoP: proofs})
	if err != nil {
		return nil, err
	}
	routes := guard.Routes()
	routes.Handle("GET /orders", validator.Policy{AnyToken: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "orders")
	}))
	return routes, nil
}

// startReplica returns the URL of the API at a new process.
func startReplica(t *testing.T, d deployment) string {
	t.Helper()
	text, err := json.Marshal(d)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), replicaEnv+"="+string(text))
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		assert.NoError(t, cmd.Wait())
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return "http://" + line[:len(line)-1] + "/orders"
}

// TestOneProofToAllReplicas: of one proof that is sent to all processes at once, many
// times, one request is accepted, and all others are told that it is not good.
func TestOneProofToAllReplicas(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	aged(t, s)
	a := newAPI(t)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	send := func(url, proof string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if !assert.NoError(t, err) {
			return 0, ""
		}
		r.Header.Set("Authorization", "DPoP "+a.token)
		r.Header.Set("DPoP", proof)
		answer, err := client.Do(r)
		if !assert.NoError(t, err) {
			return 0, ""
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, answer.Header.Get("WWW-Authenticate")
	}
	var replicas [3]string
	for i := range replicas {
		replicas[i] = startReplica(t, deployment{Issuer: a.server.Issuer(), Redis: s.Addr()})
		status, _ := send(replicas[i], a.proof())
		require.Equal(t, http.StatusOK, status)
	}
	for range 5 {
		proof := a.proof()
		statuses := make(chan int, 90)
		var group sync.WaitGroup
		begin := make(chan struct{})
		for i := range cap(statuses) {
			group.Go(func() {
				<-begin
				status, challenge := send(replicas[i%3], proof)
				statuses <- status
				if status == http.StatusUnauthorized {
					assert.Contains(t, challenge, `error="invalid_dpop_proof"`)
				}
			})
		}
		close(begin)
		group.Wait()
		close(statuses)
		count := map[int]int{}
		for status := range statuses {
			count[status]++
		}
		assert.Equal(t, map[int]int{http.StatusOK: 1, http.StatusUnauthorized: 89}, count)
	}
}
