package interchange

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/annotate/interchange/exchange"
)

// table is the table of docs/interchange.md, from what the suite holds the formats
// to.
func table() string {
	var b strings.Builder
	b.WriteString("| format | `--format` | point | points | line | rectangle | ellipse | polygon | holes | parts | class | colour | name | notes | id | who, when | off by at most |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, f := range Formats() {
		k := f.Keeps
		holes, parts := k.Holes.String(), k.Parts.String()
		if k.Polygon != exchange.Whole && k.Polygon != exchange.Pixels {
			holes, parts = "–", "–"
		}
		has := func(a exchange.Attrs) string {
			if k.Attrs&a != 0 {
				return "yes"
			}
			return "–"
		}
		off := "0 px"
		switch {
		case k.Polygon == exchange.Pixels:
			off = "half a pixel"
		case k.Grid > 0:
			off = "rounded to whole pixels"
		case k.Near > 0:
			off = fmt.Sprintf("%g px", k.Near)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", f.Title, f.Name, k.Point, k.Points, k.Line, k.Rectangle, k.Ellipse, k.Polygon,
			holes, parts, has(exchange.Class), has(exchange.Color), has(exchange.Name), has(exchange.Notes), has(exchange.Identity), has(exchange.Origin), off)
	}
	return b.String()
}

// remarks is the list of docs/interchange.md.
func remarks() string {
	var b strings.Builder
	for _, f := range Formats() {
		fmt.Fprintf(&b, "* **%s** (%s): %s.", f.Title, strings.Join(f.Extensions, ", "), f.Line)
		if f.Keeps.Note != "" {
			b.WriteString(" " + f.Keeps.Note)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestPapers_Interchange holds docs/interchange.md to what the formats keep, which
// TestFormats_WriteRead holds to what comes back.
func TestPapers_Interchange(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "interchange.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{table(), remarks()} {
		if !strings.Contains(string(data), want) {
			t.Errorf("docs/interchange.md lacks, word for word:\n%s", want)
		}
	}
}
