package window

import (
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// plotColors tell curves apart.
var plotColors = []fyne.ThemeColorName{theme.ColorNamePrimary, theme.ColorNameWarning, theme.ColorNameSuccess, theme.ColorNameError, colorQuiet}

// Size of a plot and the room around it for the axes.
const (
	plotWide, plotHigh           = 560, 330
	plotLeft, plotTop, plotBelow = 54, 26, 40
)

// plot draws curves over an axis from 0 to most and another from 0 to 1.
type plot struct {
	most  float32
	area  *fyne.Container
	named int
}

func newPlot(across, up string, most float32) *plot {
	p := &plot{most: most, area: container.NewWithoutLayout()}
	for i := range 5 {
		f := float32(i) / 4
		for _, ends := range [][2]fyne.Position{{{X: 0, Y: f}, {X: most, Y: f}}, {{X: f * most, Y: 0}, {X: f * most, Y: 1}}} {
			p.stroke(ends[0], ends[1], theme.ColorNameSeparator, 1)
		}
		y := p.at(fyne.Position{Y: f})
		p.words(strconv.FormatFloat(float64(f), 'g', 3, 32), plotLeft-8, y.Y-8, fyne.TextAlignTrailing)
		x := p.at(fyne.Position{X: f * most})
		p.words(strconv.FormatFloat(float64(f*most), 'g', 3, 32), x.X, plotHigh-plotBelow+4, fyne.TextAlignCenter)
	}
	p.words(up, 4, 2, fyne.TextAlignLeading)
	p.words(across, (plotLeft+plotWide)/2, plotHigh-18, fyne.TextAlignCenter)
	return p
}

// at is a value's place on the plot.
func (p *plot) at(v fyne.Position) fyne.Position {
	return fyne.NewPos(plotLeft+v.X/p.most*(plotWide-plotLeft-12), plotHigh-plotBelow-v.Y*(plotHigh-plotBelow-plotTop))
}

func (p *plot) stroke(a, b fyne.Position, c fyne.ThemeColorName, width float32) {
	l := canvas.NewLine(theme.Color(c))
	l.StrokeWidth = width
	l.Position1, l.Position2 = p.at(a), p.at(b)
	p.area.Add(l)
}

// words puts a text at a place: its left end, middle or right end by align.
func (p *plot) words(s string, x, y float32, align fyne.TextAlign) {
	t := newText(s, textSmall, colorQuiet)
	size := t.MinSize()
	switch align {
	case fyne.TextAlignCenter:
		x -= size.Width / 2
	case fyne.TextAlignTrailing:
		x -= size.Width
	}
	t.Resize(size)
	t.Move(fyne.NewPos(x, y))
	p.area.Add(t)
}

// line joins values.
func (p *plot) line(values []fyne.Position, c fyne.ThemeColorName) {
	for i := 1; i < len(values); i++ {
		p.stroke(values[i-1], values[i], c, 2)
	}
}

// dots marks values.
func (p *plot) dots(values []fyne.Position, c fyne.ThemeColorName) {
	for _, v := range values {
		d := canvas.NewCircle(theme.Color(c))
		at := p.at(v)
		d.Resize(fyne.NewSize(7, 7))
		d.Move(fyne.NewPos(at.X-3.5, at.Y-3.5))
		p.area.Add(d)
	}
}

// name tells below one another, at the lower right, which colour is which curve.
func (p *plot) name(s string, c fyne.ThemeColorName) {
	y := float32(plotHigh-plotBelow-20) - float32(p.named)*18
	p.named++
	l := canvas.NewLine(theme.Color(c))
	l.StrokeWidth = 3
	l.Position1, l.Position2 = fyne.NewPos(plotWide-190, y+8), fyne.NewPos(plotWide-168, y+8)
	p.area.Add(l)
	p.words(s, plotWide-160, y, fyne.TextAlignLeading)
}

// object is the plot at its size.
func (p *plot) object() fyne.CanvasObject {
	return container.NewHBox(container.NewGridWrap(fyne.NewSize(plotWide, plotHigh), p.area))
}

// columnsLayout sets objects row by row into columns as wide as what they hold.
type columnsLayout struct{ columns int }

const columnGap, rowGap = 22, 5

func (l *columnsLayout) measure(objects []fyne.CanvasObject) (widths, heights []float32) {
	widths = make([]float32, l.columns)
	for i, o := range objects {
		size := o.MinSize()
		if i%l.columns == 0 {
			heights = append(heights, 0)
		}
		widths[i%l.columns] = max(widths[i%l.columns], size.Width)
		heights[len(heights)-1] = max(heights[len(heights)-1], size.Height)
	}
	return widths, heights
}

// MinSize is the room that all rows need.
func (l *columnsLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	widths, heights := l.measure(objects)
	size := fyne.NewSize(-columnGap, -rowGap)
	for _, w := range widths {
		size.Width += w + columnGap
	}
	for _, h := range heights {
		size.Height += h + rowGap
	}
	return size.Max(fyne.NewSize(0, 0))
}

// Layout places the objects.
func (l *columnsLayout) Layout(objects []fyne.CanvasObject, _ fyne.Size) {
	widths, heights := l.measure(objects)
	x, y := float32(0), float32(0)
	for i, o := range objects {
		col, row := i%l.columns, i/l.columns
		if col == 0 && i > 0 {
			x, y = 0, y+heights[row-1]+rowGap
		}
		o.Move(fyne.NewPos(x, y))
		o.Resize(fyne.NewSize(widths[col], heights[row]))
		x += widths[col] + columnGap
	}
}
