package app

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"sort"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/models/preprocess"
	"coverslip/tiles/likeness"
)

// patchRow is one line of the manifest.
type patchRow struct {
	file                  string // path in the dataset, with forward slashes
	mask                  string // the same of its mask; "" without
	id                    string
	slide, patient, split string
	x, y, side            int     // level-0 pixels
	mpp                   float64 // µm per pixel of the image
	px                    int     // pixels of the image's side
	class                 string
	also                  []string // further classes, with DatasetOptions.Multi
	objects               []patchObject
	caption, captionBy    string
	hash                  likeness.Hash // of the picture, where it has one
	hashed                bool
	source                string // "person" or "model"
	decision              string // on a model's suggestion: "accepted", "reclassed"
	by                    string // who drew or decided
	label                 string // identifier of the label
	model                 string
	untrained             bool
	score                 float64
	colour                string // "raw" or "srgb"
	sum                   string // sha256 of the file, hex
	slideW, slideH        int
	slideMPPX, slideMPPY  float64
	unreadable            bool // the slide could not be read there; no file
}

// modelUsed is a model whose accepted suggestions are in the dataset.
type modelUsed struct {
	Name      string `json:"name"`
	Hash      string `json:"sha256"`
	Untrained bool   `json:"untrained"`
	Patches   int    `json:"patches"`
}

// writePatches writes the images of all slides and fills rows.
func (x *exporter) writePatches(ctx context.Context, p Progress) error {
	people := map[string]bool{}
	x.total = 0
	for _, e := range x.slides {
		x.total += len(e.patches)
		for _, ex := range e.patches {
			people[ex.label.By.Author], people[ex.label.Review.By] = true, true
		}
	}
	x.names.people(people)
	if err := x.makeFolders(); err != nil {
		return err
	}
	var mu sync.Mutex
	step := func() {
		mu.Lock()
		defer mu.Unlock()
		x.done++
		p.report("Writing patches", x.done, x.total)
	}
	for _, e := range x.slides {
		if now := time.Now(); os.Chtimes(x.dir, now, now) != nil { // so that nobody takes it for abandoned
			return fmt.Errorf("dataset: %s is gone", x.dir)
		}
		if x.resume(e, step) {
			continue
		}
		if err := x.writeSlide(ctx, e, step); err != nil {
			return about("slide", e.item.Path, err)
		}
	}
	sort.Slice(x.rows, func(i, j int) bool { return x.rows[i].file < x.rows[j].file })
	return nil
}

// writeSlide writes the images of one slide on several goroutines.
func (x *exporter) writeSlide(ctx context.Context, e *slideExport, step func()) error {
	t, _, err := x.s.find(ctx, e.item.Slide)
	if err != nil {
		return err
	}
	defer t.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seen, err := seenBy(ctx, t, x.o.SRGB, x.o.Planes)
	if err != nil {
		return err
	}
	e.planes = seen.planes
	reader := newPatchReader(seen, e.grid, &x.s.traffic)
	defer reader.close()

	set, err := x.s.Objects(e.item.ID)
	if err != nil {
		return err
	}
	rows := make([]patchRow, len(e.patches))
	todo := make(chan int)
	var wg sync.WaitGroup
	for range readers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := &patchWriter{x: x, reader: reader, e: e, set: set}
			for i := range todo {
				row := x.row(e, e.patches[i])
				row.colour = colourWord(seen.pixels)
				if err := w.write(ctx, e.patches[i].cell, &row); err != nil {
					cancel(err)
				}
				rows[i] = row
				step()
			}
		}()
	}
feed:
	for i := range e.patches {
		select {
		case todo <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(todo)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	x.take(e, rows)
	return x.remember(e, rows)
}

// take counts the patches of a slide as written.
func (x *exporter) take(e *slideExport, rows []patchRow) {
	for _, row := range rows {
		if row.unreadable {
			x.failed++
			continue
		}
		x.rows = append(x.rows, row)
	}
	x.countModels(e, rows)
}

// countModels notes which models' suggestions were written.
func (x *exporter) countModels(e *slideExport, rows []patchRow) {
	for i, ex := range e.patches {
		by := ex.label.By
		if rows[i].unreadable || by.Model == "" {
			continue
		}
		m := x.models[by.ModelHash]
		m.Name, m.Hash, m.Untrained = by.Model, by.ModelHash, by.Untrained
		m.Patches++
		x.models[by.ModelHash] = m
	}
}

// row describes a patch before it is written.
func (x *exporter) row(e *slideExport, ex patchPlan) patchRow {
	b, label := e.grid.box(ex.cell), ex.label
	class := x.class(label.Class)
	r := patchRow{
		id:    fmt.Sprintf("%s_x%07d_y%07d", e.id, int(b.MinX), int(b.MinY)),
		slide: e.id, patient: e.patient, split: e.split,
		x: int(b.MinX), y: int(b.MinY), side: e.grid.side,
		mpp: e.grid.mpp, px: e.grid.patch,
		source: "person", by: x.names.person(label.By.Author), label: label.ID.String(),
		slideW: e.item.Width, slideH: e.item.Height,
		slideMPPX: e.item.MPPX, slideMPPY: e.item.MPPY,
	}
	if class == nil {
		r.unreadable = true // a class the palette has lost; storage keeps that from happening
		return r
	}
	r.class = class.name
	r.file, r.mask = x.filesOf(e.split, class.folder, r.id)
	for _, id := range ex.also {
		if c := x.class(id); c != nil {
			r.also = append(r.also, c.name)
		}
	}
	if label.Kind == annotate.Detection {
		r.source, r.model, r.untrained, r.score = "model", label.By.Model, label.By.Untrained, label.By.Score
		r.by, r.decision = x.names.person(label.Review.By), decisionName(label.Review.Decision)
	}
	return r
}

// decisionName is the word for a decision in files.
func decisionName(d annotate.Decision) string {
	switch d {
	case annotate.Accepted:
		return "accepted"
	case annotate.Rejected:
		return "rejected"
	case annotate.Reclassed:
		return "reclassed"
	}
	return ""
}

// reduce brings a square to side pixels as Pillow's bicubic filter does, the
// way the training programs' own loaders would.
func reduce(img *image.RGBA, side int) (*image.RGBA, error) {
	if img.Rect.Dx() == side && img.Rect.Dy() == side {
		return img, nil
	}
	return preprocess.Resize(img, side, side, preprocess.Bicubic)
}

// encodeImage is the file of an image; it carries no metadata.
func encodeImage(img *image.RGBA, format string) ([]byte, error) {
	var b bytes.Buffer
	var err error
	if format == "jpg" {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 95})
	} else {
		err = png.Encode(&b, img)
	}
	return b.Bytes(), err
}
