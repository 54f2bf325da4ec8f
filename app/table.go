package app

import (
	"context"
	"math"
	"slices"
	"strings"

	"coverslip/annotate"
)

// Column is what a table of labels is sorted by.
type Column uint8

// The columns.
const (
	ByDate   Column = iota // when it was changed last
	ByClass                // in the order of the palette
	ByArea                 // square level-0 pixels
	ByAuthor               // in the order of the alphabet
	ByScore                // of the model; 0 for a person's own labels
)

// TableSpec is which labels a table holds, and in which order.
type TableSpec struct {
	Column  Column
	Down    bool   // the largest, newest or last first
	Text    string // in the name of the class, of the author, or of the label itself, capitals aside; "" for any
	Classes map[annotate.ID]bool
	Author  string  // exactly; "" for any
	Least   float64 // area in square level-0 pixels
}

// Table is the labels of a slide at one moment, filtered and sorted. It holds
// their numbers on the roll, four bytes each. It never changes.
type Table struct {
	roll  *annotate.Roll
	order []uint32
	total int
}

// MakeTable filters and sorts the labels (IsLabel) of a set: of a million in a
// quarter of a second. It answers nil when ctx ends before. The shapes of
// labels are not read, but for the names of those that have one when Text is
// looked for.
func MakeTable(ctx context.Context, set *annotate.Set, palette annotate.Palette, spec TableSpec) *Table {
	t := &Table{roll: set.Roll()}
	keys := newSortKeys(spec, palette)
	f := newTableFilter(spec, palette)
	var items []keyed
	stopped := false
	t.roll.Each(func(number int, b *annotate.Brief) bool {
		if number&0xffff == 0 && ctx.Err() != nil {
			stopped = true
			return false
		}
		if !b.IsLabel() {
			return true
		}
		t.total++
		if f.takes(b, func() *annotate.Object { return t.roll.Object(number) }) {
			items = append(items, keyed{keys.of(b), uint32(number)})
		}
		return true
	})
	if stopped || ctx.Err() != nil {
		return nil
	}
	sortKeyed(items)
	t.order = make([]uint32, len(items))
	for i, it := range items {
		t.order[i] = it.number
	}
	return t
}

// Len is the number of rows.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.order)
}

// Total is the number of labels that there are, those left out included.
func (t *Table) Total() int {
	if t == nil {
		return 0
	}
	return t.total
}

// Brief is what is known of the label in a row; the zero Brief beyond the end.
func (t *Table) Brief(row int) (b annotate.Brief) {
	if row >= 0 && row < t.Len() {
		t.roll.Brief(int(t.order[row]), &b)
	}
	return b
}

// Object is the label in a row; nil beyond the end, or when it cannot be read.
func (t *Table) Object(row int) *annotate.Object {
	if row < 0 || row >= t.Len() {
		return nil
	}
	return t.roll.Object(int(t.order[row]))
}

// IDs lists the identifiers of the rows from first to last, both included.
func (t *Table) IDs(first, last int) []annotate.ID {
	var ids []annotate.ID
	for row := max(0, first); row <= min(last, t.Len()-1); row++ {
		ids = append(ids, t.Brief(row).ID)
	}
	return ids
}

// Row finds the row of an object; -1 when it has none.
func (t *Table) Row(id annotate.ID) int {
	if t == nil {
		return -1
	}
	n, ok := t.roll.Number(id)
	if !ok {
		return -1
	}
	return slices.Index(t.order, uint32(n))
}

// tableFilter tells which labels a table holds.
type tableFilter struct {
	spec    TableSpec
	text    string
	classes map[annotate.ID]bool // whose names hold the text
}

func newTableFilter(spec TableSpec, palette annotate.Palette) tableFilter {
	f := tableFilter{spec: spec, text: strings.ToLower(strings.TrimSpace(spec.Text)), classes: map[annotate.ID]bool{}}
	for _, c := range palette {
		f.classes[c.ID] = strings.Contains(strings.ToLower(c.Name), f.text)
	}
	return f
}

func (f *tableFilter) takes(b *annotate.Brief, whole func() *annotate.Object) bool {
	switch {
	case len(f.spec.Classes) > 0 && !f.spec.Classes[b.Class],
		f.spec.Author != "" && b.Author != f.spec.Author,
		b.Area < f.spec.Least:
		return false
	case f.text == "" || f.classes[b.Class] || strings.Contains(strings.ToLower(b.Author), f.text):
		return true
	case !b.Named:
		return false
	}
	o := whole()
	return o != nil && (strings.Contains(strings.ToLower(o.Name), f.text) || strings.Contains(strings.ToLower(o.Notes), f.text))
}

// sortKeys makes numbers whose order is that of a column.
type sortKeys struct {
	spec    TableSpec
	classes map[annotate.ID]uint64
	authors map[string]uint64
}

func newSortKeys(spec TableSpec, palette annotate.Palette) *sortKeys {
	k := &sortKeys{spec: spec, classes: map[annotate.ID]uint64{}, authors: map[string]uint64{}}
	for i, c := range palette {
		k.classes[c.ID] = uint64(i + 1)
	}
	return k
}

func (k *sortKeys) of(b *annotate.Brief) uint64 {
	var key uint64
	switch k.spec.Column {
	case ByClass:
		key = k.classes[b.Class]
	case ByArea:
		key = ordered(b.Area)
	case ByAuthor:
		key = k.author(b.Author)
	case ByScore:
		key = ordered(b.Score)
	default:
		if !b.Changed.IsZero() {
			key = uint64(b.Changed.UnixNano()) ^ 1<<63
		}
	}
	if k.spec.Down {
		return ^key
	}
	return key
}

// author is the first eight letters of a name, which is what a person sorts by.
func (k *sortKeys) author(name string) uint64 {
	key, ok := k.authors[name]
	if !ok {
		low := strings.ToLower(name)
		for i := range 8 {
			key <<= 8
			if i < len(low) {
				key |= uint64(low[i])
			}
		}
		k.authors[name] = key
	}
	return key
}

// ordered is a number whose order is that of a float; NaN comes last.
func ordered(v float64) uint64 {
	u := math.Float64bits(v)
	if u>>63 != 0 {
		return ^u
	}
	return u | 1<<63
}

// keyed is a number of the roll with what it is sorted by.
type keyed struct {
	key    uint64
	number uint32
}

// sortKeyed sorts by key, equals staying as they are: by sixteen bits at a time,
// the lowest first, leaving out those in which all agree.
func sortKeyed(items []keyed) {
	if len(items) < 1<<12 {
		slices.SortStableFunc(items, func(a, b keyed) int {
			switch {
			case a.key < b.key:
				return -1
			case a.key > b.key:
				return 1
			}
			return 0
		})
		return
	}
	other := make([]keyed, len(items))
	from, to := items, other
	var starts [1 << 16]int
	for shift := 0; shift < 64; shift += 16 {
		clear(starts[:])
		for i := range from {
			starts[uint16(from[i].key>>shift)]++
		}
		if starts[uint16(from[0].key>>shift)] == len(from) {
			continue
		}
		at := 0
		for i, n := range starts {
			starts[i] = at
			at += n
		}
		for i := range from {
			d := uint16(from[i].key >> shift)
			to[starts[d]] = from[i]
			starts[d]++
		}
		from, to = to, from
	}
	if &from[0] != &items[0] {
		copy(items, from)
	}
}
