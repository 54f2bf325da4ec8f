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

// picture is one image of a slide: a level, a label. Its planes (focal planes
// of optical paths) lie in one file or in several, each whole or in the parts of
// a concatenation.
type picture struct {
	optics []optic
	zs     []int64  // nm of the focal planes, ascending
	layers []*layer // by path·len(zs)+z; nil for a plane that no file holds
	lead   *instance
	have   map[int64]bool // what zs holds, while files are added
}

// layer is one plane of a picture: which frame each tile is.
type layer struct {
	parts  []*instance // by first frame
	base   int         // full: the frame of tile (0,0), counted over the parts
	sparse []stored    // else the tiles that are stored, by place
}

// stored is a tile of a sparse layer.
type stored struct{ at, frame int32 }

func (p *picture) first() *instance { return p.lead }

func (p *picture) level() tiles.Level { return p.lead.level() }

// newPicture joins images of one size to a picture; each is one file, or the
// parts of a concatenation.
func newPicture(images ...[]*instance) (*picture, error) {
	p := &picture{lead: images[0][0], have: map[int64]bool{}}
	for _, parts := range images {
		byPart(parts)
		if err := p.addPlanes(parts); err != nil {
			return nil, err
		}
	}
	slices.Sort(p.zs)
	if len(p.optics)*len(p.zs) > maxPaths*maxPlanes {
		return nil, bad("%d optical paths in %d focal planes", len(p.optics), len(p.zs))
	}
	p.layers = make([]*layer, len(p.optics)*len(p.zs))
	for _, parts := range images {
		if err := p.addImage(parts); err != nil {
			return nil, err
		}
	}
	p.lead, p.have = images[0][0], nil
	return p, nil
}

