package mosaic

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Limits of a level of placed pieces.
const (
	// maxPieces of a level; the largest slides have about a million photos.
	maxPieces = 1 << 24
	// maxOverlap is how many pieces may lie on a pixel, on the average of a
	// bucket: real ones overlap at their edges, four in a corner. Each is
	// decoded for every virtual tile it meets.
	maxOverlap = 32
)

// Pictures are the stored pictures, numbered from 0, that pieces are cut from.
// Implementations are safe for concurrent use.
type Pictures interface {
	// Size is the size of picture i in pixels, (0,0) when there is none. It is
	// asked at opening and must not decode.
	Size(i int) image.Point
	// ReadPicture decodes picture i into dst, which has its size. It returns
	// tiles.ErrMissing for a picture that was never stored.
	ReadPicture(ctx context.Context, i int, dst *image.RGBA) error
}

// Piece is a part of a stored picture and where it lies. It is small: a level
// may have millions.
type Piece struct {
	Picture      int32  // number of the stored picture
	X, Y         int32  // where the piece's upper left corner lies, pixels of the level
	CropX, CropY uint16 // where it begins in the picture, pixels
	W, H         uint16 // its size, pixels
}

// rect is where the piece lies on the level.
func (p *Piece) rect() image.Rectangle {
	return image.Rect(int(p.X), int(p.Y), int(p.X)+int(p.W), int(p.Y)+int(p.H))
}

// Placed is a level of which every piece has a place of its own; it implements
// tiff.Grid. Of pieces that overlap, the later in the list is on top.
//
// Pieces are found through buckets: rectangles of 2^n×2^n virtual tiles, so that
// a virtual tile lies in one bucket and the buckets are not many more than the
// pieces, however thinly they are spread over the level.
type Placed struct {
	format     string
	level      tiles.Level
	pictures   Pictures
	pieces     []Piece
	background color.NRGBA
	kept       *Kept
	finder     Finder // finds the pieces, where there is no list of them

	shift   int      // a bucket is 1<<shift virtual tiles wide and high
	columns int      // of buckets
	starts  []uint32 // where the list of a bucket begins in items, and the last one's end
	items   []int32  // numbers of pieces, each bucket's ascending
}

// NewPlaced makes a level of pieces, which it keeps; a piece whose rectangle is
// empty or beside the level is never drawn. It refuses, with a
// *tiles.FormatError of the named format, pieces that lie outside their
// pictures, pictures too large, levels of too many tiles and pieces heaped on
// each other.
func NewPlaced(format string, level tiles.Level, pictures Pictures, pieces []Piece, background color.NRGBA, kept *Kept) (*Placed, error) {
	p := &Placed{format: format, level: level, pictures: pictures, pieces: pieces, background: background, kept: kept}
	if err := p.checkLevel(); err != nil {
		return nil, err
	}
	if len(pieces) > maxPieces {
		return nil, p.bad("%d pieces are more than %d", len(pieces), maxPieces)
	}
	for i := range pieces {
		if err := p.check(&pieces[i]); err != nil {
			return nil, err
		}
	}
	if err := p.fill(); err != nil {
		return nil, err
	}
	return p, nil
}

// checkLevel refuses levels of too many tiles and tiles of too many pixels.
func (p *Placed) checkLevel() error {
	level := p.level
	if level.Width < 1 || level.Height < 1 || level.Width > tiff.MaxSide || level.Height > tiff.MaxSide {
		return p.bad("level of %d×%d pixels", level.Width, level.Height)
	}
	if level.TileWidth < 1 || level.TileHeight < 1 || level.TileWidth*level.TileHeight > maxTilePixels {
		return p.bad("virtual tiles of %d×%d pixels", level.TileWidth, level.TileHeight)
	}
	if n := int64(level.Cols()) * int64(level.Rows()); n > tiff.MaxTiles {
		return p.bad("%d×%d pixels make %d tiles, more than %d", level.Width, level.Height, n, tiff.MaxTiles)
	}
	return nil
}

