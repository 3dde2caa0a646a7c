package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/bearerguard/bearerguard/validator"
)

// profiles are how servers spell tokens, by the names of this program. An issuer with
// {tenantid} in it stands for all tenants.
var profiles = map[string]validator.Profile{
	"generic":  {},
	"rfc9068":  validator.RFC9068(),
	"okta":     validator.Okta(),
	"auth0":    validator.Auth0(),
	"entra-v1": validator.EntraV1(validator.Tenants{}),
	"entra-v2": validator.EntraV2(validator.Tenants{}),
	"keycloak": validator.Keycloak(),
	"cognito":  validator.Cognito(),
	"hydra":    validator.Hydra(),
}

var allTenants = map[string]validator.Profile{
	"entra-v1": validator.EntraV1(validator.Tenants{AnyTenant: true}),
	"entra-v2": validator.EntraV2(validator.Tenants{AnyTenant: true}),
}

// options are what the command line says.
type options struct {
	config validator.Config
	policy *validator.Policy // nil: being good is enough
	json   bool
	color  string
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(text string) error {
	*l = append(*l, text)
	return nil
}

// parse reads the command line. What is wrong with the configuration that it makes, New
// finds out.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var is validator.Issuer
	var profile string
	var scopes list
	flags := flag.NewFlagSet("explain", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: explain -issuer URL -audience NAME (-client ID | -any-client) [flags] < token")
		flags.PrintDefaults()
		fmt.Fprintln(stderr, "exit codes: 0 accepted, 1 refused, 2 wrong call, 3 undecided")
	}
	flags.StringVar(&is.URL, "issuer", "", "`URL` of the issuer, exactly as the token's iss has it")
	flags.Var((*list)(&is.Audiences), "audience", "`name` of the API in the token's aud; may be repeated")
	flags.Var((*list)(&is.ClientIDs), "client", "`id` of a client that is accepted; may be repeated")
	flags.BoolVar(&is.AnyClient, "any-client", false, "accept every client")
	flags.StringVar(&profile, "profile", "generic", "how the server spells tokens: `one of` "+strings.Join(slices.Sorted(maps.Keys(profiles)), ", "))
	flags.StringVar(&is.JWKSURL, "jwks", "", "`URL` of the issuer's keys (default: discovery)")
	flags.Var(&scopes, "scope", "`scope` that the token must have; may be repeated, or several in one text")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.StringVar(&o.color, "color", "auto", "`when` to use colour: auto (on a terminal, unless NO_COLOR is set), always, never")
	flags.BoolVar(&o.config.InsecureAllowHTTP, "insecure-allow-http", false, "accept http addresses on loopback, for tests")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 { // perhaps the token: it is not repeated
		return o, errors.New("too many arguments; the token is read from standard input")
	}
	var known bool
	if is.Profile, known = profiles[profile]; !known {
		return o, errors.New("-profile: no such profile; see -help")
	}
	if all, ok := allTenants[profile]; ok && strings.Contains(is.URL, "{tenantid}") {
		is.Profile = all
	}
	if !slices.Contains([]string{"auto", "always", "never"}, o.color) {
		return o, errors.New("-color must be auto, always or never")
	}
	if words := strings.Fields(scopes.String()); len(words) > 0 {
		o.policy = &validator.Policy{Scopes: words, Issuers: []string{is.URL}}
	}
	o.config.Issuers = []validator.Issuer{is}
	return o, nil
}

// print prints the explanation as it was asked for.
func (o *options) print(w io.Writer, x *validator.Explanation, terminal bool) error {
	if o.json {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(x)
	}
	text := x.String()
	// https://no-color.org: any value but an empty one.
	if o.color == "always" || o.color == "auto" && terminal && os.Getenv("NO_COLOR") == "" {
		text = paint(text)
	}
	_, err := io.WriteString(w, text)
	return err
}

const red, green, yellow, dim, plain = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"

// colors are those of the first words of a line.
var colors = []struct{ words, color string }{
	{"ACCEPTED", green}, {"REFUSED", red}, {"UNDECIDED", yellow}, {"not verified", yellow},
	{"passed", green}, {"FAILED", red}, {"also failed", red}, {"not reached", dim}, {"does not apply", dim},
}

// paint colours the words with which a line begins.
func paint(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		for _, c := range colors {
			if rest, ok := strings.CutPrefix(line, c.words); ok {
				line = c.color + c.words + plain + rest
				break
			}
		}
		out.WriteString(line)
	}
	return out.String()
}
