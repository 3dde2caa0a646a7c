package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
)

// Sizes of the chart in its own units, and colours that can be read on white as on
// black, because nobody knows which of them is behind it.
const (
	chartWidth, labelWidth, barHeight, titleHeight = 720, 210, 15, 34

	inkColour, ourColour, theirColour = "#768390", "#2f81f7", "#8b949e"
)

// panel is one group of bars: a column of a table.
type panel struct{ title, caption, table, column string }

var panels = []panel{
	{"A token not seen before, RS256", "times a bare signature verification", "A token not seen before", "RS256"},
	{"A token seen before, one of many", "times one SHA-256 over it", "A token seen before", ""},
	{"An expired token", "times a bare signature verification", "A bad token", "expired"},
}

// bar is one contender's figure.
type bar struct {
	name   string
	figure float64
}

// chart draws the panels below each other, shortest bar first.
func chart(tables []table) []byte {
	var body bytes.Buffer
	y := 0
	for _, p := range panels {
		bars := p.bars(tables)
		if len(bars) == 0 {
			continue
		}
		y += titleHeight
		fmt.Fprintf(&body, `<text x="0" y="%d" font-weight="600">%s</text><text x="%d" y="%d" text-anchor="end">%s, less is better</text>`+"\n",
			y-12, escaped(p.title), chartWidth, y-12, escaped(p.caption))
		longest := bars[len(bars)-1].figure
		for _, b := range bars {
			drawBar(&body, b, y, longest)
			y += barHeight + 4
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" font-family="system-ui,sans-serif" font-size="12" fill="%s" role="img" aria-label="bearerguard beside others">
%s</svg>
`, chartWidth, y+4, chartWidth, inkColour, body.Bytes())
}

func drawBar(w *bytes.Buffer, b bar, y int, longest float64) {
	const room = chartWidth - labelWidth - 50 // for the figure
	colour, weight := theirColour, "400"
	if b.name == ours {
		colour, weight = ourColour, "600"
	}
	width := math.Max(2, room*b.figure/longest)
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end" font-weight="%s">%s</text>`, labelWidth-8, y+12, weight, escaped(b.name))
	fmt.Fprintf(w, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`, labelWidth, y, width, barHeight, colour)
	fmt.Fprintf(w, `<text x="%.1f" y="%d">%s</text>`+"\n", labelWidth+width+6, y+12, significant(b.figure))
}

// bars are the figures of the panel's column, or of the second one where it has no name:
// the first is the hot token.
func (p panel) bars(tables []table) []bar {
	var bars []bar
	for _, t := range tables {
		if t.title != p.table {
			continue
		}
		at := t.column(p.column)
		if p.column == "" {
			at = min(1, len(t.columns)-1)
		}
		for _, r := range t.rows {
			if at >= 0 && !math.IsNaN(r.cells[at].figure) {
				bars = append(bars, bar{r.name, r.cells[at].figure})
			}
		}
	}
	slices.SortStableFunc(bars, func(a, b bar) int {
		switch {
		case a.figure < b.figure:
			return -1
		case a.figure > b.figure:
			return 1
		}
		return 0
	})
	return bars
}

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a Buffer takes everything
	return b.String()
}
