package ometiff

import (
	"errors"
	"fmt"
	"path/filepath"

	"coverslip/tiles"
	"coverslip/tiles/planar"
	"coverslip/tiles/tiff"
)

// maxFiles bounds the further files that are open at a time: the system allows
// only so many. A plane in another file than these is read by closing none; it
// is refused.
const maxFiles = 512

// planes finds the planes of a slide in its files. tiff.Stack never calls it
// twice at once.
type planes struct {
	*reading
	where   *planeMap
	base    *tiff.Image       // a plane that is there
	levels0 []tiff.SampleGrid // its levels
	opened  map[int32]*opened
	grids   map[place][]tiff.SampleGrid // of planes found before: samples of a pixel share them
}

// opened is another file of the slide.
type opened struct {
	src  *tiles.Source
	file *tiff.File
	err  error // why it cannot be read
}

// slide finds the plane to begin with and what planes there are.
func (r *reading) slide(uuid string) (*planes, error) {
	m := r.main
	if m.order == "" {
		m.order = "CZT"
		r.warn("the order of dimensions is not told: XYCZT is assumed")
	}
	first := r.firstIFD(m, uuid)
	if first < 0 {
		return nil, formatError("the pixels of image %q lie in other files; open %q", m.name, m.data[0].file)
	}
	base, err := r.file.Directories()[first].Image(r.codecs)
	if err != nil {
		return nil, fmt.Errorf("tiles/ometiff: image %q: %w", m.name, err)
	}
	if err := m.fits(base); err != nil {
		return nil, err
	}
	samples := base.Samples
	if told := m.samples(); m.c%samples != 0 || told > 1 && told != samples {
		return nil, formatError("%d channels (%d samples a pixel) are promised, a directory has %d samples a pixel", m.c, told, samples)
	}
	p := &planes{reading: r, base: base, opened: map[int32]*opened{}, grids: map[place][]tiff.SampleGrid{}}
	own := filepath.Base(r.src.Path())
	if p.where, err = m.mapPlanes(m.c/samples, samples, own, uuid, len(r.file.Directories())); err != nil {
		return nil, &tiles.FormatError{Format: name, What: fmt.Sprintf("image %q", m.name), Err: err}
	}
	if was := p.where.renamed(r.src); was != "" {
		r.warn("the OME-XML calls this file %q: it was renamed", was)
	}
	r.parts.Source = r.src
	r.parts.Associated = map[string]tiff.Picture{}
	r.parts.Info = tiles.Info{Format: name, Vendor: "OME", ZPlanes: r.focalPlanes(), Warnings: r.parts.Info.Warnings}
	r.stack = tiles.Stack{Z: m.z, T: m.t, DefaultZ: m.z / 2}
	if base.InColor() && threeColours(base) && m.c == samples {
		r.stack.InColor = true
		r.parts.Info.Channels = []string{"R", "G", "B"}
	} else {
		r.stack.Channels = r.channelsOf(base, m.c/samples)
	}
	d := r.file.Directories()[first]
	levels, warnings := p.levels(d, base)
	for _, w := range warnings {
		r.warn("%s", w)
	}
	p.levels0 = levels
	r.describe(d)
	if r.parts.ICC, err = d.Bytes(tiff.TagICCProfile); err != nil {
		r.parts.ICC = nil
		r.warn("colour profile left out: %v", err)
	}
	return p, nil
}

// samples is what the text says of samples a pixel, 0 when it does not.
func (m *picture) samples() int {
	most := 0
	for _, c := range m.channels {
		most = max(most, c.samples)
	}
	return most
}

// fits compares the image's sizes with a directory's.
func (m *picture) fits(base *tiff.Image) error {
	if base.Width != m.sizeX || base.Height != m.sizeY {
		return formatError("OME-XML promises %d×%d pixels, the file holds %d×%d", m.sizeX, m.sizeY, base.Width, base.Height)
	}
	return nil
}

// levels are the images of a plane: that of its directory, and the
// sub-directories. Those that cannot be read are left out and told.
func (p *planes) levels(d *tiff.Directory, base *tiff.Image) (out []tiff.SampleGrid, warnings []string) {
	out = append(out, tiff.JoinStrips(base))
	for i, sub := range d.Sub() {
		m, err := sub.Image(p.codecs)
		if err == nil && (m.Samples != base.Samples || m.Bits != base.Bits || m.Format != base.Format) {
			err = fmt.Errorf("%d samples of %d bits where level 0 has %d of %d", m.Samples, m.Bits, base.Samples, base.Bits)
		}
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("level %d left out: %v", i+1, err))
			continue
		}
		out = append(out, tiff.JoinStrips(m))
	}
	return out, warnings
}

