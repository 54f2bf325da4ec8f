package app

import (
	"context"
	"fmt"
	"image"
	"math"

	"coverslip/annotate"
	"coverslip/storage"
	"coverslip/tiles"
	"coverslip/tiles/tissue"
)

// What a patch is when neither the user nor the encoder says otherwise: 224
// pixels at 0.5 µm (a 20× view), as most patch encoders for pathology take it.
const (
	defaultPatch = 224
	defaultMPP   = 0.5
	minTissue    = 0.5 // least share of tissue in a patch that is embedded
)

// grid cuts a slide into square patches without gap or overlap, from the upper
// left corner; squares that would stick out are left out.
type grid struct {
	cols, rows int
	side       int     // level-0 pixels of a patch's side
	step       int     // level-0 pixels from a patch to the next; side: they touch
	patch      int     // pixels of a patch as fed to the encoder
	mpp        float64 // µm per pixel of a patch as fed to the encoder
}

// newGrid plans the patches of a slide. The side is rounded to whole level-0
// pixels, an error below 0.5 % for a patch of 224 pixels.
func newGrid(sl storage.Slide, patch int, mpp float64) (grid, error) {
	scale := math.Sqrt(sl.MPPX * sl.MPPY)
	if !(scale > 0) {
		return grid{}, about("slide", sl.Name, noScale(sl))
	}
	side := int(math.Round(float64(patch) * mpp / scale))
	if side < 1 {
		return grid{}, fmt.Errorf("slide %s: patches of %d pixels at %g µm are smaller than a pixel (%g µm)", sl.Name, patch, mpp, scale)
	}
	return grid{cols: sl.Width / side, rows: sl.Height / side, side: side, step: side, patch: patch, mpp: mpp}, nil
}

// noScale is ErrNoScale with what the objective lets expect: 10 µm divided by
// its magnification is the usual scale.
func noScale(sl storage.Slide) error {
	if sl.Objective <= 0 {
		return ErrNoScale
	}
	return fmt.Errorf("%w; its objective of %g× usually means %.3g", ErrNoScale, sl.Objective, 10/sl.Objective)
}

// strided is the grid with another step between patches, in pixels as fed.
func (g grid) strided(sl storage.Slide, step int) grid {
	g.step = max(1, int(math.Round(float64(step)*float64(g.side)/float64(g.patch))))
	fit := func(n int) int {
		if n < g.side {
			return 0
		}
		return (n-g.side)/g.step + 1
	}
	g.cols, g.rows = fit(sl.Width), fit(sl.Height)
	return g
}

// cell names a patch of the grid.
type cell struct{ col, row int }

// box is the cell's square in level-0 pixels.
func (g grid) box(c cell) annotate.Box {
	x, y, w := float64(c.col*g.step), float64(c.row*g.step), float64(g.side)
	return annotate.Box{MinX: x, MinY: y, MaxX: x + w, MaxY: y + w}
}

// cellAt is the cell that holds a point, of several the one whose centre lies
// nearest; false outside the grid.
func (g grid) cellAt(p annotate.Point) (cell, bool) {
	off := float64(g.step-g.side) / 2 // nothing where the patches touch
	at := func(v float64) int { return int(math.Floor((v + off) / float64(g.step))) }
	c := cell{at(p.X), at(p.Y)}
	return c, c.col >= 0 && c.row >= 0 && c.col < g.cols && c.row < g.rows
}

// tissueCells lists the cells with enough tissue, row by row.
func (g grid) tissueCells(ctx context.Context, t tiles.Slide) ([]cell, error) {
	return g.cellsWith(ctx, t, minTissue)
}

// cellsWith lists the cells of which at least a share is tissue, row by row.
func (g grid) cellsWith(ctx context.Context, t tiles.Slide, least float64) ([]cell, error) {
	l0 := t.Levels()[0]
	longest := max(l0.Width, l0.Height)
	// Some pixels of the thumbnail per patch, within reason for the memory.
	thumb, err := tiles.Thumbnail(ctx, t, min(max(1024, 8*longest/g.side), 4096))
	if err != nil {
		return nil, err
	}
	if p, ok := t.(tiles.Planar); ok && !p.Stack().InColor {
		negative(thumb) // tissue is what gives light, not what takes it
	}
	mask := tissue.Find(thumb, float64(l0.Width)/float64(thumb.Bounds().Dx()))
	var cells []cell
	for row := range g.rows {
		for col := range g.cols {
			c := cell{col, row}
			b := g.box(c)
			if mask.Fraction(b.MinX, b.MinY, float64(g.side), float64(g.side)) >= least {
				cells = append(cells, c)
			}
		}
	}
	return cells, nil
}

// negative turns light into dark; a pixel stays as opaque as it is.
func negative(m *image.RGBA) {
	for i := 0; i < len(m.Pix); i += 4 {
		for c := range 3 {
			m.Pix[i+c] = m.Pix[i+3] - min(m.Pix[i+c], m.Pix[i+3])
		}
	}
}

