package exchange

import (
	"errors"
	"fmt"
	"hash/fnv"
	"image/color"
	"strings"
	"time"

	"coverslip/annotate"
)

// Found is one object as a file says it.
type Found struct {
	ROI       annotate.ROI
	Class     string      // its name; "" for none
	Color     color.NRGBA // of the class; zero: the file says none
	ID        string      // a UUID is kept, anything else is not
	Name      string
	Notes     string
	Locked    bool
	Detection bool
	Score     float64           // 0 to 1
	Meta      map[string]string // attributes of the other program
	Own       map[string]string // what Own or Full wrote; nil for other programs' objects
}

// Builder makes objects of what a reader found, mends them, counts them and
// hands them on one by one: it holds none of them.
type Builder struct {
	Report Report

	format  string
	o       ReadOptions
	take    func(*annotate.Object) error
	ids     map[annotate.ID]struct{}
	classes map[string]annotate.ID
	left    int
}

const maxWarnings = 1000

// NewBuilder is a builder for a format; take gets every object.
func NewBuilder(format string, o ReadOptions, take func(*annotate.Object) error) *Builder {
	if o.NewID == nil {
		o.NewID = annotate.NewID
	}
	if o.MaxObjects == 0 {
		o.MaxObjects = 5_000_000
	}
	if o.MaxVertices == 0 {
		o.MaxVertices = 500_000_000
	}
	return &Builder{format: format, o: o, take: take, ids: map[annotate.ID]struct{}{}, classes: map[string]annotate.ID{}, left: o.MaxVertices}
}

// Warn notes something a person should know; where may be empty.
func (b *Builder) Warn(where, format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	if where != "" {
		text = where + ": " + text
	}
	switch n := len(b.Report.Warnings); {
	case n < maxWarnings-1:
		b.Report.Warnings = append(b.Report.Warnings, text)
	case n == maxWarnings-1:
		b.Report.Warnings = append(b.Report.Warnings, "there are more warnings")
	}
}

// Skip counts an object that cannot be used.
func (b *Builder) Skip(where, format string, a ...any) {
	b.Report.Skipped++
	b.Warn(where, "left out: "+format, a...)
}

// Add makes an object. What is wrong with it alone becomes a warning; the error
// is one that ends the reading.
func (b *Builder) Add(where string, f Found) error {
	if b.left -= f.ROI.Vertices(); b.left < 0 {
		return ErrVertices
	}
	roi, changed, err := f.ROI.Repaired()
	if err != nil {
		b.Skip(where, "%v", err)
		return nil
	}
	if changed {
		b.Report.Repaired++
		b.Warn(where, "its outline was not valid and was repaired; the area is now %.6g instead of %.6g px²", roi.Area(), f.ROI.Area())
	}
	o := &annotate.Object{Kind: annotate.Annotation, ROI: roi, Name: f.Name, Notes: f.Notes, Locked: f.Locked, Created: b.o.At, Changed: b.o.At,
		By: annotate.Provenance{Author: b.o.Author, Method: "import:" + b.format}}
	if f.Detection {
		o.Kind = annotate.Detection
	}
	if len(f.Meta) > 0 {
		o.Meta = f.Meta
	}
	if f.Own != nil {
		for _, bad := range SetOwn(o, f.Own) {
			b.Warn(where, "%s", bad)
		}
	}
	if f.Score > 0 && f.Score <= 1 {
		o.By.Score = f.Score
	}
	if f.ID != "" && len(f.ID) == 36 {
		if id, err := annotate.ParseID(f.ID); err == nil {
			o.ID = id
		}
	}
	b.identify(where, o)
	o.Class = b.class(f.Class, f.Color)
	if b.Report.Objects++; b.Report.Objects > b.o.MaxObjects {
		return ErrObjects
	}
	return b.take(o)
}

// Take hands on an object that a reader made by itself.
func (b *Builder) Take(o *annotate.Object) error {
	b.Report.Objects++
	return b.take(o)
}

// AddEach makes an object of each ROI.
func (b *Builder) AddEach(where string, f Found, rois []annotate.ROI) error {
	for _, r := range rois {
		f.ROI = r
		if err := b.Add(where, f); err != nil {
			return err
		}
		f.ID = ""
	}
	return nil
}

func (b *Builder) identify(where string, o *annotate.Object) {
	if !o.ID.IsZero() {
		if _, met := b.ids[o.ID]; !met {
			b.ids[o.ID] = struct{}{}
			return
		}
		b.Warn(where, "its id %s occurred before; it got a new one", o.ID)
	}
	o.ID = b.o.NewID()
}

// class finds or makes the class; zero for none.
func (b *Builder) class(name string, c color.NRGBA) annotate.ID {
	if name == "" {
		return annotate.ID{}
	}
	if id, met := b.classes[name]; met {
		return id
	}
	known := b.o.Classes.ByName(name)
	for i := range b.o.Classes {
		if known == nil && strings.EqualFold(b.o.Classes[i].Name, name) {
			known = &b.o.Classes[i]
		}
	}
	if known == nil {
		if c.A == 0 {
			c = ColorFor(name)
		}
		known = &annotate.Class{ID: annotate.ClassID(name), Name: name, Color: c}
	}
	b.classes[name] = known.ID
	if b.Report.Classes.ByID(known.ID) == nil {
		b.Report.Classes = append(b.Report.Classes, *known)
	}
	return known.ID
}

// ColorFor gives a class without colour one that depends on its name alone.
func ColorFor(name string) color.NRGBA {
	h := fnv.New32a()
	h.Write([]byte(name))
	p := annotate.DefaultPalette()
	return p[h.Sum32()%uint32(len(p))].Color
}

// ClassOf is an object's class by name and colour; "" and no colour for none.
func ClassOf(o *annotate.Object, p annotate.Palette) (string, color.NRGBA) {
	if c := p.ByID(o.Class); c != nil {
		return c.Name, c.Color
	}
	return "", color.NRGBA{}
}

// Size is the size of the slide, from the file or else from the slide the objects
// go onto; an error asks for a slide.
func (o *ReadOptions) Size(format string) (w, h float64, err error) {
	if o.Slide.Width <= 0 || o.Slide.Height <= 0 {
		return 0, 0, &FormatError{Format: format, Offset: -1, What: "the size of the slide must be known to place these objects"}
	}
	return float64(o.Slide.Width), float64(o.Slide.Height), nil
}

// MPP is the scale of the slide, or what a person answered to the question "mpp".
func MPP(format string, s Slide, a Answers) (x, y float64, err error) {
	if s.MPPX > 0 && s.MPPY > 0 {
		return s.MPPX, s.MPPY, nil
	}
	v, err := ParseNumber(a["mpp"])
	if err != nil || !(v >= 0.01 && v <= 100) {
		return 0, 0, Ask(format, Question{Key: "mpp", Text: "How many µm is a pixel of the slide at full resolution?", Guess: "0.25"})
	}
	return v, v, nil
}

// Now is when the export was made; a fixed moment when it is not known, so that
// files are the same.
func (o *WriteOptions) Now() time.Time {
	if o.At.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return o.At.UTC()
}

// Choose is the answer to a question when it was given and is one of the
// choices; else an *AskError.
func Choose(format string, a Answers, q Question) (string, error) {
	v, ok := a[q.Key]
	if ok {
		for _, c := range q.Choices {
			if c == v {
				return v, nil
			}
		}
		if len(q.Choices) == 0 {
			return v, nil
		}
	}
	return "", Ask(format, q)
}

// Broken tells whether an error is one of a file, not of the disk or the program.
func Broken(err error) bool {
	var f *FormatError
	return errors.As(err, &f)
}
