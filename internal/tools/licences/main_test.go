package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const isc = `Copyright (c) 2026 Somebody

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided
that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

const gpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as
published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.

You should have received a copy of the GNU General Public License along with this program. If not, see
<https://www.gnu.org/licenses/>.
`

const condition = "The software must not be used by anybody who sells it, nor by those who sell services that use it, without our consent in writing.\n"

// A module is what the texts of all its used directories say.
func TestLicence(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		err   error
	}{
		"allowed":                    {map[string]string{"LICENSE": isc}, "ISC", nil},
		"another name":               {map[string]string{"Copying.txt": isc}, "ISC", nil},
		"not allowed":                {map[string]string{"LICENSE": gpl}, "", errNotAllowed},
		"in the same text":           {map[string]string{"LICENCE.md": isc + gpl}, "", errNotAllowed},
		"in a text beside":           {map[string]string{"LICENSE": isc, "COPYING": gpl}, "", errNotAllowed},
		"of the package":             {map[string]string{"LICENSE": isc, "a/b/LICENSE": gpl}, "", errNotAllowed},
		"above the package":          {map[string]string{"LICENSE": isc, "a/LICENSE": gpl}, "", errNotAllowed},
		"of a package not used":      {map[string]string{"LICENSE": isc, "c/LICENSE": gpl}, "ISC", nil},
		"with a condition":           {map[string]string{"LICENSE": isc + condition}, "", errNotRecognized},
		"of words that nobody knows": {map[string]string{"LICENSE": condition}, "", errNotRecognized},
		"none":                       {map[string]string{"license.go": isc}, "", errNone},
	} {
		root := t.TempDir()
		used := filepath.Join(root, "a/b")
		if err := os.MkdirAll(used, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range c.files {
			path := filepath.Join(root, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		m := module{directory: root, packages: map[string]bool{used: true}}
		if got, err := m.licence(); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestDiffer(t *testing.T) {
	const list = "one\ntwo\nthree\n"
	for committed, want := range map[string]string{
		list:                    "",
		"one\nthree\n":          "missing: two",
		list + "four\n":         "surplus: four",
		"one\n2\nthree\n":       "missing: two\nsurplus: 2",
		"two\none\nthree\n":     "the lines are in another order, or repeated",
		strings.Repeat(list, 2): "the lines are in another order, or repeated",
	} {
		if got := differ(committed, list); got != want {
			t.Errorf("%q: %q, not %q", committed, got, want)
		}
	}
}
