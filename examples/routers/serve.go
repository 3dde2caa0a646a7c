package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/bearerguard/bearerguard/middleware"
	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// api is one of the routers at work.
type api struct{ name, url string }

// serve serves all routers on free ports of loopback.
func serve(guard *middleware.Guard) (apis []api, stop func(), err error) {
	var servers []*http.Server
	var group sync.WaitGroup
	stop = func() {
		for _, server := range servers {
			server.Close()
		}
		group.Wait()
	}
	for _, router := range routers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, nil, err
		}
		server := &http.Server{Handler: router.handler(guard), ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, server)
		apis = append(apis, api{router.name, "http://" + listener.Addr().String()})
		group.Go(func() { _ = server.Serve(listener) })
	}
	return apis, stop, nil
}

// invite prints what to try.
func invite(out io.Writer, as *validatortest.Server, apis []api) {
	fmt.Fprintf(out, "\nTOKEN=%s\n", as.AccessToken(validatortest.ClientID("orders-app"), validatortest.Scope("orders.read")))
	for _, api := range apis {
		fmt.Fprintf(out, "curl -i -H \"Authorization: Bearer $TOKEN\" %s/orders/7 # %s\n", api.url, api.name)
	}
}
