package ventana

import (
	"context"
	"image"
	"image/color"
	"math"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/mosaic"
	"coverslip/tiles/tiff"
)

// plan is where the photos of all areas lie on level 0.
type plan struct {
	areas   []*placedArea
	advance [2]float64  // pixels between the corners of neighbours, on the average
	tile    image.Point // pixels of a photo
	owner   []int32     // of each stored tile the number of its area plus 1
	cols    int         // stored tiles in a row
}

// placedArea is an area on level 0. Exactly one of the two descriptions is used.
type placedArea struct {
	*area
	// x, y: the corner of its first photo as OpenSlide computes it; the others
	// follow at whole multiples of the advance.
	x, y float64
	// lefts, tops: the place of each column and row, whole pixels.
	lefts, tops []float64
}

// newPlan computes places. Areas must lie among the stored tiles of level 0.
func newPlan(info *encodeInfo, m *tiff.Image) (*plan, error) {
	p := &plan{tile: image.Pt(m.TileWidth, m.TileHeight), cols: m.Cols(), owner: make([]int32, m.Cols()*m.Rows())}
	if p.tile.X > math.MaxUint16 || p.tile.Y > math.MaxUint16 {
		return nil, bad(nil, "tiles of %d×%d pixels", p.tile.X, p.tile.Y)
	}
	claimed := 0
	for i, a := range info.areas {
		if a.tileW != m.TileWidth || a.tileH != m.TileHeight {
			return nil, bad(nil, "area %d has tiles of %d×%d pixels where %d×%d are stored", i, a.tileW, a.tileH, m.TileWidth, m.TileHeight)
		}
		if a.startCol+a.cols > m.Cols() || a.startRow+a.rows > m.Rows() {
			return nil, bad(nil, "area %d: %d×%d tiles from (%d,%d) on lie outside the %d×%d stored ones", i, a.cols, a.rows, a.startCol, a.startRow, m.Cols(), m.Rows())
		}
		if claimed += a.cols * a.rows; claimed > 4*len(p.owner) {
			return nil, bad(nil, "areas claim %d tiles of %d stored ones", claimed, len(p.owner))
		}
		p.areas = append(p.areas, &placedArea{area: a})
		for r := a.startRow; r < a.startRow+a.rows; r++ {
			for c := a.startCol; c < a.startCol+a.cols; c++ {
				p.owner[r*p.cols+c] = int32(i + 1) // the later area, as in OpenSlide
			}
		}
	}
	if err := p.average(); err != nil {
		return nil, err
	}
	if info.turned {
		return p, p.byGaps()
	}
	p.byAverage()
	return p, nil
}

// average computes the mean advance of all joints, weighted by confidence.
func (p *plan) average() error {
	var sum, weight [2]float64
	var count [2]int
	for _, a := range p.areas {
		for _, j := range a.joints {
			axis := 0
			if j.vertical {
				axis = 1
			}
			sum[axis] -= j.confidence * j.overlap
			weight[axis] += j.confidence
			count[axis]++
		}
	}
	for axis, tile := range []int{p.tile.X, p.tile.Y} {
		p.advance[axis] = float64(tile)
		if count[axis] == 0 { // a single row or column
			continue
		}
		if weight[axis] == 0 {
			return bad(nil, "all %d joints in %s have confidence 0", count[axis], []string{"x", "y"}[axis])
		}
		p.advance[axis] += sum[axis] / weight[axis]
		if !sane(p.advance[axis], tile) {
			return bad(nil, "tiles of %d pixels lie %g apart in %s", tile, p.advance[axis], []string{"x", "y"}[axis])
		}
	}
	return nil
}

// sane says whether photos can lie so far apart: real ones overlap by a tenth.
func sane(advance float64, tile int) bool {
	return advance >= float64(tile)/4 && advance <= 2*float64(tile)
}

