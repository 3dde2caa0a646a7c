package main

import (
	"context"
	"fmt"
	"io"

	"github.com/bearerguard/bearerguard/validator/validatortest"
)

// serveOn prints curl lines with real tokens, then the reason of every answer,
// until ctx ends.
func serveOn(ctx context.Context, stdout io.Writer, d demo) error {
	d.as.SetMode(validatortest.ModeUp)
	reader, err := d.fetchToken(ctx, ordersApp, "orders.read", audience)
	if err != nil {
		return err
	}
	writer, err := d.fetchToken(ctx, ordersApp, "orders.read orders.write", audience)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nBoth serve on until you press Ctrl-C. Try these; the reason of each answer appears below.")
	curl := func(what, format string, args ...any) {
		fmt.Fprintf(stdout, "\n# %s\ncurl -i "+format+"\n", append([]any{what}, args...)...)
	}
	curl("accepted", "-H 'Authorization: Bearer %s' %s/orders", reader, d.address)
	curl("accepted: an opaque token, which the authorization server is asked about", "-H 'Authorization: Bearer %s' %s/orders", d.as.OpaqueToken(honest(nil)...), d.address)
	curl("refused: this token may only read", "-X POST -H 'Authorization: Bearer %s' %s/orders", reader, d.address)
	curl("accepted: this one may write", "-X POST -H 'Authorization: Bearer %s' %s/orders", writer, d.address)
	curl("refused: the last characters of the signature are missing", "-H 'Authorization: Bearer %s' %s/orders", reader[:len(reader)-4], d.address)
	curl("refused: no token", "%s/orders", d.address)
	curl("a token of your own", "-u %s:%s -d grant_type=client_credentials -d scope=orders.read %s", ordersApp.id, ordersApp.secret, d.as.TokenURL())
	fmt.Fprintln(stdout)

	for {
		select {
		case e := <-d.log.entries:
			fmt.Fprintln(stdout, e)
		case <-ctx.Done():
			return nil
		}
	}
}