// check refuses a piece that lies outside its picture.
func (p *Placed) check(c *Piece) error {
	size := p.pictures.Size(int(c.Picture))
	if size.X < 0 || size.Y < 0 || int64(size.X)*int64(size.Y) > maxTilePixels {
		return p.bad("stored picture %d of %d×%d pixels is too large", c.Picture, size.X, size.Y)
	}
	if int(c.CropX)+int(c.W) > size.X || int(c.CropY)+int(c.H) > size.Y {
		return p.bad("a piece of %d×%d pixels at (%d,%d) of picture %d, which has %d×%d", c.W, c.H, c.CropX, c.CropY, c.Picture, size.X, size.Y)
	}
	return nil
}

func (p *Placed) bad(format string, args ...any) error {
	return &tiles.FormatError{Format: p.format, What: fmt.Sprintf(format, args...)}
}

// fill sorts the pieces into buckets: it counts, then writes.
func (p *Placed) fill() error {
	cells := func(n int) int { return (n-1)>>p.shift + 1 }
	for cells(p.level.Cols())*cells(p.level.Rows()) > 2*len(p.pieces)+64 {
		p.shift++
	}
	for p.shift < 24 && p.met() > 64*int64(len(p.pieces)) { // pieces far larger than a virtual tile
		p.shift++
	}
	p.columns = cells(p.level.Cols())
	p.starts = make([]uint32, p.columns*cells(p.level.Rows())+1)
	area := make([]int64, len(p.starts)) // pixels of pieces
	p.visit(func(_ int32, bucket int, pixels int64) {
		p.starts[bucket+1]++
		area[bucket] += pixels
	})
	full := int64(p.level.TileWidth<<p.shift) * int64(p.level.TileHeight<<p.shift)
	for i, a := range area {
		if a/maxOverlap > full {
			return p.bad("more than %d pieces overlap near (%d,%d)", maxOverlap, i%p.columns*p.level.TileWidth<<p.shift, i/p.columns*p.level.TileHeight<<p.shift)
		}
	}
	for i := 1; i < len(p.starts); i++ {
		p.starts[i] += p.starts[i-1]
	}
	p.items = make([]int32, p.starts[len(p.starts)-1])
	next := append([]uint32(nil), p.starts...)
	p.visit(func(piece int32, bucket int, _ int64) {
		p.items[next[bucket]] = piece
		next[bucket]++
	})
	return nil
}

// met is how many buckets the pieces meet, one by one.
func (p *Placed) met() (n int64) {
	canvas := image.Rect(0, 0, p.level.Width, p.level.Height)
	w, h := p.level.TileWidth<<p.shift, p.level.TileHeight<<p.shift
	for i := range p.pieces {
		if r := p.pieces[i].rect().Intersect(canvas); !r.Empty() {
			n += int64((r.Max.X-1)/w-r.Min.X/w+1) * int64((r.Max.Y-1)/h-r.Min.Y/h+1)
		}
	}
	return n
}

// visit names each bucket that each piece meets, and on how many pixels.
func (p *Placed) visit(f func(piece int32, bucket int, pixels int64)) {
	canvas := image.Rect(0, 0, p.level.Width, p.level.Height)
	w, h := p.level.TileWidth<<p.shift, p.level.TileHeight<<p.shift
	for i := range p.pieces {
		r := p.pieces[i].rect().Intersect(canvas)
		if r.Empty() {
			continue
		}
		for by := r.Min.Y / h; by <= (r.Max.Y-1)/h; by++ {
			high := min(r.Max.Y, (by+1)*h) - max(r.Min.Y, by*h)
			for bx := r.Min.X / w; bx <= (r.Max.X-1)/w; bx++ {
				wide := min(r.Max.X, (bx+1)*w) - max(r.Min.X, bx*w)
				f(int32(i), by*p.columns+bx, int64(wide)*int64(high))
			}
		}
	}
}

