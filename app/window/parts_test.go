package window

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"coverslip/assets"
)

func errCanceled() error { return context.Canceled }

func save(t *testing.T, im image.Image, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, im); err != nil {
		t.Fatal(err)
	}
}

func TestIcons_EveryNameUsedExists(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, f := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.Ident)
			if !ok || name.Name != "icon" && name.Name != "iconIn" || len(call.Args) == 0 {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok {
				used++
				if s, err := strconv.Unquote(lit.Value); err != nil || !slices.Contains(assets.Icons(), s) {
					t.Errorf("%s: there is no icon %s", f, lit.Value)
				}
			}
			return true
		})
	}
	if used < 10 {
		t.Errorf("only %d icons found: has icon been renamed?", used)
	}
}

func TestIcons_FollowTheTheme(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(&Theme{})
	i := icon("pan")
	dark, name := string(i.Content()), i.Name()
	a.Settings().SetTheme(&Theme{Light: true})
	if string(i.Content()) == dark || i.Name() == name {
		t.Error("the icon is the same in both themes")
	}
	if strings.Contains(dark, "currentColor") {
		t.Error("the colour was not filled in")
	}
}

func TestTheme_Contrast(t *testing.T) {
	for _, light := range []bool{false, true} {
		th := &Theme{Light: light}
		for _, pair := range [][2]fyne.ThemeColorName{
			{theme.ColorNameForeground, colorPanel}, {colorQuiet, colorPanel}, {theme.ColorNameForeground, colorActive},
			{theme.ColorNameForeground, colorAlarm}, {theme.ColorNameForeground, colorNotice}, {colorGlass, colorHUD}, {theme.ColorNameForeground, colorBadge},
			{theme.ColorNameError, colorPanel}, {colorQuiet, theme.ColorNameHeaderBackground},
		} {
			if r := contrast(th.Color(pair[0], 0), th.Color(pair[1], 0)); r < 4.5 {
				t.Errorf("light %v: %s on %s has contrast %.1f, below 4.5 (WCAG 2.1, 1.4.3)", light, pair[0], pair[1], r)
			}
		}
	}
}

func TestCut(t *testing.T) {
	test.NewTempApp(t)
	style := fyne.TextStyle{}
	if got := cut("short", 500, 12, style); got != "short" {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("wide ", 40)
	got := cut(long, 100, 12, style)
	if !strings.HasSuffix(got, "…") || fyne.MeasureText(got, 12, style).Width > 100 {
		t.Errorf("%q is %.0f wide", got, fyne.MeasureText(got, 12, style).Width)
	}
	lines := wrap(long, 120, 12, 3)
	if len(lines) != 3 || !strings.HasSuffix(lines[2], "…") {
		t.Errorf("wrapped: %q", lines)
	}
	if got := wrap("", 100, 12, 3); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1 000", 98304: "98 304", -1234567: "-1 234 567"} {
		if got := strings.ReplaceAll(number(n), "\u2009", " "); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDatasetOptions(t *testing.T) {
	o, err := datasetOptions(" /tmp/x ", "224", "0.5", "70 / 15/15", "1")
	if err != nil || o.Out != "/tmp/x" || o.Patch != 224 || o.MPP != 0.5 || o.Splits != [3]float64{0.7, 0.15, 0.15} || o.Seed != 1 {
		t.Errorf("%+v %v", o, err)
	}
	for _, bad := range [][5]string{
		{"", "224", "0.5", "70/15/15", "1"}, {"x", "8", "0.5", "70/15/15", "1"}, {"x", "two", "0.5", "70/15/15", "1"}, {"x", "224", "0", "70/15/15", "1"},
		{"x", "224", "NaN", "70/15/15", "1"}, {"x", "224", "0.5", "70/30", "1"}, {"x", "224", "0.5", "70/-15/45", "1"}, {"x", "224", "0.5", "50/15/15", "1"}, {"x", "224", "0.5", "70/15/15", "one"},
	} {
		if _, err := datasetOptions(bad[0], bad[1], bad[2], bad[3], bad[4]); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestRows_OnlyVisibleRowsExist(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(&Theme{})
	made, filled := 0, map[int]bool{}
	l := newRows(20, func() rowView { made++; return newLabelRow() }, func(i int, _ rowView) { filled[i] = true })
	w := test.NewTempWindow(t, l)
	w.Resize(fyne.NewSize(200, 400))
	const many = 3_000_000 // 60 million pixels: more than a float32 can count
	l.Update(many)
	if made > 30 || !filled[0] {
		t.Errorf("%d rows made for 20 visible ones", made)
	}
	l.Reveal(many - 1)
	if !filled[many-1] || made > 30 {
		t.Errorf("the last row is not shown, or %d rows were made", made)
	}
	tapped := -1
	l.tapped = func(i int, _ fyne.KeyModifier) { tapped = i }
	test.TapCanvas(w.Canvas(), fyne.NewPos(50, 380))
	var places []float32
	for _, c := range l.body.used {
		if c.index >= 0 {
			places = append(places, c.Position().Y)
		}
	}
	for i := 1; i < len(places); i++ {
		if places[i]-places[i-1] != 20 {
			t.Errorf("rows stand at %v", places)
			break
		}
	}
	if tapped < many-2 {
		t.Errorf("a tap on the last rows gave %d", tapped)
	}
	clear(filled)
	l.Update(3)
	l.tapped = nil
	for i := range filled {
		if i > 2 {
			t.Errorf("row %d of 3 was shown", i)
		}
	}
}

func TestSlider_MovesAndKeepsItsBounds(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(&Theme{})
	var got []float64
	s := newSlider(nil, "", 0.5, func(v float64) { got = append(got, v) })
	w := test.NewTempWindow(t, s)
	w.Resize(fyne.NewSize(200, 40))
	s.Resize(fyne.NewSize(112, 20))
	s.Tapped(&fyne.PointEvent{Position: fyne.NewPos(106, 10)})
	s.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(-50, 10)}})
	s.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, 10)})
	if want := []float64{1, 0, 0.05}; !slices.Equal(got, want) {
		t.Errorf("values %v, want %v", got, want)
	}
}

