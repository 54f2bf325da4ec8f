package dicom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"slices"

	"coverslip/tiles"
)

// picture is one image of a slide: a level, a label. Its frames lie in one
// file, or in the parts of a concatenation.
type picture struct {
	parts  []*instance // by first frame
	frames map[int]int // frame by tile, row·columns+column; nil when all are stored in that order
}

func (p *picture) first() *instance { return p.parts[0] }

func (p *picture) level() tiles.Level {
	in := p.first()
	return tiles.Level{Width: in.width, Height: in.height, TileWidth: in.tileW, TileHeight: in.tileH, Downsample: 1}
}

// newPicture joins parts, one or more, to an image.
func newPicture(parts []*instance) (*picture, error) {
	byPart(parts)
	p := &picture{parts: parts}
	first := parts[0]
	var frames int64
	for i, in := range parts {
		if in.width != first.width || in.height != first.height || in.tileW != first.tileW || in.tileH != first.tileH || in.sparse != first.sparse {
			return nil, bad("parts of one concatenation differ in size or layout")
		}
		if in.concat != "" && in.firstFrame != frames {
			return nil, bad("a part of the image of %d×%d pixels is missing: frames %d to %d are in no file of the folder%s",
				in.width, in.height, frames, in.firstFrame-1, partsOf(parts))
		}
		frames += int64(in.frames)
		if last := i == len(parts)-1; last && in.concat != "" && (in.part > 0 && in.parts > in.part || !in.sparse && frames != int64(in.cols()*in.rows())) {
			return nil, bad("a part of the image of %d×%d pixels is missing: frames from %d on are in no file of the folder%s",
				in.width, in.height, frames, partsOf(parts))
		}
	}
	if frames > maxTiles {
		return nil, bad("%d frames are more than %d", frames, maxTiles)
	}
	if first.sparse {
		return p, p.place(int(frames))
	}
	return p, nil
}

// partsOf tells how many parts of a concatenation are there.
func partsOf(parts []*instance) string {
	if n := parts[0].parts; n > 0 {
		return fmt.Sprintf(" (%d of %d parts are there)", len(parts), n)
	}
	return ""
}

// place notes the tile of each frame.
func (p *picture) place(n int) error {
	p.frames = make(map[int]int, n)
	frame := 0
	for _, in := range p.parts {
		for i := 0; i < len(in.positions); i += 2 {
			at := int(in.positions[i+1])*in.cols() + int(in.positions[i])
			if _, twice := p.frames[at]; twice {
				return unsupported("", "several frames at one place, tile (%d,%d): focal planes or channels", in.positions[i], in.positions[i+1])
			}
			p.frames[at] = frame
			frame++
		}
		in.positions = nil
	}
	return nil
}

// readTile decodes one tile into dst; tiles.ErrMissing, dst untouched, when it
// was never stored.
func (p *picture) readTile(col, row int, dst *image.RGBA) error {
	in := p.first()
	if col < 0 || row < 0 || col >= in.cols() || row >= in.rows() {
		return fmt.Errorf("outside the grid of %d×%d tiles", in.cols(), in.rows())
	}
	if want := p.level().TileRect(col, row).Size(); dst.Rect.Size() != want {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), want)
	}
	frame := row*in.cols() + col
	if p.frames != nil {
		var ok bool
		if frame, ok = p.frames[frame]; !ok {
			return tiles.ErrMissing
		}
	}
	for _, in := range p.parts {
		if frame < in.frames {
			return in.readFrame(frame, dst)
		}
		frame -= in.frames
	}
	return tiles.ErrMissing
}

// readAll decodes the whole image, of at most maxTilePixels. Missing parts stay
// transparent.
func (p *picture) readAll(ctx context.Context) (*image.RGBA, error) {
	l := p.level()
	if int64(l.Width)*int64(l.Height) > maxTilePixels {
		return nil, unsupported("", "associated image of %d×%d pixels", l.Width, l.Height)
	}
	dst := image.NewRGBA(image.Rect(0, 0, l.Width, l.Height))
	for row := range l.Rows() {
		for col := range l.Cols() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			part := dst.SubImage(l.TileRect(col, row)).(*image.RGBA)
			if err := p.readTile(col, row, part); err != nil && !errors.Is(err, tiles.ErrMissing) {
				return nil, fmt.Errorf("dicom: part (%d,%d): %w", col, row, err)
			}
		}
	}
	return dst, nil
}

// pictures are the images of a slide.
type pictures struct {
	levels     []*picture // largest first
	associated map[string]*picture
}

// group is the files that make one image.
type group struct {
	kind  string
	files []*instance
}

// pictures sorts the files into levels and associated images. What is wrong
// with the largest level is an error, with others a warning.
func (b *builder) pictures() (pictures, error) {
	out := pictures{associated: map[string]*picture{}}
	volumes, others := b.groups()
	if len(volumes) == 0 {
		return out, bad("the folder holds no level of the slide, only its %s: the other files are missing", b.own.kind)
	}
	for i, g := range volumes {
		first := g.files[0]
		if i > 0 && first.width == volumes[i-1].files[0].width && first.height == volumes[i-1].files[0].height {
			return out, unsupported("", "several images of %d×%d pixels in one series: channels, focal planes or versions", first.width, first.height)
		}
		p, err := newPicture(g.files)
		switch {
		case err != nil && i == 0:
			return out, err
		case err != nil:
			b.warn("level of %d×%d pixels left out: %v", first.width, first.height, err)
		default:
			out.levels = append(out.levels, p)
		}
	}
	if out.levels[0].first().resampled {
		b.warn("the slide's full resolution is not in the folder: its largest file is a lower level")
	}
	for _, g := range others {
		b.associate(out.associated, g)
	}
	return out, nil
}

// groups joins concatenations and orders the levels, largest first.
func (b *builder) groups() (volumes, others []group) {
	of := map[string]int{} // index by concatenation
	var all []group
	for _, in := range b.instances {
		if i, ok := of[in.concat]; ok && in.concat != "" {
			all[i].files = append(all[i].files, in)
			continue
		}
		of[in.concat] = len(all)
		all = append(all, group{in.kind, []*instance{in}})
	}
	for _, g := range all {
		if g.kind == kindVolume {
			volumes = append(volumes, g)
		} else {
			others = append(others, g)
		}
	}
	slices.SortStableFunc(volumes, func(x, y group) int {
		a, b := x.files[0], y.files[0]
		return cmp.Or(cmp.Compare(b.width, a.width), cmp.Compare(b.height, a.height), cmp.Compare(a.number, b.number), cmp.Compare(a.uid, b.uid))
	})
	slices.SortStableFunc(others, func(x, y group) int { return cmp.Compare(x.files[0].number, y.files[0].number) })
	return volumes, others
}

// associate names an image that is no level, as OpenSlide names it.
func (b *builder) associate(to map[string]*picture, g group) {
	title := map[string]string{kindLabel: "label", kindOverview: "macro", kindThumbnail: "thumbnail"}[g.kind]
	if title == "" {
		b.warn("image of kind %q left out: neither level, label, overview nor thumbnail", g.kind)
		return
	}
	p, err := newPicture(g.files)
	switch {
	case err != nil:
		b.warn("%s left out: %v", title, err)
	case to[title] != nil:
		b.warn("a second %s left out", title)
	default:
		to[title] = p
	}
}