// Level implements tiff.Grid.
func (p *Placed) Level() tiles.Level { return p.level }

// drawing is what is found for one virtual tile.
type drawing struct {
	pieces []*Piece
	tiles  []*keptTile // the picture of each piece
	parts  []image.Rectangle
	held   []*keptTile // to be given back
}

// covered says whether a rectangle lies wholly below a piece that is on top of
// it. It looks at the nearest few alone: of pieces that overlap at their edges
// that finds nearly all, and of thousands of small ones it stays quick.
func (d *drawing) covered(r image.Rectangle) bool {
	for i := len(d.parts) - 1; i >= max(0, len(d.parts)-16); i-- {
		if r.In(d.parts[i]) {
			return true
		}
	}
	return false
}

// ReadTile implements tiff.Grid. Where nothing is stored, dst is background.
// Pictures that are wholly hidden are not decoded.
func (p *Placed) ReadTile(ctx context.Context, col, row int, dst *image.RGBA) error {
	want := p.level.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), want.Size())
	}
	drawn, err := p.draw(ctx, col, row, want, dst, p.background)
	if err == nil && !drawn {
		return tiles.ErrMissing
	}
	return err
}

// ReadScanned implements tiff.ScannedGrid. Only what meets want is decoded.
func (p *Placed) ReadScanned(ctx context.Context, col, row int, want image.Rectangle, dst *image.RGBA) error {
	tile := p.level.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || !want.In(tile) || dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), want, tile)
	}
	drawn, err := p.draw(ctx, col, row, want, dst, color.NRGBA{})
	if err == nil && !drawn {
		return tiles.ErrMissing
	}
	return err
}

// ReadPart decodes the pixels of want, a rectangle of the level inside a tile,
// into dst, whose bounds must have its size: those that ReadTile gives there.
// Only what meets want is decoded.
func (p *Placed) ReadPart(ctx context.Context, col, row int, want image.Rectangle, dst *image.RGBA) error {
	tile := p.level.TileRect(col, row)
	if col < 0 || row < 0 || want.Empty() || !want.In(tile) || dst.Rect.Size() != want.Size() {
		return fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), want, tile)
	}
	drawn, err := p.draw(ctx, col, row, want, dst, p.background)
	if err != nil || drawn {
		return err
	}
	// Nothing lies here; whether the tile is missing the rest of it tells.
	rest := image.NewRGBA(image.Rectangle{Max: tile.Size()})
	return p.ReadTile(ctx, col, row, rest)
}

// draw fills dst with a part of a tile on a ground; drawn is false where nothing
// is stored.
func (p *Placed) draw(ctx context.Context, col, row int, want image.Rectangle, dst *image.RGBA, ground color.NRGBA) (drawn bool, err error) {
	d, err := p.find(ctx, row>>p.shift*p.columns+col>>p.shift, want)
	defer func() {
		for _, t := range d.held {
			p.kept.release(t)
		}
	}()
	if err != nil {
		return false, err
	}
	shift := dst.Rect.Min.Sub(want.Min)
	for _, r := range bare(want, d.parts) {
		tiles.Fill(dst.SubImage(r.Add(shift)).(*image.RGBA), ground)
	}
	for i := len(d.parts) - 1; i >= 0; i-- {
		c, part := d.pieces[i], d.parts[i]
		to := dst.SubImage(part.Add(shift)).(*image.RGBA)
		if d.tiles[i] == nil {
			if err := p.pictures.ReadPicture(ctx, int(c.Picture), to); err != nil {
				return false, fmt.Errorf("stored picture %d: %w", c.Picture, err)
			}
			continue
		}
		copyPart(to, d.tiles[i].img, part.Min.Sub(image.Pt(int(c.X)-int(c.CropX), int(c.Y)-int(c.CropY))))
	}
	return len(d.parts) > 0, nil
}

