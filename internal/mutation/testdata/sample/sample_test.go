package sample

import (
	"fmt"
	"testing"
)

func TestFirst(t *testing.T) {
	if _, err := First(nil); err != errEmpty {
		t.Fatal(err)
	}
	if n, err := First([]int{7, 8}); n != 7 || err != nil {
		t.Fatal(n, err)
	}
}

func TestMost(t *testing.T) {
	if Most(1, 2, 9) != 2 || Most(2, 1, 9) != 2 || Most(10, 1, 9) != -1 {
		t.Fatal()
	}
}

func TestKind(t *testing.T) {
	if Kind("a") != 1 || Kind("b") != 1 || Kind("d") != 0 {
		t.Fatal()
	}
}

func ExampleSpin() {
	fmt.Println(Spin(3), Spin(-1))
	// Output: 0 -1
}
