package app

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"sync"

	"coverslip/annotate"
	"coverslip/annotate/cover"
	"coverslip/tiles"
	"coverslip/tiles/tiffwrite"
)

// LabelImage describes a pyramid of class numbers that lies over a slide.
type LabelImage struct {
	OME     bool          // levels in SubIFDs as OME-TIFF has them; else as pages, as ASAP and OpenSlide read them
	Classes []annotate.ID // class i has number i+1; 0 is without a label. At most 255
	MPPX    float64       // µm per level-0 pixel; 0 when unknown
	MPPY    float64       //
	Width   int           // level-0 pixels
	Height  int           //
	Labels  []*annotate.Object
}

// labelTile is the pixels of a tile's side.
const labelTile = 512

// WriteLabelImage writes a tiled pyramid of one byte a pixel. Every level is painted
// from the shapes themselves, since numbers of classes cannot be averaged; the
// smallest label lies on top. The bytes depend on the labels alone.
func WriteLabelImage(ctx context.Context, file string, l LabelImage, p Progress) error {
	if len(l.Classes) > 255 {
		return errManyClasses
	}
	number := map[annotate.ID]byte{}
	for i, c := range l.Classes {
		number[c] = byte(i + 1)
	}
	labels := slices.Clone(l.Labels)
	slices.SortFunc(labels, func(a, b *annotate.Object) int {
		return cmp.Or(cmp.Compare(b.ROI.Area(), a.ROI.Area()), slices.Compare(a.ID[:], b.ID[:]))
	})
	o := &tiffwrite.OMEFile{Name: "labels", Packing: tiffwrite.PackingDeflate, Bits: 8, MPPX: l.MPPX, MPPY: l.MPPY,
		Channels: []tiffwrite.OMEChannel{{Name: "class"}}, Flat: !l.OME}
	total := 0
	for d := 1; ; d *= 2 {
		w, h := max(1, l.Width/d), max(1, l.Height/d)
		o.Levels = append(o.Levels, tiffwrite.OMELevel{Width: w, Height: h, TileWidth: labelTile, TileHeight: labelTile, Downsample: float64(d)})
		total += rowsOf(h)
		if max(w, h) <= 1024 {
			break
		}
	}
	done := 0
	return tiffwrite.WriteOME(ctx, file, o, func(put tiffwrite.Put) error {
		for level, size := range o.Levels {
			for row := range rowsOf(size.Height) {
				data, err := labelRow(ctx, size, row, labels, number)
				if err != nil {
					return err
				}
				for col, b := range data {
					if err := put(0, level, col, row, b); err != nil {
						return err
					}
				}
				done++
				p.report("Writing label images", done, total)
			}
		}
		return nil
	})
}

func rowsOf(n int) int { return (n + labelTile - 1) / labelTile }

// labelRow paints and packs a row of tiles on the processors.
func labelRow(ctx context.Context, size tiffwrite.OMELevel, row int, labels []*annotate.Object, number map[annotate.ID]byte) ([][]byte, error) {
	cols := rowsOf(size.Width)
	out, errs := make([][]byte, cols), make([]error, cols)
	span := float64(labelTile) * size.Downsample
	var touching []*annotate.Object
	for _, o := range labels {
		if b := o.ROI.Bounds(); b.MaxY > float64(row)*span && b.MinY < float64(row+1)*span && number[o.Class] > 0 {
			touching = append(touching, o)
		}
	}
	todo := make(chan int)
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			var painter cover.Painter
			mask := make([]byte, labelTile*labelTile)
			r := tiles.Raster{Width: labelTile, Height: labelTile, Uint16: make([]uint16, labelTile*labelTile)}
			for col := range todo {
				clear(mask)
				w := cover.Window{X: float64(col) * span, Y: float64(row) * span, Step: size.Downsample, W: labelTile, H: labelTile}
				b := w.Box()
				for _, o := range touching {
					if q := o.ROI.Bounds(); q.MaxX > b.MinX && q.MinX < b.MaxX {
						painter.Paint(w, o.ROI, mask, number[o.Class])
					}
				}
				for i, v := range mask {
					r.Uint16[i] = uint16(v)
				}
				out[col], errs[col] = tiffwrite.PackTile(tiffwrite.PackingDeflate, &r, 8)
			}
		})
	}
	for col := range cols {
		todo <- col
	}
	close(todo)
	group.Wait()
	return out, firstError(append(errs, ctx.Err())...)
}

// writePyramids writes a label image for each slide of a dataset.
func (x *exporter) writePyramids(ctx context.Context) error {
	if x.o.Pyramids == "" {
		return nil
	}
	var ids []annotate.ID
	for _, c := range x.classes {
		ids = append(ids, c.id)
	}
	for _, e := range x.slides {
		l := LabelImage{OME: x.o.Pyramids == "ome", Classes: ids, MPPX: e.item.MPPX, MPPY: e.item.MPPY, Width: e.item.Width, Height: e.item.Height}
		set, err := x.s.Objects(e.item.ID)
		if err != nil {
			return err
		}
		set.All(func(o *annotate.Object) bool {
			if o.IsLabel() && o.ROI.IsArea() {
				l.Labels = append(l.Labels, o)
			}
			return true
		})
		name := path.Join("labels", e.id+map[bool]string{true: ".ome.tif", false: ".tif"}[l.OME])
		if x.o.Format == LayoutYOLO {
			name = path.Join("slides", path.Base(name)) // labels/ is taken by the texts of boxes
		}
		if err := mkdirOf(x.path(name)); err != nil {
			return err
		}
		if err := WriteLabelImage(ctx, x.path(name), l, nil); err != nil {
			return fmt.Errorf("slide %s: %w", e.item.Name, err)
		}
		x.inside = append(x.inside, name)
	}
	return nil
}