// find implements tiff.NewStack.
func (p *planes) find(q tiles.Plane) (tiff.PlaneLevels, error) {
	group, sample := q.Channel/p.base.Samples, q.Channel%p.base.Samples
	if p.stack.InColor {
		group, sample = 0, 0
	}
	at := p.where.at(group, q.Z, q.T)
	if at.ifd < 0 {
		return tiff.PlaneLevels{}, tiles.ErrMissing
	}
	if known := p.grids[at]; known != nil {
		return tiff.PlaneLevels{Levels: known, Sample: sample}, nil
	}
	f, file := p.file, ""
	if at.file > 0 {
		file = p.where.files[at.file]
		o := p.open(at.file)
		if o.err != nil {
			return tiff.PlaneLevels{}, o.err
		}
		f = o.file
	}
	if int(at.ifd) >= len(f.Directories()) {
		return tiff.PlaneLevels{}, fmt.Errorf("plane (c %d, z %d, t %d) lies in directory %d of %d %s", q.Channel, q.Z, q.T, at.ifd, len(f.Directories()), file)
	}
	d := f.Directories()[at.ifd]
	base, err := d.Image(p.codecs)
	if err != nil {
		return tiff.PlaneLevels{}, err
	}
	if base.Samples != p.base.Samples || base.Bits > p.base.Bits || base.Format != p.base.Format {
		return tiff.PlaneLevels{}, fmt.Errorf("plane (c %d, z %d, t %d) has %d samples of %d bits, others %d of %d", q.Channel, q.Z, q.T, base.Samples, base.Bits, p.base.Samples, p.base.Bits)
	}
	levels, _ := p.levels(d, base)
	p.grids[at] = levels
	return tiff.PlaneLevels{Levels: levels, Sample: sample}, nil
}

// open opens another file of the slide, once.
func (p *planes) open(i int32) *opened {
	if o := p.opened[i]; o != nil {
		return o
	}
	o := &opened{}
	p.opened[i] = o
	if len(p.opened) > maxFiles {
		o.err = fmt.Errorf("the slide lies in more than %d files", maxFiles)
		return o
	}
	file := p.where.files[i]
	if o.src, o.err = p.src.OpenSibling(sibling(file)); o.err != nil {
		o.err = fmt.Errorf("file %q of the slide: %w", file, o.err)
		return o
	}
	if o.file, o.err = tiff.ParseSource(o.src); o.err != nil {
		o.err = errors.Join(fmt.Errorf("file %q of the slide: %w", file, o.err), o.src.Close())
		o.src = nil
	}
	return o
}

// close closes the further files.
func (p *planes) close() error {
	var err error
	for _, o := range p.opened {
		if o.src != nil {
			err = errors.Join(err, o.src.Close())
		}
	}
	return err
}

// associate takes the other images whose names say what they are.
func (p *planes) associate(main int, uuid string) {
	for i := range p.doc.images {
		m := &p.doc.images[i]
		kind := m.kind()
		if i == main || kind == "" || len(m.data) == 0 {
			continue
		}
		ifd := p.firstIFD(m, uuid)
		if ifd < 0 {
			continue
		}
		img, err := p.file.Directories()[ifd].Image(p.codecs)
		if err != nil {
			p.warn("%s left out: %v", kind, err)
		} else if _, twice := p.parts.Associated[kind]; !twice {
			p.parts.Associated[kind] = img
		}
	}
}

// finish makes the slide: of one plane in colour an ordinary one.
func (p *planes) finish() (tiles.Slide, error) {
	st := &p.stack
	if st.InColor && st.Z == 1 && st.T == 1 {
		for _, l := range p.levels0 {
			p.parts.Levels = append(p.parts.Levels, l)
		}
		return tiff.NewPartSlide(p.parts)
	}
	p.missing()
	stack := tiff.NewStack(p.find)
	p.parts.Levels = stack.Levels(p.levels0)
	inner, err := planar.New(p.parts, p.stack)
	if err != nil {
		return nil, err
	}
	s, ok := inner.(*planar.Slide)
	if !ok || len(p.where.files) == 1 { // nothing else to close
		return inner, nil
	}
	return &slide{s, stack, p}, nil
}

// slide is one of several files.
type slide struct {
	*planar.Slide
	stack  *tiff.Stack
	planes *planes
}

// Close closes all files.
func (s *slide) Close() error {
	err := s.Slide.Close()
	if errors.Is(err, tiles.ErrClosed) {
		return err
	}
	s.stack.Close() // which waits for a file that is being opened
	return errors.Join(err, s.planes.close())
}

// missing warns of files that are not there: their planes are, for each tile, an
// error, and people wish to know before.
func (p *planes) missing() {
	for _, file := range p.where.files[1:] {
		o, err := p.src.OpenSibling(sibling(file))
		if err == nil {
			err = o.Close()
		}
		if err != nil {
			p.warn("file %q of the slide cannot be read: %v", file, err)
		}
	}
}
