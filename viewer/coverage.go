package viewer

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"coverslip/annotate"
)

// Sizes of a coverage map.
const (
	coverMost  = 512 // fields on the longer side
	coverLeast = 128 // level-0 pixels: side of a field on a small slide
)

// coverSteps is how many steps of magnification a map tells apart: 2.5×, 5×,
// 10×, 20× and 40×.
const coverSteps = 5

// coverFirst is the magnification of the first step; each further one doubles it.
const coverFirst = 2.5

// coverSlack lets a magnification a hair below a step count as the step.
const coverSlack = 1.02

// Coverage remembers which parts of a slide were looked at, and how closely. It
// is a value of arithmetic alone: no screen, no clock, no disk. It is not safe
// for concurrent use.
type Coverage struct {
	fieldW, fieldH float64 // a field, level-0 pixels; they divide the slide evenly
	cols, rows     int
	seen           []uint8 // by field, row by row: the highest step seen, 0 for none
	tissue         []bool  // by field; nil: not known, all of them count
	count          [coverSteps + 1]int
	fields         int // that count: those with tissue
	version        int // changes with every change
}

// NewCoverage makes the empty map of a slide of w × h level-0 pixels.
func NewCoverage(w, h float64) *Coverage {
	c := &Coverage{}
	field := max(coverLeast, max(w, h)/coverMost)
	c.cols, c.rows = max(1, ceilInt(w/field)), max(1, ceilInt(h/field))
	c.fieldW, c.fieldH = w/float64(c.cols), h/float64(c.rows)
	c.seen = make([]uint8, c.cols*c.rows)
	c.recount()
	return c
}

// coverStep is the step of a magnification: 0 below the first, 1 from 2.5× on,
// 2 from 5× on and so on, at most coverSteps.
func coverStep(magnification float64) int {
	if !(magnification*coverSlack >= coverFirst) {
		return 0
	}
	return min(coverSteps, 1+int(math.Floor(math.Log2(magnification*coverSlack/coverFirst))))
}

// coverMagnification is the magnification from which on a step counts.
func coverMagnification(step int) float64 { return coverFirst * math.Exp2(float64(step-1)) }

// See notes that a box (level-0 pixels) was looked at with a magnification. A
// field counts when its middle lies in the box. It tells whether that was new.
func (c *Coverage) See(b annotate.Box, magnification float64) bool {
	step := uint8(coverStep(magnification))
	c0, c1 := inside(b.MinX/c.fieldW, b.MaxX/c.fieldW, c.cols)
	r0, r1 := inside(b.MinY/c.fieldH, b.MaxY/c.fieldH, c.rows)
	changed := false
	for r := r0; r < r1; r++ {
		for i := r*c.cols + c0; i < r*c.cols+c1; i++ {
			if c.seen[i] >= step {
				continue
			}
			if c.counts(i) {
				c.count[c.seen[i]]--
				c.count[step]++
			}
			c.seen[i] = step
			changed = true
		}
	}
	if changed {
		c.version++
	}
	return changed
}

// Tissue finds the fields that matter, for SetTissue; share answers the part, 0
// to 1, of a rectangle of level-0 pixels that is tissue. Unlike the other methods
// it may be called from any goroutine.
func (c *Coverage) Tissue(share func(x, y, w, h float64) float64) []bool {
	fields := make([]bool, c.cols*c.rows)
	for i := range fields {
		x, y := float64(i%c.cols)*c.fieldW, float64(i/c.cols)*c.fieldH
		fields[i] = share(x, y, c.fieldW, c.fieldH) >= coverTissue
	}
	return fields
}

// SetTissue says which fields matter, as Tissue gave them. Where none does, all
// do: the finder may be wrong. It tells whether the list fits the map.
func (c *Coverage) SetTissue(fields []bool) bool {
	if len(fields) != len(c.seen) {
		return false
	}
	c.tissue = nil
	if slices.Contains(fields, true) {
		c.tissue = slices.Clone(fields)
	}
	c.version++
	c.recount()
	return true
}

// coverTissue is the share of tissue from which on a field matters.
const coverTissue = 0.02

// KnowsTissue tells whether empty glass is told apart.
func (c *Coverage) KnowsTissue() bool { return c.tissue != nil }

