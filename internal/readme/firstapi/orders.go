package main

import (
	"fmt"
	"net/http"

	"github.com/bearerguard/bearerguard/validator"
)

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := validator.FromContext(r.Context())
	fmt.Fprintf(w, "the orders of %q\n", token.Subject())
}