// find decodes what is seen of a bucket's pieces in a rectangle, the uppermost
// first: only then is it known what hides others, for a picture may be missing.
func (p *Placed) find(ctx context.Context, bucket int, want image.Rectangle) (*drawing, error) {
	d := &drawing{}
	if p.finder != nil {
		pieces := p.finder.Pieces(want, nil)
		for i := len(pieces) - 1; i >= 0; i-- {
			if err := p.check(&pieces[i]); err != nil {
				return d, err
			}
			if done, err := p.add(ctx, d, &pieces[i], want); err != nil || done {
				return d, err
			}
		}
		return d, nil
	}
	items := p.items[p.starts[bucket]:p.starts[bucket+1]]
	for i := len(items) - 1; i >= 0; i-- {
		if done, err := p.add(ctx, d, &p.pieces[items[i]], want); err != nil || done {
			return d, err
		}
	}
	return d, nil
}

// add decodes what is seen of a piece in a rectangle; done says that nothing
// below it is seen.
func (p *Placed) add(ctx context.Context, d *drawing, c *Piece, want image.Rectangle) (done bool, err error) {
	part := c.rect().Intersect(want)
	if part.Empty() || d.covered(part) {
		return false, nil
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if p.straight(c, part) {
		t := p.kept.have(keptKey{p, int(c.Picture), 0})
		if t != nil {
			d.held = append(d.held, t)
		}
		d.pieces, d.tiles, d.parts = append(d.pieces, c), append(d.tiles, t), append(d.parts, part)
		return part == want, nil
	}
	// Neighbours are often of one picture.
	if n := len(d.held); n == 0 || d.held[n-1].key.col != int(c.Picture) {
		t, err := p.picture(ctx, int(c.Picture))
		if err != nil {
			return false, fmt.Errorf("stored picture %d: %w", c.Picture, err)
		}
		d.held = append(d.held, t)
	}
	t := d.held[len(d.held)-1]
	if t.missing {
		return false, nil
	}
	d.pieces, d.tiles, d.parts = append(d.pieces, c), append(d.tiles, t), append(d.parts, part)
	return part == want, nil
}

// straight says whether a piece is decoded where it is shown: a whole picture
// that no other tile shares. Only a finder knows that it is stored at all.
func (p *Placed) straight(c *Piece, part image.Rectangle) bool {
	return p.finder != nil && part == c.rect() && part.Size() == p.pictures.Size(int(c.Picture))
}

// maxBare bounds the rectangles of background; beyond it all is filled.
const maxBare = 64

// bare is what of a rectangle none of the parts covers, or more.
func bare(want image.Rectangle, parts []image.Rectangle) []image.Rectangle {
	left := []image.Rectangle{want}
	for _, p := range parts {
		var next []image.Rectangle
		for _, r := range left {
			in := r.Intersect(p)
			if in.Empty() {
				next = append(next, r)
				continue
			}
			for _, side := range [4]image.Rectangle{
				{r.Min, image.Pt(r.Max.X, in.Min.Y)}, {image.Pt(r.Min.X, in.Max.Y), r.Max},
				{image.Pt(r.Min.X, in.Min.Y), image.Pt(in.Min.X, in.Max.Y)}, {image.Pt(in.Max.X, in.Min.Y), image.Pt(r.Max.X, in.Max.Y)},
			} {
				if !side.Empty() {
					next = append(next, side)
				}
			}
		}
		if left = next; len(left) == 0 {
			return nil
		}
		if len(left) > maxBare {
			return []image.Rectangle{want}
		}
	}
	return left
}

// picture returns a decoded picture, which must be given back.
func (p *Placed) picture(ctx context.Context, i int) (*keptTile, error) {
	size := p.pictures.Size(i)
	if size.X < 1 || size.Y < 1 {
		return nil, errors.New("it has no size")
	}
	return p.kept.tile(ctx, keptKey{p, i, 0}, size, func(dst *image.RGBA) error { return p.pictures.ReadPicture(ctx, i, dst) })
}
