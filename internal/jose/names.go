package jose

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names are the member names that a reader knows. A name that is not one of
// them but would be read as one by a decoder that folds case (encoding/json
// takes "ISS" and "ſub" for iss and sub) or by a person (Cyrillic "ѕub") is
// refused: what is checked here must be what every other reader sees.
type Names struct {
	exact, skeletons map[string]struct{}
	capitals         bool // a known name has capital letters
}

// NewNames returns the set of the given names.
func NewNames(names ...string) *Names {
	n := &Names{map[string]struct{}{}, map[string]struct{}{}, false}
	for _, name := range names {
		n.exact[name], n.skeletons[skeleton(name)] = struct{}{}, struct{}{}
		n.capitals = n.capitals || !plain(name)
	}
	return n
}

// Has reports whether name is one of them.
func (n *Names) Has(name string) bool {
	_, known := n.exact[name]
	return known
}

// folds reports whether name is not a known name but looks like one.
func (n *Names) folds(name string) bool {
	if n == nil || !n.capitals && plain(name) {
		return false
	}
	if _, known := n.exact[name]; known {
		return false
	}
	_, known := n.skeletons[skeleton(name)]
	return known
}

// plain reports whether name is in small ASCII letters, digits and the like: beside others
// like that, it is another name for every reader.
func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}

// skeleton maps name to lower-case ASCII where its letters have an ASCII
// look-alike, and drops what is invisible.
func skeleton(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.In(r, unicode.Cf, unicode.Mn) || strings.ContainsRune(fillers, r) {
			continue
		}
		if r = asciiLetter(r); r == 'l' {
			r = 'i' // a small l, a capital I and a palochka are drawn alike
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fillers are letters that draw nothing.
const fillers = "\u115f\u1160\u3164\uffa0"

func asciiLetter(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E: // fullwidth forms
		r -= 0xFF01 - '!'
	case r >= 0x1D400 && r <= 0x1D6A3: // mathematical letters: 13 alphabets of A-Z a-z
		if r = (r-0x1D400)%52 + 'A'; r > 'Z' {
			r += 'a' - 'Z' - 1
		}
	}
	if r >= 0x24B6 && r <= 0x24E9 { // circled letters
		r = (r-0x24B6)%26 + 'a'
	}
	if look, ok := lookAlikes[r]; ok {
		return look
	}
	// Walk the case-folding orbit (ſ S s; K k K) to its ASCII lower-case member.
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= 'a' && f <= 'z' {
			return f
		}
	}
	return unicode.ToLower(r)
}

// lookAlikes are the letters of other scripts that are drawn like ASCII ones.
var lookAlikes = func() map[rune]rune {
	table := map[rune]rune{}
	for ascii, letters := range map[rune]string{
		'a': "аАαΑɑⲁᵃₐ", 'b': "ВΒЬⲂᵇ", 'c': "сСϲᴄⅽⅭⲥᶜ", 'd': "ԁⅾⅮᵈ", 'e': "еЕΕℯⅇⲉᵉₑ", 'f': "ᶠ", 'g': "ɡℊᵍ", 'h': "һНΗℎⲎʰₕ",
		'i': "іІιΙıɩӏⅰⅠⁱᵢⅈℹⲓ", 'j': "јЈϳⅉʲⱼ", 'k': "кКκΚⲕᵏₖ", 'l': "ⅼⅬℓˡₗ", 'm': "мМΜⅿⅯⲘᵐₘ", 'n': "пΝⁿₙⲚ", 'o': "оОοΟσᴏℴⲟᵒₒ",
		'p': "рРρΡⲣᵖₚ", 'q': "ԛ", 'r': "гʳᵣ", 's': "ѕЅꜱˢₛ", 't': "тТτΤⲧᵗₜ", 'u': "υսᴜᵘᵤ", 'v': "νѵᴠⅴⅤᵛᵥ", 'w': "ѡԝᴡʷ",
		'x': "хХχΧⅹⅩⲭˣₓ", 'y': "уУγΥүⲩʸ", 'z': "ᴢΖᶻ",
	} {
		for _, letter := range letters {
			table[letter] = ascii // each letter stands here once
		}
	}
	return table
}()
