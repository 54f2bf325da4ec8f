package aperio

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// maxRepairRatio bounds the pixels of the finer level that one missing tile may
// cost; Aperio's levels step by 4 at most.
const maxRepairRatio = 8

// slide is a TIFF slide whose missing tiles of lower levels are made from the
// next finer level.
type slide struct {
	*tiff.Slide
	src *tiles.Source
	// doubtful are the tiles of each level that were made of missing ones, row
	// by row; nil for a level without such. Encoders wrote rubbish into some of
	// them, so that they are made anew too, as OpenSlide does.
	doubtful [][]bool
}

func newSlide(p tiff.Parts) (*slide, error) {
	images := p.Levels
	s, err := tiff.NewSlide(p)
	if err != nil {
		return nil, err
	}
	out := &slide{Slide: s, src: p.Source, doubtful: make([][]bool, len(s.Levels()))}
	var below *tiff.Image // the level before
	var missing []bool    // its tiles that are missing or doubtful
	for i, l := range s.Levels() {
		at := slices.IndexFunc(images, func(g tiff.Grid) bool { return g.Level().Width == l.Width && g.Level().Height == l.Height })
		m := images[at].(*tiff.Image)
		if missing != nil {
			out.doubtful[i] = above(missing, below, m)
		}
		below, missing = m, slices.Clone(out.doubtful[i])
		for t := range m.Cols() * m.Rows() {
			if m.Stored(t%m.Cols(), t/m.Cols()) {
				continue
			}
			if missing == nil {
				missing = make([]bool, m.Cols()*m.Rows())
			}
			missing[t] = true
		}
	}
	return out, nil
}

// above are the tiles of a level that were made of the missing ones of the level
// before, by how many tiles go into one.
func above(missing []bool, before, m *tiff.Image) []bool {
	cols, rows := m.Cols(), m.Rows()
	concat := func(n, of int) int { return max(1, int(math.Round(float64(n)/float64(of)))) }
	cx, cy := concat(before.Cols(), cols), concat(before.Rows(), rows)
	out := make([]bool, cols*rows)
	for t, is := range missing {
		if is {
			out[min(t/before.Cols()/cy, rows-1)*cols+min(t%before.Cols()/cx, cols-1)] = true
		}
	}
	return out
}

// ReadTile implements tiles.Slide.
func (s *slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if s.isDoubtful(k, dst.Rect.Size()) {
		if err := s.src.Err(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		tiles.Fill(dst, s.Info().Background)
		return s.repair(ctx, k, dst)
	}
	err := s.Slide.ReadTile(ctx, k, dst)
	if k.Level > 0 && errors.Is(err, tiles.ErrMissing) {
		return s.repair(ctx, k, dst)
	}
	return err
}

// CodedTile implements tiles.Coded; a tile that ReadTile makes anew is not coded.
func (s *slide) CodedTile(ctx context.Context, k tiles.Key, dst []byte) ([]byte, error) {
	if k.Level > 0 && k.Level < len(s.doubtful) && s.doubtful[k.Level] != nil {
		return dst, tiles.ErrNotCoded
	}
	return s.Slide.CodedTile(ctx, k, dst)
}

// isDoubtful says whether a tile is made anew though it is stored.
func (s *slide) isDoubtful(k tiles.Key, size image.Point) bool {
	if k.Level < 1 || k.Level >= len(s.doubtful) || s.doubtful[k.Level] == nil || s.ratio(k.Level) > maxRepairRatio {
		return false
	}
	l := s.Levels()[k.Level]
	if r := l.TileRect(k.Col, k.Row); k.Col < 0 || k.Row < 0 || r.Empty() || r.Size() != size {
		return false // the reader's own answer
	}
	return s.doubtful[k.Level][k.Row*l.Cols()+k.Col]
}

// ratio is the pixels of the level before in one of a level, along the side
// where they are more.
func (s *slide) ratio(level int) float64 {
	l, fine := s.Levels()[level], s.Levels()[level-1]
	return max(float64(fine.Width)/float64(l.Width), float64(fine.Height)/float64(l.Height))
}

// repair makes a tile of a lower level, which holds background, from the next
// finer level.
func (s *slide) repair(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if s.ratio(k.Level) > maxRepairRatio {
		return tiles.ErrMissing
	}
	l, fine := s.Levels()[k.Level], s.Levels()[k.Level-1]
	rx, ry := float64(fine.Width)/float64(l.Width), float64(fine.Height)/float64(l.Height)
	r := l.TileRect(k.Col, k.Row)
	under := image.Rect(int(math.Floor(float64(r.Min.X)*rx)), int(math.Floor(float64(r.Min.Y)*ry)),
		int(math.Ceil(float64(r.Max.X)*rx)), int(math.Ceil(float64(r.Max.Y)*ry))).Intersect(image.Rect(0, 0, fine.Width, fine.Height))
	if under.Dx() < r.Dx() || under.Dy() < r.Dy() {
		return tiles.ErrMissing
	}
	src := image.NewRGBA(image.Rectangle{Max: under.Size()})
	x0, y0 := math.Round(float64(under.Min.X)*fine.Downsample), math.Round(float64(under.Min.Y)*fine.Downsample)
	// ReadRegion reads through ReadTile, so a gap may be filled over several
	// levels.
	if err := tiles.ReadRegion(ctx, s, k.Level-1, int(x0), int(y0), src); err != nil {
		var bad *tiles.TileError
		if errors.As(err, &bad) {
			return &tiles.TileError{Key: k, Err: err}
		}
		return err
	}
	if !over(dst, tiles.Shrink(src, r.Dx(), r.Dy())) {
		return tiles.ErrMissing
	}
	return nil
}

// ReadPart implements tiles.PartReader.
func (s *slide) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	if k.Level > 0 && k.Level < len(s.doubtful) && s.isDoubtful(k, s.Levels()[k.Level].TileRect(k.Col, k.Row).Size()) {
		return tiles.ReadWholeFor(ctx, s, k, r, dst)
	}
	ok, err := s.TilePart(ctx, k, r, dst)
	if ok && (k.Level == 0 || !errors.Is(err, tiles.ErrMissing)) {
		return err
	}
	return tiles.ReadWholeFor(ctx, s, k, r, dst)
}

// over draws src, both of one size, over the background that dst holds, and
// says whether there was anything to draw.
func over(dst, src *image.RGBA) (any bool) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range h {
		to, from := dst.Pix[y*dst.Stride:y*dst.Stride+4*w], src.Pix[y*src.Stride:]
		for x := 0; x < len(to); x += 4 {
			a := uint32(from[x+3])
			if a == 0 {
				continue
			}
			any = true
			for c := range 4 {
				to[x+c] = byte(min(255, uint32(from[x+c])+(uint32(to[x+c])*(255-a)+127)/255))
			}
		}
	}
	return any
}
