package flat

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/tiff"
)

// tiffName is the name of the reader of TIFF in strips.
const tiffName = "tiff-strips"

// FormatTIFF returns the reader of TIFF in strips, which decodes through codecs.
func FormatTIFF(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: tiffName, Vendor: "TIFF in strips",
		Detect: func(src *tiles.Source) error {
			f, err := tiff.ParseSource(src)
			if err != nil {
				return err
			}
			if f.Directories()[0].Tiled() {
				return errors.New("TIFF in tiles")
			}
			return nil
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) {
			return openTIFF(ctx, src, codecs, usual())
		},
	}
}

func openTIFF(ctx context.Context, src *tiles.Source, codecs *codec.Set, lim limits) (tiles.Slide, error) {
	f, err := tiff.ParseSource(src)
	if err != nil {
		return nil, err
	}
	first := f.Directories()[0]
	base, err := first.Image(codecs)
	if err != nil {
		return nil, fmt.Errorf("tiles/flat: level 0: %w", err)
	}
	if err := believable(base, src.Size()); err != nil {
		return nil, err
	}
	p := &picture{format: tiffName, limits: lim, width: base.Width, height: base.Height, orientation: first.Orientation(), channels: base.Channels()}
	p.info.Vendor, p.info.Background = "Generic", p.background()
	first.Describe(&p.info)
	if p.icc, err = first.Bytes(tiff.TagICCProfile); err != nil {
		p.icc = nil
		p.info.Warnings = append(p.info.Warnings, "colour profile left out: "+err.Error())
	}
	p.cell = cellOf(base, p.channels)
	p.rows = func(ctx context.Context, row func([]byte) error) error { return stripRows(ctx, base, p, row) }
	s := &strips{image: base, level: tiles.Level{Width: base.Width, Height: base.Height, Downsample: 1, TileWidth: 256, TileHeight: 256},
		kept: newKept(stripBytes), float: p.cell.size == 4, background: p.info.Background}
	p.direct = s
	p.smaller = smaller(f, base, s.kept, p, codecs)
	return p.open(ctx, src)
}

// believable refuses a file whose strips cannot hold what it claims.
func believable(m *tiff.Image, fileSize int64) error {
	most := map[int]int64{ // bytes that a packed byte can become
		tiff.CompressionNone: 1, tiff.CompressionPackBits: 64, tiff.CompressionLZW: 4096, tiff.CompressionDeflate: 1032, tiff.CompressionDeflateOld: 1032,
	}[m.Compression]
	claims := int64(m.Width) * int64(m.Height) / 8 * int64(m.Samples) * int64(m.Bits)
	if most > 0 && claims/most > fileSize && !m.Sparse() {
		return bad(tiffName, "%d×%d pixels in %d samples of %d bits do not fit a file of %d bytes", m.Width, m.Height, m.Samples, m.Bits, fileSize)
	}
	return nil
}

// cellOf is what a pixel of an image becomes.
func cellOf(m *tiff.Image, channels []tiles.Channel) cell {
	switch {
	case channels != nil && (channels[0].Float || channels[0].Bits > 16):
		return cell{len(channels), 4}
	case channels != nil:
		return cell{len(channels), 2}
	case m.HasAlpha() || m.Compression == tiff.CompressionWebP:
		return cell{4, 1}
	case m.Samples == 1 && m.Photometric <= 1:
		return cell{1, 1}
	}
	return cell{3, 1}
}

// stripRows gives the rows of an image, strip by strip. A strip that cannot be
// decoded, or was never stored, is background: one bad strip must not close a
// slide. A warning tells.
func stripRows(ctx context.Context, m *tiff.Image, p *picture, row func([]byte) error) error {
	out := make([]byte, m.Width*p.cell.bytes())
	var first error
	good := false
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	next := ahead(ctx, m, p)
	for r := range m.Rows() {
		d, ok := <-next
		if !ok {
			return ctx.Err()
		}
		s := <-d
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case s.err == nil:
			good = true
		case errors.Is(s.err, tiles.ErrMissing):
		case first == nil:
			first = fmt.Errorf("strip %d: %w", r, s.err)
		}
		for y := range m.Rect(0, r).Dy() {
			s.emit(out, y)
			if err := row(out); err != nil {
				return err
			}
		}
	}
	if first != nil && !good { // the tiles of level 0 will tell too
		p.info.Warnings = append(p.info.Warnings, fmt.Sprintf("the picture cannot be read: %v", first))
	} else if first != nil {
		p.info.Warnings = append(p.info.Warnings, fmt.Sprintf("not all of the picture can be read: %v", first))
	}
	return nil
}

