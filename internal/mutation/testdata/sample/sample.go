// Package sample is broken by the tests of the tool.
package sample

import "errors"

var errEmpty = errors.New("empty")

type failure struct{}

// Error is text, which no test depends on.
func (failure) Error() string { return "failed" }

// First is tested well.
func First(list []int) (int, error) {
	if len(list) == 0 {
		return 0, errEmpty
	}
	return list[0], nil
}

// Most has a boundary that no test can notice, and one that no test does.
func Most(a, b, limit int) int {
	if a < b {
		a = b
	}
	if a > limit {
		return -1
	}
	return a
}

// Kind is tested for one of its cases only.
func Kind(name string) int {
	switch name {
	case "a", "b":
		return 1
	case "c":
		return 2
	}
	return 0
}

// Spin ends only if it is left alone.
func Spin(n int) int {
	for n > 0 {
		n--
	}
	return n
}

// Swallow is tested by the package that uses it.
func Swallow(err error) error {
	return err
}

// Unused is reached by no test.
func Unused(on bool) bool { return !on }
