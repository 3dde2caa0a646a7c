// Package user imports what the tests of the tool break.
package user

import "github.com/bearerguard/bearerguard/internal/mutation/testdata/sample"

// Use passes an error on.
func Use(err error) error { return sample.Swallow(err) }