// labelled finds the cells that labels of the allowed classes speak for. A cell
// takes the class of the smallest label that holds its centre; a label too
// small to hold any cell's centre (or a point) speaks for the cell in which its
// own centre lies, unless another label does.
func (g grid) labelled(set *annotate.Set, allowed func(class annotate.ID) bool) map[cell]*annotate.Object {
	found := map[cell]*annotate.Object{}
	areas := map[cell]float64{}
	var small []*annotate.Object
	roll := set.Roll() // the shapes of suggestions are not read: there may be very many
	roll.Each(func(n int, b *annotate.Brief) bool {
		if !b.IsLabel() || b.Class.IsZero() || !allowed(b.Class) {
			return true
		}
		o := roll.Object(n)
		if o == nil {
			return true // it cannot be read: the set says so
		}
		area, any := o.ROI.Area(), false
		for c := range g.centresIn(o.ROI) {
			any = true
			if a, taken := areas[c]; !taken || area < a {
				found[c], areas[c] = o, area
			}
		}
		if !any {
			small = append(small, o)
		}
		return true
	})
	for _, o := range small {
		c, inside := g.cellAt(o.ROI.Bounds().Center())
		if inside && found[c] == nil {
			found[c] = o
		}
	}
	return found
}

// centresIn yields the cells whose centres lie in the shape.
func (g grid) centresIn(roi annotate.ROI) func(yield func(cell) bool) {
	return func(yield func(cell) bool) {
		b, off, step := roi.Bounds(), float64(g.step-g.side)/2, float64(g.step)
		c0, r0 := max(0, int(math.Floor((b.MinX+off)/step))), max(0, int(math.Floor((b.MinY+off)/step)))
		c1, r1 := min(g.cols-1, int(math.Floor((b.MaxX+off)/step))), min(g.rows-1, int(math.Floor((b.MaxY+off)/step)))
		for row := r0; row <= r1; row++ {
			for col := c0; col <= c1; col++ {
				c := cell{col, row}
				if roi.Contains(g.box(c).Center()) && !yield(c) {
					return
				}
			}
		}
	}
}

// patchReader reads patches of one slide. It is safe for concurrent use.
type patchReader struct {
	slide  tiles.Slide
	loader *tiles.Loader
	level  int
	px     int // pixels of the level a patch's side
}

// maxRatio is how much finer than wanted the level may be from which patches
// are reduced; beyond, half-size levels are made in between (tiles.Halved), so
// that a patch of a slide without pyramid does not take 100 MB.
const maxRatio = 4

// loaderAt prepares reading a slide by rows at want level-0 pixels a pixel: the slide,
// halved in size where it lacks such a level, that level, and a loader with a cache of
// its own that holds two rows of tiles and gives way to the screen as traffic tells.
func loaderAt(t tiles.Slide, want float64, traffic *tiles.Traffic) (tiles.Slide, int, *tiles.Loader) {
	level := tiles.BestLevel(t.Levels(), want)
	if want/t.Levels()[level].Downsample > maxRatio {
		t = tiles.Halved(t)
		level = tiles.BestLevel(t.Levels(), want)
	}
	l := t.Levels()[level]
	rowBytes := int64(l.Cols()) * int64(l.TileWidth) * int64(l.TileHeight) * 4 * 2
	loader := tiles.NewLoader(t, tiles.NewCache(min(max(rowBytes, 16<<20), 256<<20)), 1, nil)
	loader.Follow(traffic)
	return t, level, loader
}

// newPatchReader prepares reading patches of the grid. The tiles it decodes are
// kept for the neighbours in a cache of its own, beside the viewer's.
//
// It gives way to the screen, as traffic tells.
func newPatchReader(t tiles.Slide, g grid, traffic *tiles.Traffic) *patchReader {
	t, level, loader := loaderAt(t, float64(g.side)/float64(g.patch), traffic)
	return &patchReader{
		slide:  t,
		loader: loader,
		level:  level,
		px:     max(1, int(math.Round(float64(g.side)/t.Levels()[level].Downsample))),
	}
}

// read gives the pixels of a box at the reader's level, on white where the
// slide has none. The encoder, or the export, reduces them to the patch size.
func (r *patchReader) read(ctx context.Context, b annotate.Box) (*image.RGBA, error) {
	img := image.NewRGBA(image.Rect(0, 0, r.px, r.px))
	err := tiles.ReadRegion(ctx, cachedSlide{r.slide, r.loader}, r.level, int(b.MinX), int(b.MinY), img)
	if err != nil {
		return nil, err
	}
	onWhite(img)
	return img, nil
}

// close stops the loader; the slide stays open.
func (r *patchReader) close() { r.loader.Close() }

// cachedSlide is a slide whose tiles come through a loader's cache.
type cachedSlide struct {
	tiles.Slide
	loader *tiles.Loader
}

// ReadTile reads a tile that lies whole in a patch: the neighbours have no part
// of it.
func (s cachedSlide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	return s.loader.ReadInto(ctx, k, dst)
}

// ReadPart copies a part of a tile out of the cache.
func (s cachedSlide) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	l := s.Levels()[k.Level]
	return s.loader.ReadPartInto(ctx, k, r.Min.Sub(l.TileRect(k.Col, k.Row).Min), dst)
}

// onWhite lays premultiplied pixels on white paper.
func onWhite(img *image.RGBA) {
	for i := 0; i < len(img.Pix); i += 4 {
		if a := img.Pix[i+3]; a != 255 {
			for c := range 3 {
				img.Pix[i+c] += 255 - a
			}
			img.Pix[i+3] = 255
		}
	}
}
