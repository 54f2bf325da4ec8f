package mirax

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// Images differ by zoom level, and may differ by mask, filter and focal plane.
// The table of records in Index.dat has one for each combination, the first
// hierarchy's values running fastest. That is written down nowhere; it is what
// three other readers found, each for the hierarchies of the slides that it
// had. A record that is not what it should be is left alone.
//
// A fluorescence slide packs three filters into the components of one image, in
// the order blue, green, red; which filter lies where, STORING_CHANNEL_NUMBER
// and DATA_IN_THIS_FILTER_LEVEL say.

// combination names a filter level and a focal plane by their values' numbers.
type combination struct{ filter, focus int }

// maxRecords bounds the table of combinations.
const maxRecords = 1 << 24

// channelSet is the channels and focal planes of a slide.
type channelSet struct {
	lit      bool        // fluorescence: channels, not colour
	first    combination // shown when nothing is asked
	channels []channel
	focus    []int // value of each focal plane; one of a flat slide
	stack    tiles.Stack
}

// channel is a filter: a component of the images of a filter level.
type channel struct {
	filter    int // value of the filter level
	component int // 0 red, 1 green, 2 blue
}

// record is the number of the record of a zoom level's images; ok is false where
// there can be none.
func (s *store) record(zoom int, of combination) (n int, ok bool) {
	stride := 1
	filter, focus := s.set.dimension(filterName), s.set.dimension(focusName)
	for i, h := range s.set.dims {
		switch {
		case i == 0:
			n = zoom
		case i == filter:
			n += of.filter * stride
		case i == focus:
			n += of.focus * stride
		}
		if stride *= len(h.values); stride > maxRecords {
			return n, of == combination{}
		}
	}
	return n, true
}

// holds says whether anything is stored of a combination at full resolution.
func (s *store) holds(of combination) bool {
	record, ok := s.record(0, of)
	if !ok {
		return false
	}
	has, err := s.index.holds(record, s.set.images.X, s.set.images.Y, len(s.set.data))
	return has && err == nil
}

// findPlanes finds the focal planes and channels that hold images. It reads a
// page of the index for each.
func (s *store) findPlanes(info *tiles.Info) error {
	s.findChannels(info)
	if s.lit {
		s.first.filter = s.channels[0].filter
	}
	s.findFocus(info)
	s.first.focus = s.focus[s.stack.DefaultZ]
	if s.lit {
		info.Channels = nil
		for _, c := range s.stack.Channels {
			info.Channels = append(info.Channels, c.Name)
		}
	}
	s.stack.InColor, s.stack.Z, s.stack.T = !s.lit, len(s.focus), 1
	return nil
}

// findFocus lists the focal planes with images. The first value is the one that
// OpenSlide reads: the extended focus, put together from the others, where the
// scanner made one.
func (s *store) findFocus(info *tiles.Info) {
	d := s.set.dimension(focusName)
	if d == 0 || s.layoutless() {
		s.focus, info.ZPlanes = []int{0}, []float64{0}
		return
	}
	best := -1
	for i, v := range s.set.dims[d].values {
		if !s.holds(combination{s.first.filter, i}) {
			continue
		}
		um, _ := tiles.ParseNumber(s.set.ini.get(v.section, "OFFSET_IN_MICROMETERS"))
		if best < 0 && i > 0 && i == s.set.dims[d].standard {
			best = len(s.focus)
		}
		s.focus, info.ZPlanes = append(s.focus, i), append(info.ZPlanes, um)
	}
	switch {
	case len(s.focus) == 0:
		s.focus, info.ZPlanes = []int{0}, []float64{0}
		return
	case s.focus[0] == 0:
		best = 0
	case best < 0: // the plane nearest to the focus
		best = 0
		for i, um := range info.ZPlanes {
			if um*um < info.ZPlanes[best]*info.ZPlanes[best] {
				best = i
			}
		}
	}
	s.stack.DefaultZ = best
}

// layoutless says whether the index has no records of combinations.
func (s *store) layoutless() bool { return len(s.set.dims) < 2 }

// channelColours are the colours of channels whose file names none.
var channelColours = [...]color.RGBA{{0, 0, 255, 255}, {0, 255, 0, 255}, {255, 0, 0, 255}, {255, 255, 0, 255}, {0, 255, 255, 255}, {255, 0, 255, 255}, {255, 255, 255, 255}}