// addPlanes notes paths and focal planes of an image.
func (p *picture) addPlanes(parts []*instance) error {
	first := parts[0]
	if lead := p.lead; first.tileW != lead.tileW || first.tileH != lead.tileH || first.samples != lead.samples || first.bits != lead.bits || first.stored != lead.stored {
		return bad("images of %d×%d pixels differ in tile size or samples", first.width, first.height)
	}
	for _, o := range first.optics {
		if p.path(o) < 0 {
			p.optics = append(p.optics, o)
		}
	}
	add := func(z int64) error {
		if p.have[z] {
			return nil
		}
		if len(p.zs) >= maxPlanes {
			return bad("more than %d focal planes", maxPlanes)
		}
		p.have[z] = true
		p.zs = append(p.zs, z)
		return nil
	}
	if !first.sparse {
		for _, z := range first.zs {
			if err := add(z); err != nil {
				return err
			}
		}
		return nil
	}
	for _, in := range parts {
		for i := range in.places {
			if err := add(in.places[i].z); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *picture) path(o optic) int {
	return slices.IndexFunc(p.optics, func(q optic) bool { return q.key() == o.key() })
}

// addImage makes the layers of an image.
func (p *picture) addImage(parts []*instance) error {
	frames, err := countFrames(parts)
	if err != nil {
		return err
	}
	first := parts[0]
	if first.sparse {
		return p.addSparse(parts, frames)
	}
	grid := first.cols() * first.rows()
	for i, o := range first.optics {
		for j, z := range first.zs {
			at := p.at(p.path(o), z)
			if p.layers[at] != nil {
				return p.twice(o.id, z)
			}
			p.layers[at] = &layer{parts: parts, base: (i*len(first.zs) + j) * grid}
		}
	}
	return nil
}

// at is the index of a plane that addPlanes has noted.
func (p *picture) at(path int, z int64) int {
	zi, _ := slices.BinarySearch(p.zs, z)
	return path*len(p.zs) + zi
}

func (p *picture) twice(id string, z int64) error {
	return unsupported("", "several images of %d×%d pixels in one series for optical path %q at %g µm: versions of one image", p.lead.width, p.lead.height, id, float64(z)/1000)
}

// countFrames checks that the parts of an image are all there.
func countFrames(parts []*instance) (int, error) {
	first := parts[0]
	var frames int64
	for i, in := range parts {
		if in.width != first.width || in.height != first.height || in.tileW != first.tileW || in.tileH != first.tileH || in.sparse != first.sparse || in.due != first.due {
			return 0, bad("parts of one concatenation differ in size or layout")
		}
		if in.concat != "" && in.firstFrame != frames {
			return 0, bad("a part of the image of %d×%d pixels is missing: frames %d to %d are in no file of the folder%s",
				in.width, in.height, frames, in.firstFrame-1, partsOf(parts))
		}
		frames += int64(in.frames)
		if last := i == len(parts)-1; last && in.concat != "" && (in.part > 0 && in.parts > in.part || !in.sparse && frames != in.due) {
			return 0, bad("a part of the image of %d×%d pixels is missing: frames from %d on are in no file of the folder%s",
				in.width, in.height, frames, partsOf(parts))
		}
	}
	if frames > maxTiles {
		return 0, bad("%d frames are more than %d", frames, maxTiles)
	}
	return int(frames), nil
}

// partsOf tells how many parts of a concatenation are there.
func partsOf(parts []*instance) string {
	if n := parts[0].parts; n > 0 {
		return fmt.Sprintf(" (%d of %d parts are there)", len(parts), n)
	}
	return ""
}

// addSparse sorts the frames of a sparse image into layers.
func (p *picture) addSparse(parts []*instance, n int) error {
	mine := map[int]*layer{}
	frame := int32(0)
	for _, in := range parts {
		paths := make([]int, len(in.optics))
		for i, o := range in.optics {
			paths[i] = p.path(o)
			if paths[i] < 0 {
				return bad("parts of one concatenation differ in their optical paths")
			}
		}
		lastPath, lastZ, l := int16(-1), int64(0), (*layer)(nil)
		for i := range in.places {
			at := in.places[i]
			if l == nil || at.path != lastPath || at.z != lastZ {
				k := p.at(paths[at.path], at.z)
				if l = mine[k]; l == nil {
					if p.layers[k] != nil {
						return p.twice(in.optics[at.path].id, at.z)
					}
					l = &layer{parts: parts}
					mine[k], p.layers[k] = l, l
				}
				lastPath, lastZ = at.path, at.z
			}
			l.sparse = append(l.sparse, stored{at.row*int32(in.cols()) + at.col, frame})
			frame++
		}
		in.places = nil
	}
	for _, l := range mine {
		slices.SortFunc(l.sparse, func(a, b stored) int { return cmp.Compare(a.at, b.at) })
		for i := 1; i < len(l.sparse); i++ {
			if at := int(l.sparse[i].at); at == int(l.sparse[i-1].at) {
				cols := parts[0].cols()
				return unsupported("", "several frames at one place, tile (%d,%d) of one plane", at%cols, at/cols)
			}
		}
	}
	return nil
}

// frame finds the file and the frame of a tile; tiles.ErrMissing when it was
// never stored.
func (l *layer) frame(at int) (*instance, int, error) {
	frame := l.base + at
	if l.sparse != nil {
		i, ok := slices.BinarySearchFunc(l.sparse, int32(at), func(s stored, at int32) int { return cmp.Compare(s.at, at) })
		if !ok {
			return nil, 0, tiles.ErrMissing
		}
		frame = int(l.sparse[i].frame)
	}
	for _, in := range l.parts {
		if frame < in.frames {
			return in, frame, nil
		}
		frame -= in.frames
	}
	return nil, 0, tiles.ErrMissing
}

// find is frame with the checks of a caller's numbers.
func (p *picture) find(l *layer, col, row int, size image.Point) (*instance, int, error) {
	in := p.lead
	if col < 0 || row < 0 || col >= in.cols() || row >= in.rows() {
		return nil, 0, fmt.Errorf("outside the grid of %d×%d tiles", in.cols(), in.rows())
	}
	if want := p.level().TileRect(col, row).Size(); size != want {
		return nil, 0, fmt.Errorf("destination of %v for a tile of %v pixels", size, want)
	}
	if l == nil {
		return nil, 0, tiles.ErrMissing
	}
	return l.frame(row*in.cols() + col)
}

// readTile decodes one tile of a layer into dst; tiles.ErrMissing, dst
// untouched, when it was never stored.
func (p *picture) readTile(l *layer, col, row int, dst *image.RGBA) error {
	in, frame, err := p.find(l, col, row, dst.Rect.Size())
	if err != nil {
		return err
	}
	return in.readFrame(frame, dst)
}

// readGrey decodes the samples of one tile; as readTile.
func (p *picture) readGrey(l *layer, col, row int, dst *tiles.Raster) error {
	in, frame, err := p.find(l, col, row, image.Pt(dst.Width, dst.Height))
	if err != nil {
		return err
	}
	return in.readGrey(frame, dst.Uint16, dst.Width, dst.Height)
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
			if err := p.readTile(p.layers[0], col, row, part); err != nil && !errors.Is(err, tiles.ErrMissing) {
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
	for i := 0; i < len(volumes); {
		first := volumes[i].files[0]
		var same [][]*instance // planes of one level
		n := i
		for ; n < len(volumes) && volumes[n].files[0].width == first.width && volumes[n].files[0].height == first.height; n++ {
			same = append(same, volumes[n].files)
		}
		p, err := newPicture(same...)
		from := i
		i = n
		switch {
		case err != nil && (from == 0 || errors.As(err, new(*tiles.UnsupportedError))):
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
