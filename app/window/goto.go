package window

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/tiles"
)

// askPlace asks for a position and goes there.
func (w *Window) askPlace() {
	open, view := w.open, w.viewer.Viewport()
	info, whole := open.Slide.Info(), open.Slide.Levels()[0]
	place := newFormEntry(fmt.Sprintf("%.0f, %.0f", view.CX, view.CY))
	hint := fmt.Sprintf("Slide pixels, 0, 0 to %d, %d", whole.Width, whole.Height)
	if info.MPPX > 0 {
		hint += fmt.Sprintf("; or with a unit, up to %s", lengthWords(float64(whole.Width)*info.MPPX, float64(whole.Height)*mppY(info)))
	}
	w.form("Go to a position", "Go", []*widget.FormItem{
		{Text: "x, y", Widget: place, HintText: hint},
	}, []*formEntry{place}, func() error {
		p, err := parsePlace(place.Text, info)
		if err != nil {
			return err
		}
		if p.X < 0 || p.Y < 0 || p.X > float64(whole.Width) || p.Y > float64(whole.Height) {
			return fmt.Errorf("%.0f, %.0f px is not on the slide, which has %d × %d", p.X, p.Y, whole.Width, whole.Height)
		}
		if w.open != nil && w.open.Set == open.Set {
			w.viewer.GoTo(p)
		}
		return nil
	})
	place.TypedShortcut(&fyne.ShortcutSelectAll{}) // what is typed takes its place
}

// mppY is the height of a level-0 pixel in µm, 0 when unknown.
func mppY(info *tiles.Info) float64 {
	if info.MPPY > 0 {
		return info.MPPY
	}
	return info.MPPX
}

// lengthWords is a pair of lengths in µm, for people.
func lengthWords(x, y float64) string {
	if max(x, y) >= 1000 {
		return fmt.Sprintf("%.2f, %.2f mm", x/1000, y/1000)
	}
	return fmt.Sprintf("%.0f, %.0f µm", x, y)
}

// lengths are the units a position may be given in: µm by unit; 0 are pixels.
var lengths = map[string]float64{"px": 0, "pixel": 0, "pixels": 0, "nm": 1e-3, "µm": 1, "μm": 1, "um": 1, "micron": 1, "microns": 1, "mm": 1e3, "cm": 1e4}

// parsePlace reads "12000, 8000", "3.2 mm, 1.1 mm", "3200 1100 µm" or, with a
// decimal comma, "3,2; 1,1 mm" as level-0 pixels. A number without a unit has
// that of the other, else pixels. Errors are for people.
func parsePlace(words string, info *tiles.Info) (annotate.Point, error) {
	var numbers []float64
	units := [2]string{}
	rest := strings.TrimSpace(words)
	if strings.Contains(rest, ";") {
		rest = strings.NewReplacer(",", ".", ";", " ").Replace(rest)
	}
	for rest = skipGaps(rest); rest != ""; rest = skipGaps(rest) {
		n := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) })
		if n < 0 {
			n = len(rest)
		}
		v, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) || len(numbers) == 2 {
			return annotate.Point{}, errors.New("a position is two numbers, such as 12000, 8000 or 3.2 mm, 1.1 mm")
		}
		numbers = append(numbers, v)
		rest = strings.TrimLeft(rest[n:], " \t")
		u := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
		if u < 0 {
			u = len(rest)
		}
		if unit := strings.ToLower(rest[:u]); unit != "" && unit != "x" {
			if _, ok := lengths[unit]; !ok {
				return annotate.Point{}, fmt.Errorf("%q is no unit; px, µm and mm are", rest[:u])
			}
			units[len(numbers)-1] = unit
		}
		rest = rest[u:]
	}
	if len(numbers) != 2 {
		return annotate.Point{}, errors.New("a position is two numbers, such as 12000, 8000 or 3.2 mm, 1.1 mm")
	}
	if units[0] == "" {
		units[0] = units[1]
	} else if units[1] == "" {
		units[1] = units[0]
	}
	var out [2]float64
	for i, mpp := range [2]float64{info.MPPX, mppY(info)} {
		out[i] = numbers[i]
		if um := lengths[units[i]]; um > 0 {
			if !(mpp > 0) {
				return annotate.Point{}, errors.New("this slide does not say how large its pixels are; give the position in pixels")
			}
			out[i] = numbers[i] * um / mpp
		}
	}
	return annotate.Point{X: out[0], Y: out[1]}, nil
}

// skipGaps takes off what stands between two numbers.
func skipGaps(s string) string { return strings.TrimLeft(s, " \t,×xX") }