func (c *Coverage) counts(i int) bool { return c.tissue == nil || c.tissue[i] }

func (c *Coverage) recount() {
	c.count, c.fields = [coverSteps + 1]int{}, 0
	for i, s := range c.seen {
		if c.counts(i) {
			c.count[s]++
			c.fields++
		}
	}
}

// Share is the part, 0 to 1, of the fields that matter which was seen with a
// magnification or more.
func (c *Coverage) Share(magnification float64) float64 {
	n := 0
	for step := max(1, coverStep(magnification)); step <= coverSteps; step++ {
		n += c.count[step]
	}
	return float64(n) / float64(max(1, c.fields))
}

// inside is the fields [first, end) of a row of n whose middles lie in an
// interval, in fields.
func inside(from, to float64, n int) (first, end int) {
	return max(0, ceilInt(from-0.5)), min(n, floorInt(to-0.5)+1)
}

// within asks each field that matters and whose middle lies in a box, or else
// the one in which the box lies, until yield answers false.
func (c *Coverage) within(b annotate.Box, yield func(seen uint8) bool) {
	c0, c1 := inside(b.MinX/c.fieldW, b.MaxX/c.fieldW, c.cols)
	r0, r1 := inside(b.MinY/c.fieldH, b.MaxY/c.fieldH, c.rows)
	if c0 >= c1 { // the box is smaller than a field
		c0 = max(0, min(c.cols-1, floorInt((b.MinX+b.MaxX)/2/c.fieldW)))
		c1 = c0 + 1
	}
	if r0 >= r1 {
		r0 = max(0, min(c.rows-1, floorInt((b.MinY+b.MaxY)/2/c.fieldH)))
		r1 = r0 + 1
	}
	for r := r0; r < r1; r++ {
		for i := r*c.cols + c0; i < r*c.cols+c1; i++ {
			if c.counts(i) && !yield(c.seen[i]) {
				return
			}
		}
	}
}

// Empty tells whether nothing in a box matters.
func (c *Coverage) Empty(b annotate.Box) bool {
	empty := true
	c.within(b, func(uint8) bool { empty = false; return false })
	return empty
}

// Seen tells whether all that matters in a box was seen with a magnification or
// more.
func (c *Coverage) Seen(b annotate.Box, magnification float64) bool {
	step, all := uint8(max(1, coverStep(magnification))), true
	c.within(b, func(s uint8) bool { all = s >= step; return all })
	return all
}

// coverFormat begins a map in text form.
const coverFormat = "cover1 "

// Text is the map to be kept: which fields were seen how closely, not which have
// tissue. It is at most a few dozen kB long.
func (c *Coverage) Text() string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(c.seen)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil { // a buffer takes everything and the level is a right one
		return ""
	}
	return fmt.Sprintf("%s%d %d %s", coverFormat, c.cols, c.rows, base64.StdEncoding.EncodeToString(b.Bytes()))
}

// Restore takes over what Text gave for a slide of the same size; what was seen
// since stays seen. A text that is none, or of another size, is an error and
// changes nothing.
func (c *Coverage) Restore(text string) error {
	var cols, rows int
	var data string
	if n, err := fmt.Sscanf(text, coverFormat+"%d %d %s", &cols, &rows, &data); n != 3 {
		return fmt.Errorf("coverage map: %w", err)
	}
	if cols != c.cols || rows != c.rows {
		return fmt.Errorf("coverage map of %d × %d fields for a slide of %d × %d", cols, rows, c.cols, c.rows)
	}
	packed, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return fmt.Errorf("coverage map: %w", err)
	}
	seen := make([]uint8, len(c.seen))
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(packed)), seen); err != nil {
		return fmt.Errorf("coverage map: %w", err)
	}
	for _, s := range seen {
		if s > coverSteps {
			return errors.New("coverage map: a field of an unknown step")
		}
	}
	for i, s := range seen {
		c.seen[i] = max(c.seen[i], s)
	}
	c.version++
	c.recount()
	return nil
}

// Forget empties the map; where tissue is stays known.
func (c *Coverage) Forget() {
	clear(c.seen)
	c.version++
	c.recount()
}