func BenchmarkRows_Scroll(b *testing.B) {
	a := test.NewTempApp(b)
	a.Settings().SetTheme(&Theme{})
	l := newRows(20, newLabelRow, func(i int, v rowView) {
		if row, ok := v.(*labelRowView); ok {
			row.class.Set("class " + strconv.Itoa(i))
		}
	})
	w := test.NewTempWindow(b, l)
	w.Resize(fyne.NewSize(200, 600))
	l.Update(100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.Reveal(i * 37 % 100_000)
	}
}

// contrast is the contrast ratio of WCAG 2.1, definition "contrast ratio".
func contrast(a, b color.Color) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(c color.Color) float64 {
	n, ok := color.NRGBAModel.Convert(c).(color.NRGBA)
	if !ok {
		return 0
	}
	lin := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(n.R) + 0.7152*lin(n.G) + 0.0722*lin(n.B)
}

// TestTheme_HighContrast: every text on every ground it may stand on has 7:1,
// also while the pointer is over it.
func TestTheme_HighContrast(t *testing.T) {
	th := &Theme{Contrast: true}
	texts := []fyne.ThemeColorName{theme.ColorNameForeground, colorQuiet, theme.ColorNamePlaceHolder, theme.ColorNameDisabled, theme.ColorNamePrimary,
		theme.ColorNameHyperlink, theme.ColorNameError, theme.ColorNameWarning, theme.ColorNameSuccess, colorGlass, colorFrost}
	grounds := []fyne.ThemeColorName{theme.ColorNameBackground, colorPanel, colorHUD, colorPicked, colorTip, colorChip, colorActive, colorStage, colorAlarm, colorNotice, colorBadge,
		theme.ColorNameInputBackground, theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground, theme.ColorNameHeaderBackground,
		theme.ColorNameButton, theme.ColorNameDisabledButton, theme.ColorNameSelection}
	check := func(text, ground color.Color, words string) {
		t.Helper()
		if r := contrast(text, ground); r < 7 {
			t.Errorf("%s has contrast %.2f, below 7", words, r)
		}
	}
	for _, text := range texts {
		for _, ground := range grounds {
			on := th.Color(ground, 0)
			check(th.Color(text, 0), on, fmt.Sprintf("%s on %s", text, ground))
			if ground == colorPanel || ground == colorChip || ground == theme.ColorNameMenuBackground || ground == theme.ColorNameHeaderBackground {
				check(th.Color(text, 0), blend(on, th.Color(theme.ColorNameHover, 0)), fmt.Sprintf("%s on %s under the pointer", text, ground))
			}
		}
	}
	for _, on := range []fyne.ThemeColorName{theme.ColorNamePrimary, theme.ColorNameError, theme.ColorNameSuccess, theme.ColorNameWarning} {
		check(th.Color(theme.ColorNameForegroundOnPrimary, 0), th.Color(on, 0), "text on "+string(on))
	}
	// What is no text but must be seen: lines of entries, the focus.
	for _, line := range []fyne.ThemeColorName{theme.ColorNameInputBorder, theme.ColorNameFocus, theme.ColorNameScrollBar} {
		check(th.Color(line, 0), th.Color(colorPanel, 0), string(line))
	}
}

// TestTheme_DarkAndLight: what is read in the other themes has 4.5:1 wherever it
// stands (WCAG 2.1, 1.4.3).
func TestTheme_DarkAndLight(t *testing.T) {
	for _, light := range []bool{false, true} {
		th := &Theme{Light: light}
		for _, text := range []fyne.ThemeColorName{theme.ColorNameForeground, colorQuiet, theme.ColorNameError} {
			for _, ground := range []fyne.ThemeColorName{colorPanel, colorTip, theme.ColorNameHeaderBackground, theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground, theme.ColorNameInputBackground} {
				if r := contrast(th.Color(text, 0), th.Color(ground, 0)); r < 4.5 {
					t.Errorf("light %v: %s on %s has contrast %.2f", light, text, ground, r)
				}
			}
		}
		if r := contrast(th.Color(colorGlass, 0), th.Color(colorPicked, 0)); r < 4.5 {
			t.Errorf("light %v: glass on picked has contrast %.2f", light, r)
		}
	}
}
