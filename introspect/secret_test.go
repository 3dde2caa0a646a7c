package introspect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	experiment "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bearerguard/bearerguard/introspect"
)

const hidden = "correct-horse-battery"

// settings is a user's struct, which fmt looks into without calling any method.
type settings struct {
	secret  introspect.Secret
	auth    introspect.Auth
	config  introspect.Config
	pointer *introspect.Config
	Secret  introspect.Secret
	Auth    introspect.Auth
	Config  introspect.Config
}

// holders are the values in which a secret can reach a log.
func holders() map[string]any {
	values := map[string]any{}
	for name, secret := range map[string]introspect.Secret{
		"static": static(hidden),
		"func":   introspect.SecretFunc(func(context.Context) (string, error) { return hidden, nil }),
	} {
		values[name+" secret"], values[name+" secret pointer"] = secret, &secret
		for method, of := range secretMethods {
			auth := of(secret)
			config := introspect.Config{Auth: auth}
			name := name + " " + method + " "
			values[name+"auth"], values[name+"config"], values[name+"config pointer"] = auth, config, &config
			values[name+"settings"] = settings{secret, auth, config, &config, secret, auth, config}
			values[name+"list"] = []any{secret, auth, config}
		}
	}
	return values
}

// hides asserts that the text has the secret in no form that somebody could read.
func hides(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{
		hidden, hex.EncodeToString([]byte(hidden)), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden),
		fmt.Sprint([]byte(hidden)), base64.StdEncoding.EncodeToString([]byte(hidden)),
	} {
		assert.NotContains(t, text, form)
	}
}

func TestNoVerbPrintsASecret(t *testing.T) {
	for name, value := range holders() {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10.3s", "%t", "%p"} {
				hides(t, fmt.Sprintf(verb, value))
			}
			hides(t, fmt.Sprint(value))
		})
	}
}

func TestNoLogPrintsASecret(t *testing.T) {
	for name, value := range holders() {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			for _, handler := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
				slog.New(handler).Info("x", "value", value, slog.Group("in", "value", value))
			}
			require.NotEmpty(t, b.String())
			hides(t, b.String())
		})
	}
}

func TestNoEncodingPrintsASecret(t *testing.T) {
	for name, value := range holders() {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(value)
			hides(t, string(text)+fmt.Sprint(err))
			text, err = experiment.Marshal(value)
			hides(t, string(text)+fmt.Sprint(err))
		})
	}
}

// A secret that prints nothing at all would look as if it were not set.
func TestSecretPrintsAPlaceholder(t *testing.T) {
	for _, secret := range []introspect.Secret{{}, static(hidden)} {
		assert.NotEmpty(t, fmt.Sprint(secret))
		assert.NotEmpty(t, secret.LogValue().String())
		text, err := json.Marshal(secret)
		require.NoError(t, err)
		assert.Greater(t, len(text), len(`""`))
	}
}
