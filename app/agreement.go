package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"coverslip/annotate"
	"coverslip/annotate/agreement"
)

// AgreementOptions says how readers are compared. The zero value is usable.
type AgreementOptions struct {
	Readers   []string // as Readers names them; none = all
	Slides    []annotate.ID
	Cell      float64 // µm, side of the squares whose classes are compared; 0 takes 50
	IoU       float64 // above which two areas are the same object; 0 takes 0.5
	Radius    float64 // µm within which two points are the same object; 0 takes 6
	Seed      uint64  // of the intervals
	Resamples int     // 0 takes 2,000
}

// PairAgreement is how two readers agree on the slides that both read.
type PairAgreement struct {
	First, Second string
	Slides        int
	Classes       []string // of the tables; the first is "(none)"
	Cells         [][]int  // squares by the class of First and Second
	Objects       [][]int  // matched objects by class; the first row and column are those without one
	Figures       []Figure
}

// Agreement is how readers of a project agree.
type Agreement struct {
	Readers  []string
	Slides   int
	Patients int
	Unnamed  int // slides without a patient: each counts as one of its own
	Cell     float64
	IoU      float64
	Radius   float64
	Seed     uint64
	Pairs    []PairAgreement
	Together []Figure // Fleiss and Krippendorff over all readers
}

// noClass is what a square is where a reader drew nothing.
const noClass = "(none)"

// mostCells bounds the squares of one slide.
const mostCells = 4_000_000

// Agreement compares readers: the classes of squares of the slide, the areas of
// each class, and objects one by one. Squares are laid over the smallest box
// around what any of the readers drew; a square where a reader drew nothing
// counts as a class of its own. A slide counts for a reader who was given it or
// drew on it. Intervals are bootstraps over patients. It returns ErrReaders with
// fewer than two readers, ErrNoScale for a slide without scale.
func (s *Session) Agreement(ctx context.Context, o AgreementOptions, p Progress) (Agreement, error) {
	if o.Cell <= 0 {
		o.Cell = 50
	}
	if o.IoU <= 0 {
		o.IoU = 0.5
	}
	if o.Radius <= 0 {
		o.Radius = 6
	}
	all, err := s.Readers()
	if err != nil {
		return Agreement{}, err
	}
	if len(o.Readers) == 0 {
		o.Readers = all
	}
	for _, r := range o.Readers {
		if !slices.Contains(all, r) {
			return Agreement{}, fmt.Errorf("reader %q: %w (there are: %v)", r, ErrReaders, all)
		}
	}
	if len(o.Readers) < 2 {
		return Agreement{}, fmt.Errorf("labels of %d reader(s): %w", len(o.Readers), ErrReaders)
	}
	items, err := s.chosen(o.Slides)
	if err != nil {
		return Agreement{}, err
	}
	c := &comparison{s: s, o: o, number: map[annotate.ID]int{}, report: Agreement{Readers: o.Readers, Cell: o.Cell, IoU: o.IoU, Radius: o.Radius, Seed: o.Seed}}
	if c.titles, err = s.readingTitles(); err != nil {
		return Agreement{}, err
	}
	if c.given, err = s.givenTo(); err != nil {
		return Agreement{}, err
	}
	c.names = []string{noClass}
	for _, class := range s.Palette() {
		c.number[class.ID] = len(c.names)
		c.names = append(c.names, class.Name)
	}
	patients := map[string]int{}
	for i, item := range items {
		p.report("Comparing", i, len(items))
		if err := c.slide(ctx, item, patients); err != nil {
			return Agreement{}, about("slide", item.Name, err)
		}
	}
	c.report.Patients = len(patients)
	p.report("Intervals", 0, 0)
	c.figures(ctx)
	return c.report, ctx.Err()
}

// givenTo tells which slides were given to which readings' titles.
func (s *Session) givenTo() (map[string][]annotate.ID, error) {
	all, err := s.Readings()
	out := map[string][]annotate.ID{}
	for _, r := range all {
		for _, x := range r.Slides {
			out[r.Title()] = append(out[r.Title()], x.Here)
		}
	}
	return out, err
}

// comparison is one call of Agreement.
type comparison struct {
	s      *Session
	o      AgreementOptions
	titles map[string]string
	given  map[string][]annotate.ID
	names  []string // of classes, the first for none
	number map[annotate.ID]int
	slides []comparedSlide
	report Agreement
}