// byAverage places areas as OpenSlide does: at Pos-X; Pos-Y is the distance of
// an area's lower edge from a point below all areas.
func (p *plan) byAverage() {
	heights, top := make([]float64, len(p.areas)), 0.0
	for i, a := range p.areas {
		a.x, a.y = math.Trunc(a.posX), math.Trunc(a.posY)
		heights[i] = math.Trunc(float64(a.rows-1)*p.advance[1] + float64(p.tile.Y))
		top = max(top, a.y+heights[i])
	}
	for i, a := range p.areas {
		a.y = top - a.y - heights[i]
	}
}

// byGaps gives each column and row of each area the distance of its own joints,
// and the whole the origin (0,0).
func (p *plan) byGaps() error {
	corner := image.Pt(math.MaxInt, math.MaxInt)
	for i, a := range p.areas {
		var err error
		if a.lefts, err = a.along(false, a.cols, p.tile.X); err == nil {
			a.tops, err = a.along(true, a.rows, p.tile.Y)
		}
		if err != nil {
			return bad(err, "area %d", i)
		}
		corner = image.Pt(min(corner.X, a.originX), min(corner.Y, a.originY))
	}
	for _, a := range p.areas {
		for i := range a.lefts {
			a.lefts[i] += float64(a.originX - corner.X)
		}
		for i := range a.tops {
			a.tops[i] += float64(a.originY - corner.Y)
		}
	}
	return nil
}

// along is where the n columns or rows of an area begin, in whole pixels. A gap
// overlaps by the mean of its joints, weighted by confidence; a gap without a
// joint that is trusted by the median of the others.
func (a *area) along(vertical bool, n, tile int) ([]float64, error) {
	sum, weight := make([]float64, n), make([]float64, n)
	for _, j := range a.joints {
		if j.vertical == vertical && j.joined {
			sum[j.gap] += j.confidence * j.overlap
			weight[j.gap] += j.confidence
		}
	}
	var known []float64
	for i := range n {
		if weight[i] > 0 {
			sum[i] = math.Round(sum[i] / weight[i])
			known = append(known, sum[i])
		}
	}
	usual := 0.0
	if len(known) > 0 {
		slices.Sort(known)
		usual = known[len(known)/2]
	}
	out := make([]float64, n)
	for i := 1; i < n; i++ {
		overlap := usual
		if weight[i-1] > 0 {
			overlap = sum[i-1]
		}
		if !sane(float64(tile)-overlap, tile) {
			return nil, bad(nil, "tiles of %d pixels overlap by %g", tile, overlap)
		}
		out[i] = out[i-1] + float64(tile) - overlap
	}
	return out, nil
}

// corner is where a photo, by its stored column and row, lies on a level. The
// order of operations is OpenSlide's: level sizes are rounded up from it.
func (p *plan) corner(a *placedArea, col, row int, down float64) (x, y float64) {
	if a.lefts != nil {
		return a.lefts[col-a.startCol] / down, a.tops[row-a.startRow] / down
	}
	offX := (a.x - float64(a.startCol)*p.advance[0]) / down
	offY := (a.y - float64(a.startRow)*p.advance[1]) / down
	return float64(col)*(p.advance[0]/down) + offX, float64(row)*(p.advance[1]/down) + offY
}

// regions is where the areas lie, in level-0 pixels.
func (p *plan) regions() []image.Rectangle {
	var out []image.Rectangle
	for _, a := range p.areas {
		x0, y0 := p.corner(a, a.startCol, a.startRow, 1)
		x1, y1 := p.corner(a, a.startCol+a.cols-1, a.startRow+a.rows-1, 1)
		w, h := math.Ceil(x1-x0+float64(p.tile.X)), math.Ceil(y1-y0+float64(p.tile.Y))
		at := image.Pt(int(x0), int(y0))
		out = append(out, image.Rectangle{Min: at, Max: at.Add(image.Pt(int(w), int(h)))})
	}
	return out
}

