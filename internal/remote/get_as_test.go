package remote_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/internal/remote"
)

// GetAs asks for the media type that it is told, and not past intermediaries.
func TestDocumentOfAMediaType(t *testing.T) {
	status := 200
	client := remote.NewClient(&http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, "application/statuslist+jwt", r.Header.Get("Accept"))
		assert.NotContains(t, r.Header, "Cache-Control")
		return respond(r, status, strings.NewReader("list")), nil
	})}, httpsOnly)
	document, err := client.GetAs(t.Context(), "https://as.example/list", "application/statuslist+jwt")
	require.NoError(t, err)
	assert.Equal(t, remote.Document{Body: []byte("list")}, document)

	_, err = client.GetAs(t.Context(), "http://as.example/list", "application/statuslist+jwt")
	kind(t, remote.Refused, err)
	status = 404
	_, err = client.GetAs(t.Context(), "https://as.example/list", "application/statuslist+jwt")
	assert.Equal(t, 404, kind(t, remote.Status, err).Status)
}

// Dialling in a way of its own, a transport of net/http speaks HTTP/1.1 only unless told otherwise.
func TestOwnTransportOffersHTTP2(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	offered := make(chan []string, 1)
	go func() {
		connection, err := listener.Accept()
		if !assert.NoError(t, err) {
			close(offered)
			return
		}
		defer connection.Close()
		_ = tls.Server(connection, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			offered <- hello.SupportedProtos
			return nil, net.ErrClosed // that is all we wanted
		}}).HandshakeContext(t.Context())
	}()
	_, err = remote.NewClient(nil, anything).Get(t.Context(), "https://"+listener.Addr().String(), "")
	kind(t, remote.Transport, err)
	assert.Contains(t, <-offered, "h2")
}