// comparedSlide is what is counted on one slide.
type comparedSlide struct {
	patient int
	read    []bool         // by reader
	grid    map[string]int // squares by their classes at all readers, a byte a reader
	pairs   map[[2]int]*pairCounts
}

// pairCounts is what is counted of two readers on one slide.
type pairCounts struct {
	cells   [][]int
	objects [][]int
	match   agreement.Matching
	areas   map[int]agreement.Overlap // by class
	apart   map[int]agreement.Apart   // by class, µm
}

// marks are the labels of one reader on one slide.
type marks struct {
	objects []*annotate.Object
}

// slide counts one slide.
func (c *comparison) slide(ctx context.Context, item SlideItem, patients map[string]int) error {
	set, err := c.s.Objects(item.ID)
	if err != nil {
		return err
	}
	by := make([]marks, len(c.o.Readers))
	out := comparedSlide{read: make([]bool, len(c.o.Readers)), grid: map[string]int{}, pairs: map[[2]int]*pairCounts{}}
	for r, name := range c.o.Readers {
		out.read[r] = slices.Contains(c.given[name], item.ID)
	}
	set.All(func(o *annotate.Object) bool {
		if r := slices.Index(c.o.Readers, readerOf(o, c.titles)); r >= 0 {
			by[r].objects = append(by[r].objects, o)
			out.read[r] = true
		}
		return true
	})
	if howMany(out.read) < 2 {
		return nil
	}
	scale := math.Sqrt(item.MPPX * item.MPPY)
	if !(scale > 0) {
		return noScale(item.Slide)
	}
	key := "patient " + item.Patient
	if item.Patient == "" {
		key = "slide " + item.ID.String()
		c.report.Unnamed++
	}
	if _, ok := patients[key]; !ok {
		patients[key] = len(patients)
	}
	out.patient = patients[key]
	if err := c.cells(ctx, by, &out, scale); err != nil {
		return err
	}
	for i := range by {
		for j := i + 1; j < len(by); j++ {
			if out.read[i] && out.read[j] {
				if err := c.pair(ctx, by[i], by[j], out.pairs[[2]int{i, j}], scale); err != nil {
					return err
				}
			}
		}
	}
	c.report.Slides++
	c.slides = append(c.slides, out)
	return nil
}

func howMany(all []bool) int {
	n := 0
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

// table is a square of zeros, a row and a column a class.
func (c *comparison) table() [][]int {
	t := make([][]int, len(c.names))
	for i := range t {
		t[i] = make([]int, len(c.names))
	}
	return t
}

// cells counts the squares of a slide by their classes.
func (c *comparison) cells(ctx context.Context, by []marks, out *comparedSlide, scale float64) error {
	box := annotate.Box{MinX: math.Inf(1), MinY: math.Inf(1), MaxX: math.Inf(-1), MaxY: math.Inf(-1)}
	sets := make([]*annotate.Set, len(by))
	for r := range by {
		var objects []*annotate.Object
		for _, o := range by[r].objects {
			if o.ROI.IsArea() {
				box = box.Union(o.ROI.Bounds())
				objects = append(objects, o)
			}
		}
		sets[r] = annotate.NewSet(objects)
	}
	for i := range by {
		for j := i + 1; j < len(by); j++ {
			if out.read[i] && out.read[j] {
				out.pairs[[2]int{i, j}] = &pairCounts{cells: c.table(), objects: c.table(), areas: map[int]agreement.Overlap{}, apart: map[int]agreement.Apart{}}
			}
		}
	}
	if box.Empty() {
		return nil
	}
	side := c.o.Cell / scale
	cols, rows := math.Ceil(box.Width()/side), math.Ceil(box.Height()/side)
	if cols*rows > mostCells {
		return fmt.Errorf("%.0f squares of %g µm, at most %d: %w", cols*rows, c.o.Cell, mostCells, agreement.ErrTooMany)
	}
	codes := make([]byte, len(by))
	for row := 0.0; row < rows; row++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		for col := 0.0; col < cols; col++ {
			at := annotate.Point{X: box.MinX + (col+0.5)*side, Y: box.MinY + (row+0.5)*side}
			drawn := false
			for r := range by {
				codes[r] = unread
				if out.read[r] {
					codes[r] = byte(c.codeAt(at, sets[r]))
					drawn = drawn || codes[r] > 0
				}
			}
			if drawn {
				out.grid[string(codes)]++
			}
		}
	}
	for key, n := range out.grid {
		for pair, counts := range out.pairs {
			if a, b := key[pair[0]], key[pair[1]]; a != 0 || b != 0 {
				counts.cells[a][b] += n
			}
		}
	}
	return nil
}