// level makes the stored tiles of a level, each of down×down shrunk photos, a
// level of placed pieces.
func (p *plan) level(m *tiff.Image, down int, background color.NRGBA, kept *mosaic.Kept) (tiff.Grid, error) {
	scale := float64(down)
	w, h := float64(p.tile.X)/scale, float64(p.tile.Y)/scale
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	var pieces []mosaic.Piece
	for i, owner := range p.owner {
		if owner == 0 {
			continue
		}
		col, row := i%p.cols, i/p.cols
		x, y := p.corner(p.areas[owner-1], col, row, scale)
		left, top, right, bottom = min(left, x), min(top, y), max(right, x+w), max(bottom, y+h)
		if max(math.Abs(x), math.Abs(y)) > tiff.MaxSide-float64(1<<20) {
			return nil, bad(nil, "a tile lies at (%g,%g)", x, y)
		}
		if c, ok := piece(m, col, row, down, x, y, w, h); ok {
			pieces = append(pieces, c)
		}
	}
	// OpenSlide's x+w: right edges go through their distance from the left one.
	lw, lh := math.Ceil(left+(right-left)), math.Ceil(top+(bottom-top))
	if lw < 1 || lh < 1 || lw > tiff.MaxSide || lh > tiff.MaxSide {
		return nil, bad(nil, "level of %g×%g pixels", lw, lh)
	}
	l := tiles.Level{Width: int(lw), Height: int(lh), Downsample: scale, TileWidth: p.tile.X, TileHeight: p.tile.Y}
	// A virtual tile as large as photos are apart needs one of them alone.
	if !p.gapped() {
		l.TileWidth = max(p.tile.X/2, min(p.tile.X, int(math.Round(p.advance[0]))), 1)
		l.TileHeight = max(p.tile.Y/2, min(p.tile.Y, int(math.Round(p.advance[1]))), 1)
	}
	return mosaic.NewPlaced(name, l, photos{m}, pieces, background, kept)
}

// gapped says whether columns and rows have distances of their own.
func (p *plan) gapped() bool { return p.areas[0].lefts != nil }

// piece is the part of a stored tile that a photo has shrunk to, at its place
// rounded to whole pixels; ok is false for one that has no pixel.
func piece(m *tiff.Image, col, row, down int, x, y, w, h float64) (mosaic.Piece, bool) {
	sc, sr := col/down, row/down
	if sc >= m.Cols() || sr >= m.Rows() {
		return mosaic.Piece{}, false
	}
	size := m.Rect(sc, sr).Size()
	px, pw, cx := side(x, w, float64(col%down)*w, m.TileWidth, size.X)
	py, ph, cy := side(y, h, float64(row%down)*h, m.TileHeight, size.Y)
	if pw < 1 || ph < 1 {
		return mosaic.Piece{}, false
	}
	return mosaic.Piece{Picture: int32(sr*m.Cols() + sc), X: int32(px), Y: int32(py), CropX: uint16(cx), CropY: uint16(cy), W: uint16(pw), H: uint16(ph)}, true
}

// side rounds one side: a part of a tile, which begins at crop and has a width,
// lies at a place. Both of its edges are rounded, so that neighbours leave no
// gap; of the tile only what is there is taken.
func side(at, width, crop float64, tile, there int) (place, pixels, from int) {
	place = int(math.Round(at))
	pixels = int(math.Round(at+width)) - place
	from = max(0, min(int(math.Round(crop)), tile-pixels))
	return place, min(pixels, there-from), from
}

// photos are the stored tiles of a level, counted row by row.
type photos struct{ m *tiff.Image }

// Size implements mosaic.Pictures.
func (p photos) Size(i int) image.Point {
	return p.m.Rect(i%p.m.Cols(), i/p.m.Cols()).Size()
}

// ReadPicture implements mosaic.Pictures.
func (p photos) ReadPicture(ctx context.Context, i int, dst *image.RGBA) error {
	return p.m.ReadTile(ctx, i%p.m.Cols(), i/p.m.Cols(), dst)
}