// findChannels lists the filters of a fluorescence slide.
func (s *store) findChannels(info *tiles.Info) {
	d := s.set.dimension(filterName)
	if !s.set.lit {
		return
	}
	if d == 0 {
		info.Warnings = append(info.Warnings, "a fluorescence slide without filters: its images are shown as they are stored")
		return
	}
	values := s.set.dims[d].values
	level := map[string]int{}
	for i, v := range values {
		if _, twice := level[v.name]; !twice {
			level[v.name] = i
		}
	}
	taken := map[channel]bool{}
	for i, v := range values {
		get := func(key string) string { return s.set.ini.get(v.section, key) }
		number, ok := tiles.ParseNumber(get("STORING_CHANNEL_NUMBER"))
		filter, named := level[get("DATA_IN_THIS_FILTER_LEVEL")]
		if !named {
			filter = i
			if len(values) <= 3 {
				filter = 0 // older slides, which have one
			}
		}
		c := channel{filter: filter, component: 2 - int(number)}
		what := ""
		switch {
		case !ok || number != float64(int(number)) || c.component < 0 || c.component > 2:
			what = fmt.Sprintf("it is said to be stored in component %.40q", get("STORING_CHANNEL_NUMBER"))
		case taken[c]:
			what = "another is stored in its place"
		case !s.holds(combination{filter, 0}) && filter != 0:
			what = "it holds no images that can be found"
		}
		if what != "" {
			info.Warnings = append(info.Warnings, fmt.Sprintf("filter %d (%.40q) left out: %s", i, get("FILTER_NAME"), what))
			continue
		}
		taken[c] = true
		s.channels = append(s.channels, c)
		s.stack.Channels = append(s.stack.Channels, s.describe(v.section, i))
	}
	s.lit = len(s.channels) > 0
}

// describe reads what the section of a filter says.
func (s *store) describe(section string, i int) tiles.Channel {
	c := tiles.Channel{Name: s.set.ini.get(section, "FILTER_NAME"), Bits: 8, High: 255, Gamma: 1}
	if c.Name == "" || c.Name == "Default" {
		c.Name = fmt.Sprintf("Channel %d", i+1)
	}
	component := func(key string) uint8 {
		v, _ := tiles.ParseNumber(s.set.ini.get(section, key))
		return uint8(min(max(v, 0), 255))
	}
	c.Color = color.RGBA{component("COLOR_R"), component("COLOR_G"), component("COLOR_B"), 255}
	if c.Color.R|c.Color.G|c.Color.B == 0 {
		c.Color = channelColours[i%len(channelColours)]
	}
	for key, to := range map[string]*float64{"EXCITATION_WAVELENGTH": &c.Excitation, "EMISSION_WAVELENGTH": &c.Emission} {
		if v, ok := tiles.ParseNumber(s.set.ini.get(section, key)); ok && v > 0 && v < 1e5 {
			*to = v
		}
	}
	return c
}

// finish makes the slide: a Planar one where there is more than a picture in
// colour.
func (s *store) finish(base *tiff.Slide) (tiles.Slide, error) {
	flat := &slide{base, s}
	if !s.lit && len(s.focus) == 1 {
		return flat, nil
	}
	return &planar{flat}, nil
}

// slide is a slide in colour; it implements tiles.PartReader.
type slide struct {
	*tiff.Slide
	store *store
}

// ReadPart implements tiles.PartReader.
func (p *slide) ReadPart(ctx context.Context, k tiles.Key, r image.Rectangle, dst *image.RGBA) error {
	return p.read(ctx, k, func() error {
		l, err := p.level(k)
		if err != nil {
			return err
		}
		if p.store.lit { // several pictures are drawn into one: the whole tile
			whole := image.NewRGBA(l.size.TileRect(k.Col, k.Row))
			if !r.In(whole.Rect) || r.Size() != dst.Rect.Size() {
				return fmt.Errorf("destination of %v for %v of a tile at %v", dst.Rect.Size(), r, whole.Rect)
			}
			err := l.ReadTile(ctx, k.Col, k.Row, whole)
			draw.Draw(dst, dst.Rect, whole, r.Min, draw.Src)
			return err
		}
		g, err := l.grid(p.store.first)
		if err != nil {
			return err
		}
		return g.ReadPart(ctx, k.Col, k.Row, r, dst)
	})
}

// read runs f, which reads of a tile, between the checks that every reading
// begins and ends with.
func (p *slide) read(ctx context.Context, k tiles.Key, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.store.src.Err(); err != nil {
		return err
	}
	err := f()
	switch {
	case err == nil, errors.Is(err, tiles.ErrMissing), ctx.Err() != nil:
		return err
	}
	if broken := p.store.src.Err(); broken != nil { // the slide is at fault, not the tile
		return broken
	}
	return &tiles.TileError{Key: k, Err: err}
}

// planar is a slide of several channels or focal planes; it implements
// tiles.Planar.
type planar struct{ *slide }

// Stack implements tiles.Planar.
func (p *planar) Stack() *tiles.Stack { return &p.store.stack }

// ReadPlane implements tiles.Planar.
func (p *planar) ReadPlane(ctx context.Context, k tiles.Key, of tiles.Plane, dst *tiles.Raster) error {
	return p.read(ctx, k, func() error { return p.readPlane(ctx, k, of, dst) })
}

