package user

import (
	"errors"
	"testing"
)

func TestUse(t *testing.T) {
	if err := errors.New("x"); Use(err) != err {
		t.Fatal()
	}
}