// decoded is a strip whose rows emit packs.
type decoded struct {
	emit func(out []byte, y int)
	err  error
}

// aheadPixels bounds the strips that are decoded before they are needed.
const aheadPixels = 1 << 22

// ahead decodes the strips of an image, as many at once as there are processors,
// and gives them in order. It ends with ctx.
func ahead(ctx context.Context, m *tiff.Image, p *picture) <-chan chan decoded {
	n := min(runtime.GOMAXPROCS(0), aheadPixels/(m.TileWidth*m.TileHeight))
	next := make(chan chan decoded, n)
	go func() {
		defer close(next)
		for r := range m.Rows() {
			d := make(chan decoded, 1)
			select {
			case next <- d:
			case <-ctx.Done():
				return
			}
			go func() {
				emit, err := strip(ctx, m, p, r, m.Rect(0, r).Size())
				d <- decoded{emit, err}
			}()
		}
	}()
	return next
}

// strip decodes one strip; emit packs its rows.
func strip(ctx context.Context, m *tiff.Image, p *picture, r int, size image.Point) (emit func(out []byte, y int), err error) {
	if p.cell.colour() {
		img := image.NewRGBA(image.Rectangle{Max: size})
		if err = m.ReadTile(ctx, 0, r, img); err != nil {
			tiles.Fill(img, p.info.Background)
		}
		return func(out []byte, y int) { p.cell.pack(out, rowOf(img, y)) }, err
	}
	rasters := make([]*tiles.Raster, p.cell.samples)
	for c := range rasters {
		rasters[c] = p.channels[c].Raster(size.X, size.Y)
		if e := m.ReadSamples(ctx, 0, r, c, rasters[c]); e != nil {
			clear(rasters[c].Uint16)
			clear(rasters[c].Float32)
			err = e
		}
	}
	return func(out []byte, y int) {
		for c, ra := range rasters {
			p.cell.put(out, ra, y*size.X, size.X, c)
		}
	}, err
}

// smaller finds the levels that a file has; nil when they leave too much to
// average, or there are none.
func smaller(f *tiff.File, base *tiff.Image, kept *kept, p *picture, codecs *codec.Set) []tiff.Grid {
	const reduced, mask = 1, 4 // bits of NewSubfileType, TIFF 6.0 section 8
	first := f.Directories()[0]
	others := append(slices.Clone(f.Directories()[1:]), first.Sub()...)
	var found []*tiff.Image
	pages := 0
	for i, d := range others {
		t, err := d.Uint(tiff.TagNewSubfileType, 0)
		if err != nil || t&mask != 0 {
			continue
		}
		if t&reduced == 0 && i < len(others)-len(first.Sub()) {
			pages++
			continue
		}
		m, err := d.Image(codecs)
		if err != nil || m.InColor() != base.InColor() || !m.InColor() && (m.Samples != base.Samples || m.Bits != base.Bits || m.Format != base.Format) {
			continue
		}
		found = append(found, m)
	}
	if pages > 0 {
		p.info.Warnings = append(p.info.Warnings, fmt.Sprintf("%d further pictures of the file are not shown", pages))
	}
	slices.SortStableFunc(found, func(a, b *tiff.Image) int { return b.Width - a.Width })
	var out []tiff.Grid
	turner := tiff.NewTurner(p.info.Background)
	last := base.Width
	for _, m := range found {
		if m.Width >= last || m.Width < last/5 || m.Height > base.Height {
			continue
		}
		last = m.Width
		var g tiff.SampleGrid = m
		if m.Strips {
			l := tiles.Level{Width: m.Width, Height: m.Height, TileWidth: 256, TileHeight: 256}
			g = &strips{image: m, level: l, kept: kept, float: p.cell.size == 4, background: p.info.Background}
		}
		out = append(out, turner.Turn(g, p.orientation))
	}
	if out == nil || last > 4*smallest {
		return nil
	}
	return out
}
