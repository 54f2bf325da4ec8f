package mirax

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"sync"

	"coverslip/tiles"
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
func (s *store) findPlanes(info *tiles.Info) {
	s.findChannels(info)
	if s.lit {
		s.first.filter = s.channels[0].filter
	}
	s.findFocus(info)
	s.first.focus = s.focus[s.stack.DefaultZ]
	s.stack.InColor, s.stack.Z, s.stack.T = !s.lit, len(s.focus), 1
}

// findFocus lists the focal planes with images. The first value is the one that
// OpenSlide reads: the extended focus, put together from the others, where the
// scanner made one.
func (s *store) findFocus(info *tiles.Info) {
	d := s.set.dimension(focusName)
	if d == 0 {
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
		s.stack.Channels = append(s.stack.Channels, s.describe(v.section))
	}
	s.lit = len(s.channels) > 0
}

// describe reads what the section of a filter says.
func (s *store) describe(section string) tiles.Channel {
	c := tiles.Channel{Name: s.set.ini.get(section, "FILTER_NAME"), Bits: 8, High: 255, Gamma: 1}
	if c.Name == "Default" { // of filters that nobody named
		c.Name = ""
	}
	component := func(key string) uint8 {
		v, _ := tiles.ParseNumber(s.set.ini.get(section, key))
		return uint8(min(max(v, 0), 255))
	}
	if r, g, b := component("COLOR_R"), component("COLOR_G"), component("COLOR_B"); r|g|b != 0 {
		c.Color = color.RGBA{R: r, G: g, B: b, A: 255}
	}
	for key, to := range map[string]*float64{"EXCITATION_WAVELENGTH": &c.Excitation, "EMISSION_WAVELENGTH": &c.Emission} {
		if v, ok := tiles.ParseNumber(s.set.ini.get(section, key)); ok && v > 0 && v < 1e5 {
			*to = v
		}
	}
	return c
}

// ReadPlane implements planar.Grid.
func (l *level) ReadPlane(ctx context.Context, col, row int, p tiles.Plane, dst *tiles.Raster) error {
	s := l.store
	if s.stack.InColor {
		g, err := l.grid(combination{s.first.filter, s.focus[p.Z]})
		if err != nil {
			return err
		}
		return g.ReadTile(ctx, col, row, dst.RGBA)
	}
	c := s.channels[p.Channel]
	g, err := l.grid(combination{c.filter, s.focus[p.Z]})
	if err != nil {
		return err
	}
	m := shown.Get().(*image.RGBA)
	defer shown.Put(m)
	w, h := dst.Width, dst.Height
	if cap(m.Pix) < 4*w*h {
		m.Pix = make([]byte, 4*w*h)
	}
	m.Pix, m.Stride, m.Rect = m.Pix[:4*w*h], 4*w, image.Rect(0, 0, w, h)
	if err := g.ReadTile(ctx, col, row, m); err != nil {
		return err
	}
	for i := range dst.Uint16[:w*h] {
		dst.Uint16[i] = uint16(m.Pix[4*i+c.component])
	}
	return nil
}

// shown are scratch pictures of stored components.
var shown = sync.Pool{New: func() any { return new(image.RGBA) }}
