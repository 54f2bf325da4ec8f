package app

import (
	"context"
	"encoding/csv"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"coverslip/annotate"
)

// Columns of a sheet beside the measures.
const (
	SheetClass  = "class"
	SheetName   = "name"
	SheetInside = "in" // what the label lies in
)

// SheetSpec is which labels a sheet holds, and in which order.
type SheetSpec struct {
	Query string // words, and conditions on measures: "tumour area>500 circularity<0.7"
	Sort  string // a column; "" or one that there is not: as the slide holds them
	Down  bool
}

// Sheet is the labels of a slide with their measures at one moment, filtered and
// sorted. Of a million labels it holds eight bytes each, and four more for each measure that
// was sorted or filtered by; measures are float32 there, and exact where they are shown or
// written. It never changes.
type Sheet struct {
	Columns []MeasureColumn // those that the slide's scale allows
	Scale   MeasureScale

	spec    SheetSpec
	slide   string
	palette annotate.Palette
	roll    *annotate.Roll
	order   []uint32
	total   int
	values  map[string][]float32 // by column, then by number on the roll
	nesting *Nesting             // nil until it was sorted by what lies in what
}

// MakeSheet measures, filters and sorts the labels of a slide. What an older sheet of
// the same slide measured, and no edit since can have changed, is taken over; it may be nil.
// A query that cannot be read is an error that wraps ErrQuery; else it stops with ctx's
// error.
func (s *Session) MakeSheet(ctx context.Context, slide annotate.ID, spec SheetSpec, old *Sheet, p Progress) (*Sheet, error) {
	item, err := s.Slide(slide)
	if err != nil {
		return nil, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return nil, err
	}
	t := &Sheet{Scale: MeasureScaleOf(item), spec: spec, slide: item.Name, palette: s.Palette(), roll: set.Roll(), values: map[string][]float32{}}
	t.Columns = MeasureColumns(t.Scale, set)
	q, err := parseQuery(spec.Query, t.Columns)
	if err != nil {
		return nil, err
	}
	t.carry(ctx, old)
	for _, c := range q.conditions {
		t.measure(ctx, c.column, p)
	}
	if _, ok := t.column(spec.Sort); ok {
		t.measure(ctx, spec.Sort, p)
	}
	if spec.Sort == SheetInside && t.nesting == nil {
		t.nesting = Nest(ctx, t.roll, nil, p)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.report("sorting", 0, 0)
	return t, t.arrange(ctx, q)
}

// Len is the number of rows; Total that of all labels.
func (t *Sheet) Len() int {
	if t == nil {
		return 0
	}
	return len(t.order)
}

// Total is the number of labels, those left out included.
func (t *Sheet) Total() int {
	if t == nil {
		return 0
	}
	return t.total
}

// Brief is what is known of the label in a row; the zero Brief beyond the end.
func (t *Sheet) Brief(row int) (b annotate.Brief) {
	if row >= 0 && row < t.Len() {
		t.roll.Brief(int(t.order[row]), &b)
	}
	return b
}

// Row finds the row of an object; -1 when it has none.
func (t *Sheet) Row(id annotate.ID) int {
	if t != nil {
		if n, ok := t.roll.Number(id); ok {
			for row, number := range t.order {
				if int(number) == n {
					return row
				}
			}
		}
	}
	return -1
}

// SheetLine is what a row of a sheet shows.
type SheetLine struct {
	ID     annotate.ID
	Class  annotate.ID
	Name   string
	Inside string             // what it lies in; "" for nothing
	Values map[string]float64 // by column; NaN where the object has none
}

// Lines measures the labels in rows, for a view of some dozens; it may take long for a
// large area that holds many. What cannot be read is left out.
func (t *Sheet) Lines(ctx context.Context, set *annotate.Set, rows []int, columns []string) map[int]SheetLine {
	out := map[int]SheetLine{}
	for _, row := range rows {
		if row < 0 || row >= t.Len() || ctx.Err() != nil {
			continue
		}
		o := t.roll.Object(int(t.order[row]))
		if o == nil {
			continue
		}
		l := SheetLine{ID: o.ID, Class: o.Class, Name: o.Name, Values: map[string]float64{}}
		for _, id := range columns {
			if id == SheetInside {
				if in := Around(set, o); in != nil {
					l.Inside = InsideWords(in, t.palette)
				}
			} else if c, ok := t.column(id); ok {
				l.Values[id] = c.Value(o)
			}
		}
		out[row] = l
	}
	return out
}

func (t *Sheet) column(id string) (MeasureColumn, bool) {
	for _, c := range t.Columns {
		if c.ID == id {
			return c, true
		}
	}
	return MeasureColumn{}, false
}

// alone tells whether a measure depends on the label's own shape alone.
func alone(id string) bool { return id != "inside" && id != "density" }

// carry takes over what an older sheet measured.
func (t *Sheet) carry(ctx context.Context, old *Sheet) {
	if old == nil || old.Scale != t.Scale {
		return
	}
	was, changed, ok := t.roll.Since(old.roll)
	if !ok {
		return
	}
	stale := make([]bool, t.roll.Len())
	for _, b := range changed {
		t.roll.Near(b, func(number int, _ *annotate.Brief) bool { stale[number] = true; return true })
	}
	missing := float32(math.Inf(1)) // to be measured; no measure is infinite
	for id, had := range old.values {
		now := make([]float32, t.roll.Len())
		for i, then := range was {
			if now[i] = missing; then >= 0 && (alone(id) || !stale[i]) {
				now[i] = had[then]
			}
		}
		t.values[id] = now
	}
	if old.nesting != nil {
		t.nesting = Nest(ctx, t.roll, old.nesting, nil)
	}
}

// sheetBatch is how many labels one goroutine measures at a time.
const sheetBatch = 2048

// measure fills a column, or all that come with it: one look at a shape gives all of
// its measures.
func (t *Sheet) measure(ctx context.Context, id string, p Progress) {
	ids := []string{id}
	if alone(id) {
		ids = ids[:0]
		for _, m := range shapeMeasures {
			ids = append(ids, m.id)
		}
	}
	todo := t.missing(ids)
	nan := float32(math.NaN()) // what cannot be read stays so
	for _, id := range ids {
		if t.values[id] == nil {
			t.values[id] = make([]float32, t.roll.Len())
		}
		for _, number := range todo {
			t.values[id][number] = nan
		}
	}
	var next, done atomic.Int64
	var telling sync.Mutex
	var workers sync.WaitGroup
	for range max(1, min(4, runtime.GOMAXPROCS(0))) {
		workers.Go(func() {
			for ctx.Err() == nil {
				to := int(next.Add(sheetBatch))
				from := to - sheetBatch
				if from >= len(todo) {
					return
				}
				batch := todo[from:min(len(todo), to)]
				t.roll.Objects(batch, func(number int, o *annotate.Object) bool {
					t.fill(ids, number, o)
					return ctx.Err() == nil
				})
				telling.Lock()
				p.report("measuring", int(done.Add(int64(len(batch)))), len(todo))
				telling.Unlock()
			}
		})
	}
	workers.Wait()
}

// missing lists the numbers of labels that a column still lacks.
func (t *Sheet) missing(ids []string) []int {
	var todo []int
	t.roll.Each(func(number int, b *annotate.Brief) bool {
		lacks := false
		for _, id := range ids {
			v := t.values[id]
			lacks = lacks || v == nil || math.IsInf(float64(v[number]), 0)
		}
		if lacks && b.IsLabel() {
			todo = append(todo, number)
		}
		return true
	})
	return todo
}

// fill measures one label.
func (t *Sheet) fill(ids []string, number int, o *annotate.Object) {
	if !alone(ids[0]) {
		for _, id := range ids {
			if c, ok := t.column(id); ok {
				t.values[id][number] = float32(c.Value(o))
			}
		}
		return
	}
	m := o.ROI.Measured(t.Scale.X, t.Scale.Y)
	for _, c := range shapeMeasures {
		t.values[c.id][number] = float32(c.of(m))
	}
}

// arrange filters and sorts.
func (t *Sheet) arrange(ctx context.Context, q query) error {
	f := newTableFilter(TableSpec{Text: q.text}, t.palette)
	keys := t.sorter()
	var items []keyed
	t.roll.Each(func(number int, b *annotate.Brief) bool {
		if number&0xffff == 0 && ctx.Err() != nil {
			return false
		}
		if !b.IsLabel() {
			return true
		}
		t.total++
		for _, c := range q.conditions {
			if !c.takes(float64(t.values[c.column][number])) {
				return true
			}
		}
		if f.takes(b, func() *annotate.Object { return t.roll.Object(number) }) {
			items = append(items, keyed{keys(number, b), uint32(number)})
		}
		return true
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	sortKeyed(items)
	t.order = make([]uint32, len(items))
	for i, it := range items {
		t.order[i] = it.number
	}
	return nil
}

// sorter makes the number that a label is sorted by. What has no such measure comes
// last, whichever way it is sorted.
func (t *Sheet) sorter() func(number int, b *annotate.Brief) uint64 {
	way := func(key uint64) uint64 {
		if t.spec.Down {
			return ^key
		}
		return key
	}
	rank := map[annotate.ID]uint64{}
	for i, c := range t.palette {
		rank[c.ID] = uint64(i + 1)
	}
	switch values := t.values[t.spec.Sort]; {
	case values != nil:
		return func(number int, _ *annotate.Brief) uint64 {
			v := float64(values[number])
			if math.IsNaN(v) {
				return math.MaxUint64
			}
			return way(ordered(v))
		}
	case t.spec.Sort == SheetClass:
		return func(_ int, b *annotate.Brief) uint64 { return way(rank[b.Class]) }
	case t.spec.Sort == SheetName:
		return func(number int, b *annotate.Brief) uint64 {
			if !b.Named {
				return math.MaxUint64
			}
			o := t.roll.Object(number)
			if o == nil || o.Name == "" {
				return math.MaxUint64
			}
			return way(firstLetters(o.Name))
		}
	case t.spec.Sort == SheetInside && t.nesting != nil:
		return func(number int, _ *annotate.Brief) uint64 {
			in := t.nesting.In(number)
			var b annotate.Brief
			if in < 0 || !t.roll.Brief(in, &b) {
				return math.MaxUint64
			}
			return way(rank[b.Class]<<32 | uint64(in))
		}
	}
	return func(int, *annotate.Brief) uint64 { return 0 }
}

// WriteSheet writes the rows of a sheet, in its order, with the given columns of
// measures, as CSV as WriteMeasures does. It stops with ctx's error.
func (t *Sheet) WriteSheet(ctx context.Context, w io.Writer, columns []string, p Progress) error {
	nesting := t.nesting
	if nesting == nil {
		nesting = Nest(ctx, t.roll, nil, p)
	}
	var shown []MeasureColumn
	head := measureHead[:len(measureHead):len(measureHead)]
	for _, id := range columns {
		if c, ok := t.column(id); ok {
			shown = append(shown, c)
			head = append(head, csvHead(c))
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write(append(head, "scale")); err != nil {
		return err
	}
	line := measureLine{slide: t.slide, palette: t.palette, nesting: nesting}
	for row, number := range t.order {
		if err := ctx.Err(); err != nil {
			return err
		}
		if row%1024 == 0 {
			p.report("writing", row, len(t.order))
		}
		o := t.roll.Object(int(number))
		if o == nil {
			continue
		}
		cells := line.of(o)
		for _, c := range shown {
			cells = append(cells, csvNumber(c.Value(o)))
		}
		if err := out.Write(append(cells, t.Scale.Words())); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// ExportSheet is WriteSheet into a file, which appears whole or not at all.
func (t *Sheet) ExportSheet(ctx context.Context, path string, columns []string, p Progress) error {
	return WriteFile(path, func(w io.Writer) error { return t.WriteSheet(ctx, w, columns, p) })
}

// firstLetters is a number whose order is that of the first eight letters, capitals
// aside.
func firstLetters(s string) (key uint64) {
	low := strings.ToLower(s)
	for i := range 8 {
		key <<= 8
		if i < len(low) {
			key |= uint64(low[i])
		}
	}
	return key
}
