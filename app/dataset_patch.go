package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/cover"
	"coverslip/tiles/likeness"
)

// patchObject is a label inside a patch.
type patchObject struct {
	Class      int     `json:"class"` // number in exporter.classes
	X, Y, W, H float64 // box in pixels of the patch
	Area       int     `json:"area"` // pixels that it covers
	Counts     string  `json:"counts"`
}

// filesOf is where a patch and its mask lie in the dataset.
func (x *exporter) filesOf(split, class, id string) (file, mask string) {
	switch {
	case x.o.Format == LayoutCOCO || x.o.Format == LayoutYOLO:
		file = path.Join("images", split, id+"."+x.o.Image)
	case x.o.Multi || x.o.Format == LayoutWebDataset:
		file = path.Join("patches", split, id+"."+x.o.Image)
	default:
		file = path.Join("patches", split, class, id+"."+x.o.Image)
	}
	if x.o.Masks {
		mask = path.Join("masks", split, id+".png")
	}
	return file, mask
}

// makeFolders makes every folder that a patch goes to.
func (x *exporter) makeFolders() error {
	done := map[string]bool{}
	for _, e := range x.slides {
		for _, p := range e.patches {
			c := x.class(p.label.Class)
			if c == nil {
				continue
			}
			file, mask := x.filesOf(e.split, c.folder, "x")
			for _, name := range []string{file, mask} {
				dir := path.Dir(name)
				if name == "" || done[dir] {
					continue
				}
				done[dir] = true
				if err := os.MkdirAll(filepath.Join(x.dir, filepath.FromSlash(dir)), 0o755); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// patchWriter writes patches of one slide on one goroutine.
type patchWriter struct {
	x       *exporter
	reader  *patchReader
	e       *slideExport
	set     *annotate.Set
	painter cover.Painter
	mask    []byte
}

// write reads, reduces, encodes and writes one image and what belongs to it.
func (w *patchWriter) write(ctx context.Context, c cell, row *patchRow) error {
	if row.unreadable {
		return nil
	}
	b := w.e.grid.box(c)
	img, err := w.reader.read(ctx, b)
	if err != nil {
		if unreadable(err) {
			row.unreadable = true
			return nil
		}
		return err
	}
	if img, err = reduce(img, w.x.o.Patch); err != nil {
		return err
	}
	if w.x.o.Alike != "off" {
		row.hash, row.hashed = likeness.Of(img)
	}
	data, err := encodeImage(img, w.x.o.Image)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	row.sum = hex.EncodeToString(sum[:])
	if err := os.WriteFile(w.x.path(row.file), data, 0o644); err != nil {
		return err
	}
	if err := w.labels(b, row); err != nil {
		return err
	}
	if w.x.o.Captions {
		row.caption, row.captionBy = captionAt(w.set, b)
	}
	return nil
}

// path is where a file of the dataset lies while it is written.
func (x *exporter) path(name string) string { return filepath.Join(x.dir, filepath.FromSlash(name)) }

// labels writes the mask of a patch and finds the labels in it.
func (w *patchWriter) labels(b annotate.Box, row *patchRow) error {
	o := w.x.o
	if !o.Masks && !o.needsObjects() {
		return nil
	}
	win := cover.Window{X: b.MinX, Y: b.MinY, Step: float64(row.side) / float64(row.px), W: row.px, H: row.px}
	inside := areasIn(w.set, b)
	if o.needsObjects() {
		for _, label := range inside {
			if p, ok := w.object(win, label); ok {
				row.objects = append(row.objects, p)
			}
		}
	}
	if !o.Masks {
		return nil
	}
	w.mask = append(w.mask[:0], make([]byte, row.px*row.px)...)
	for _, label := range inside { // the largest first: the smallest lies on top
		if n := w.x.number(label.Class); n > 0 {
			w.painter.Paint(win, label.ROI, w.mask, byte(n))
		}
	}
	img := &image.Paletted{Pix: w.mask, Stride: row.px, Rect: image.Rect(0, 0, row.px, row.px), Palette: w.x.maskPalette()}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return err
	}
	return os.WriteFile(w.x.path(row.mask), buf.Bytes(), 0o644)
}

// areasIn lists the labels with an area that touch a box, the largest first.
func areasIn(set *annotate.Set, b annotate.Box) []*annotate.Object {
	var inside []*annotate.Object
	set.Search(b, func(o *annotate.Object) bool {
		if o.IsLabel() && !o.Class.IsZero() && o.ROI.IsArea() {
			inside = append(inside, o)
		}
		return true
	})
	slices.SortFunc(inside, func(p, q *annotate.Object) int {
		return cmp.Or(cmp.Compare(q.ROI.Area(), p.ROI.Area()), strings.Compare(p.ID.String(), q.ID.String()))
	})
	return inside
}

// number is that of a class in masks, 1 and up; 0 when it is in none.
func (x *exporter) number(class annotate.ID) int {
	for i := range x.classes {
		if x.classes[i].id == class {
			return i + 1
		}
	}
	return 0
}

// errManyClasses: a mask of bytes has numbers for no more.
var errManyClasses = errors.New("dataset: masks can tell 255 classes apart, and there are more")

// maskPalette is the colours of masks: black where there is no label, then those
// of the classes. Programs read the numbers, people see the colours.
func (x *exporter) maskPalette() color.Palette {
	p := color.Palette{color.RGBA{A: 255}}
	all := x.s.Palette()
	for _, c := range x.classes {
		full := all.ByID(c.id)
		if full == nil {
			p = append(p, color.RGBA{128, 128, 128, 255})
			continue
		}
		p = append(p, color.RGBA{full.Color.R, full.Color.G, full.Color.B, 255})
	}
	return p
}

// object measures a label in the raster of a patch: its box, and its pixels as
// COCO's run lengths (column by column).
func (w *patchWriter) object(win cover.Window, o *annotate.Object) (patchObject, bool) {
	n := w.x.number(o.Class)
	if n == 0 {
		return patchObject{}, false
	}
	side := win.W
	w.mask = append(w.mask[:0], make([]byte, side*side)...)
	x0, y0, x1, y1, area := side, side, 0, 0, 0
	w.painter.Spans(win, o.ROI, func(row, from, to int) {
		for i := from; i < to; i++ {
			if w.mask[i*side+row] == 0 { // columns first
				w.mask[i*side+row] = 1
				area++
			}
		}
		x0, x1, y0, y1 = min(x0, from), max(x1, to), min(y0, row), max(y1, row+1)
	})
	if area == 0 {
		return patchObject{}, false
	}
	p := patchObject{Class: n - 1, X: float64(x0), Y: float64(y0), W: float64(x1 - x0), H: float64(y1 - y0), Area: area}
	if w.x.o.Format == LayoutCOCO {
		p.Counts = runLengths(w.mask)
	}
	return p, true
}

// runLengths packs a mask of columns as COCO's compressed counts: runs of zeros
// and ones in turn, each as the difference from the run two before, five bits a
// letter (pycocotools, maskApi.c rleToString).
func runLengths(mask []byte) string {
	var runs []int
	last, n := byte(0), 0
	for _, v := range mask {
		if v != last {
			runs = append(runs, n)
			last, n = v, 0
		}
		n++
	}
	runs = append(runs, n)
	var out []byte
	for i, v := range runs {
		if i > 2 {
			v -= runs[i-2]
		}
		for {
			c := byte(v & 0x1f)
			v >>= 5
			more := v != 0
			if c&0x10 != 0 {
				more = v != -1
			}
			if more {
				c |= 0x20
			}
			out = append(out, c+48)
			if !more {
				break
			}
		}
	}
	return string(out)
}

// captionAt is the sentence of the smallest label around the centre of a patch
// that has one which a person let stand.
func captionAt(set *annotate.Set, b annotate.Box) (text, by string) {
	least, centre := 0.0, b.Center()
	set.Search(b, func(o *annotate.Object) bool {
		t, ok := TextOf(o)
		if !ok || t.By == "" || !o.IsLabel() || !o.ROI.Contains(centre) {
			return true
		}
		if a := o.ROI.Area(); text == "" || a < least {
			text, by, least = t.Text, t.Kind, a
			if t.Edited {
				by += ", edited"
			}
		}
		return true
	})
	return text, by
}