// unread is the code of a square at a reader who did not read the slide.
const unread = 255

// codeAt is the number of the class at a point; 0 for none.
func (c *comparison) codeAt(at annotate.Point, set *annotate.Set) int {
	for _, o := range set.At(at, 0) {
		if !o.Class.IsZero() && o.ROI.Contains(at) {
			return c.number[o.Class]
		}
	}
	return 0
}

// pair compares areas and objects of two readers on one slide.
func (c *comparison) pair(ctx context.Context, a, b marks, out *pairCounts, scale float64) error {
	for k := 1; k < len(c.names); k++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		first, errA := together(a, k, c.number)
		second, errB := together(b, k, c.number)
		if errA != nil || errB != nil {
			return fmt.Errorf("class %s: %w", c.names[k], errors.Join(errA, errB))
		}
		if first == nil && second == nil {
			continue
		}
		var over agreement.Overlap
		switch {
		case first == nil:
			over.Second = second.Area()
		case second == nil:
			over.First = first.Area()
		default:
			var err error
			if over, err = agreement.Areas(*first, *second); err != nil {
				return fmt.Errorf("class %s: %w", c.names[k], err)
			}
			if d, err := c.borders(*first, *second, scale); err == nil {
				out.apart[k] = d
			}
		}
		out.areas[k] = over
	}
	return c.objects(a, b, out, scale)
}

// borders is how far two outlines are apart, in µm, with points every µm where
// they are not too many, else at ever larger steps.
func (c *comparison) borders(a, b annotate.ROI, scale float64) (agreement.Apart, error) {
	var d agreement.Apart
	var err error
	step := max(1/scale, (a.Perimeter()+b.Perimeter())/20_000)
	for range 3 {
		if d, err = agreement.Borders(a, b, step); err == nil {
			break
		}
		step *= 10
	}
	return agreement.Apart{Hausdorff: d.Hausdorff * scale, HD95: d.HD95 * scale, Pooled95: d.Pooled95 * scale, Mean: d.Mean * scale}, err
}

// together is the area of a class; nil for none.
func together(m marks, class int, number map[annotate.ID]int) (*annotate.ROI, error) {
	var areas []annotate.ROI
	for _, o := range m.objects {
		if o.ROI.IsArea() && !o.Class.IsZero() && number[o.Class] == class {
			areas = append(areas, o.ROI)
		}
	}
	if len(areas) == 0 {
		return nil, nil
	}
	u, err := annotate.Union(areas...)
	return &u, err
}

// objects matches the areas and the points of two readers, whatever their
// classes.
func (c *comparison) objects(a, b marks, out *pairCounts, scale float64) error {
	areasA, pointsA := parted(a)
	areasB, pointsB := parted(b)
	m, err := agreement.MatchAreas(shapes(areasA), shapes(areasB), c.o.IoU)
	if err != nil {
		return err
	}
	pm, err := agreement.MatchPoints(middles(pointsA), middles(pointsB), c.o.Radius/scale)
	if err != nil {
		return err
	}
	for _, p := range m.Pairs {
		out.objects[c.classNumber(areasA[p.First])][c.classNumber(areasB[p.Second])]++
	}
	for _, p := range pm.Pairs {
		out.objects[c.classNumber(pointsA[p.First])][c.classNumber(pointsB[p.Second])]++
	}
	out.match = m.Plus(pm)
	return nil
}

func (c *comparison) classNumber(o *annotate.Object) int {
	if o.Class.IsZero() {
		return 0
	}
	return c.number[o.Class]
}

// parted are the areas and the single points.
func parted(m marks) (areas, points []*annotate.Object) {
	for _, o := range m.objects {
		switch {
		case o.ROI.IsArea():
			areas = append(areas, o)
		case o.ROI.Kind == annotate.KindPoint:
			points = append(points, o)
		}
	}
	return areas, points
}

func shapes(objects []*annotate.Object) []annotate.ROI {
	out := make([]annotate.ROI, len(objects))
	for i, o := range objects {
		out[i] = o.ROI
	}
	return out
}

func middles(objects []*annotate.Object) []annotate.Point {
	out := make([]annotate.Point, len(objects))
	for i, o := range objects {
		out[i] = o.ROI.Points[0]
	}
	return out
}