func (p *planar) readPlane(ctx context.Context, k tiles.Key, of tiles.Plane, dst *tiles.Raster) error {
	s, st := p.store, &p.store.stack
	if of.Z < 0 || of.Z >= st.Z || of.T != 0 || of.Channel < 0 || of.Channel >= max(1, len(st.Channels)) {
		return fmt.Errorf("no plane %+v: the slide has %d channels and %d focal planes", of, len(st.Channels), st.Z)
	}
	l, err := p.level(k)
	if err != nil {
		return err
	}
	size := l.size.TileRect(k.Col, k.Row).Size()
	if dst.Width != size.X || dst.Height != size.Y {
		return fmt.Errorf("destination of %d×%d for a tile of %v pixels", dst.Width, dst.Height, size)
	}
	if st.InColor {
		if dst.RGBA == nil {
			return errors.New("the destination has no picture")
		}
		g, err := l.grid(combination{s.first.filter, s.focus[of.Z]})
		if err != nil {
			return err
		}
		return g.ReadTile(ctx, k.Col, k.Row, dst.RGBA)
	}
	if len(dst.Uint16) < size.X*size.Y {
		return fmt.Errorf("destination of %d samples for %v pixels", len(dst.Uint16), size)
	}
	c := s.channels[of.Channel]
	return l.stored(ctx, combination{c.filter, s.focus[of.Z]}, k.Col, k.Row, func(m *image.RGBA) {
		for y := range size.Y {
			row, to := m.Pix[y*m.Stride:], dst.Uint16[y*size.X:][:size.X]
			for x := range to {
				to[x] = uint16(row[4*x+c.component])
			}
		}
	})
}

// level is the level of a tile that is inside the grid.
func (p *slide) level(k tiles.Key) (*level, error) {
	levels := p.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return nil, fmt.Errorf("the slide has %d levels", len(levels))
	}
	if l := levels[k.Level]; k.Col < 0 || k.Row < 0 || k.Col >= l.Cols() || k.Row >= l.Rows() {
		return nil, fmt.Errorf("outside the grid of %d×%d tiles", l.Cols(), l.Rows())
	}
	for _, l := range p.store.levels { // some may have been left out
		if l.size.Downsample == levels[k.Level].Downsample {
			return l, nil
		}
	}
	return nil, errors.New("the level was left out")
}

// shown are scratch pictures of stored components.
var shown = sync.Pool{New: func() any { return new(image.RGBA) }}

// stored calls f with the components of a tile as they are stored, zero where
// nothing is; for a tile of which nothing is, with zeros, and returns
// tiles.ErrMissing.
func (l *level) stored(ctx context.Context, of combination, col, row int, f func(*image.RGBA)) error {
	size := l.size.TileRect(col, row).Size()
	g, err := l.grid(of)
	if err != nil {
		return err
	}
	m := shown.Get().(*image.RGBA)
	defer shown.Put(m)
	if n := 4 * size.X * size.Y; cap(m.Pix) < n {
		m.Pix = make([]byte, n)
	}
	m.Pix, m.Stride, m.Rect = m.Pix[:4*size.X*size.Y], 4*size.X, image.Rectangle{Max: size}
	err = g.ReadTile(ctx, col, row, m)
	if err == nil || errors.Is(err, tiles.ErrMissing) {
		f(m)
	}
	return err
}

// blend draws all channels in their colours, added up. A tile is missing when it
// is in every channel.
func (l *level) blend(ctx context.Context, col, row int, dst *image.RGBA) error {
	s := l.store
	size := l.size.TileRect(col, row).Size()
	if col < 0 || row < 0 || size.X < 1 || size.Y < 1 || dst.Rect.Size() != size {
		return fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), size)
	}
	tiles.Fill(dst, color.NRGBA{A: 255})
	drawn := false
	done := map[int]bool{}
	for _, c := range s.channels {
		if done[c.filter] {
			continue
		}
		done[c.filter] = true
		err := l.stored(ctx, combination{c.filter, s.first.focus}, col, row, func(m *image.RGBA) {
			for i, other := range s.channels {
				if other.filter == c.filter {
					addChannel(dst, m, other.component, s.stack.Channels[i].Color)
				}
			}
		})
		if err != nil && !errors.Is(err, tiles.ErrMissing) {
			return err
		}
		drawn = drawn || err == nil
	}
	if !drawn {
		return tiles.ErrMissing
	}
	return nil
}

// addChannel adds a component of src to dst in a colour, up to white.
func addChannel(dst, src *image.RGBA, component int, c color.RGBA) {
	w := dst.Rect.Dx()
	for y := range dst.Rect.Dy() {
		to, from := dst.Pix[y*dst.Stride:][:4*w], src.Pix[y*src.Stride:][:4*w]
		for x := 0; x < len(to); x += 4 {
			v := uint32(from[x+component])
			if v == 0 {
				continue
			}
			to[x] = uint8(min(255, uint32(to[x])+(v*uint32(c.R)+127)/255))
			to[x+1] = uint8(min(255, uint32(to[x+1])+(v*uint32(c.G)+127)/255))
			to[x+2] = uint8(min(255, uint32(to[x+2])+(v*uint32(c.B)+127)/255))
		}
	}
}
