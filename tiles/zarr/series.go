package zarr

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"path"
	"strconv"

	"coverslip/tiles"
	"coverslip/tiles/kept"
	"coverslip/tiles/planar"
	"coverslip/tiles/tiff"
)

// opening is what is known while a slide is opened.
type opening struct {
	src     *tiles.Source // of the store's folder
	archive *tiles.Source // the file of a store in an archive, else nil
	kept    *kept.Kept[keptKey]
	read    []string // files of metadata
	parts   tiff.Parts
}

func (o *opening) warn(format string, args ...any) {
	o.parts.Info.Warnings = append(o.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

// series is one picture of a store.
type series struct {
	group  *group
	axes   axes
	scale  []float64 // of level 0 along its axes, nil when unknown
	levels []*level
	stack  tiles.Stack
	label  string // its name in OME's metadata
}

// open opens the store: its only picture, or the largest of several.
func (o *opening) open(ctx context.Context) (tiles.Slide, error) {
	g, err := o.readGroup(".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bad("there are no attributes beside the file: neither zarr.json nor .zattrs")
	}
	if err != nil {
		return nil, err
	}
	o.parts.Source = o.src
	o.parts.Info.Format, o.parts.Info.Vendor = name, "OME-Zarr"
	o.parts.Info.Properties = map[string]string{"openslide.vendor": name}
	var s *series
	switch {
	case len(g.Multiscales) > 0:
		s, err = o.readSeries(g)
	case len(g.Layout) > 0 || len(g.Series) > 0:
		s, err = o.largest(ctx, g)
	case len(g.Plate) > 0 || len(g.Well) > 0:
		return nil, unsupported("open the folder of one of its fields: plate.zarr/A/1/0", "plate of many pictures")
	default:
		return nil, bad("the attributes describe no picture (no multiscales)")
	}
	if err != nil {
		return nil, err
	}
	if len(g.Multiscales) > 1 {
		o.warn("the first of %d pictures is shown", len(g.Multiscales))
	}
	o.describe(s)
	if o.parts.Info.Fingerprint, err = o.fingerprint(s); err != nil {
		return nil, err
	}
	for _, l := range s.levels {
		o.parts.Levels = append(o.parts.Levels, l)
	}
	return planar.New(o.parts, s.stack)
}

// readSeries reads the arrays of a picture.
func (o *opening) readSeries(g *group) (*series, error) {
	m := &g.Multiscales[0]
	if len(m.Datasets) == 0 || len(m.Datasets) > maxLevels {
		return nil, bad("%s has %d levels", g.describe(), len(m.Datasets))
	}
	s := &series{group: g}
	for i, d := range m.Datasets {
		a, err := o.readArray(g.at, d.Path)
		if err != nil {
			return nil, err
		}
		ax, err := parseAxes(m.Axes, len(a.shape))
		if err != nil {
			return nil, err
		}
		l, err := newLevel(a, ax)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.axes, s.scale = ax, scaleOf(len(a.shape), d.Transforms, m.Transforms)
			if err := s.setStack(a); err != nil {
				return nil, err
			}
		} else if first := s.levels[0]; a.size(ax.c) != first.array.size(s.axes.c) || a.size(ax.t) != first.array.size(s.axes.t) || a.kind.letter != first.array.kind.letter || a.kind.size != first.array.kind.size {
			o.warn("level %d of %s is left out: it has other channels, time points or samples than the first", i, g.describe())
			continue
		}
		l.series = s
		s.levels = append(s.levels, l)
	}
	for _, l := range s.levels {
		l.background = s.background()
		l.planes()
	}
	return s, nil
}

// size of an array along an axis, 1 for an axis that is not there.
func (a *array) size(axis int) int {
	if axis < 0 {
		return 1
	}
	return a.shape[axis]
}

// along is the size of a chunk along an axis.
func (a *array) along(axis int) int {
	if axis < 0 {
		return 1
	}
	return a.chunk[axis]
}

// setStack says which planes the picture has.
func (s *series) setStack(a *array) error {
	channels := a.size(s.axes.c)
	if channels > maxChannels {
		return unsupported("", "%d channels", channels)
	}
	s.stack = tiles.Stack{Z: a.size(s.axes.z), T: a.size(s.axes.t)}
	if s.stack.Z > maxPlanes || s.stack.T > maxPlanes {
		return unsupported("", "%d focal planes and %d time points", s.stack.Z, s.stack.T)
	}
	s.stack.DefaultZ = s.stack.Z / 2
	if om := s.group.Omero; om != nil && om.Defaults.Z != nil && *om.Defaults.Z >= 0 && *om.Defaults.Z < s.stack.Z {
		s.stack.DefaultZ = *om.Defaults.Z
	}
	if s.stack.InColor = s.group.inColour(a.kind, channels); !s.stack.InColor {
		s.stack.Channels = s.group.channels(a.kind, channels)
	}
	return nil
}

// background is the colour where nothing is stored.
func (s *series) background() color.NRGBA {
	if !s.stack.InColor {
		return color.NRGBA{A: 255}
	}
	if v := s.levels[0].array.fill; v >= 1 && v <= 255 {
		return color.NRGBA{R: byte(v), G: byte(v), B: byte(v), A: 255}
	}
	return color.NRGBA{R: 255, G: 255, B: 255, A: 255}
}

// readArray reads the metadata of an array below a group.
func (o *opening) readArray(at, dataset string) (*array, error) {
	folder := path.Join(at, dataset)
	if !inside(dataset) {
		return nil, bad("a level lies at %q", clip(dataset))
	}
	parse := parse2
	data, err := o.readFile(path.Join(folder, ".zarray"))
	if errors.Is(err, fs.ErrNotExist) {
		parse = parse3
		data, err = o.readFile(path.Join(folder, "zarr.json"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bad("level %q is missing: it has neither .zarray nor zarr.json", clip(dataset))
	}
	if err != nil {
		return nil, err
	}
	a, err := parse(data, folder)
	if err != nil {
		return nil, err
	}
	a.src, a.kept = o.src, o.kept
	return a, nil
}

// inside says whether a name stays in its folder.
func inside(name string) bool {
	return name != "" && fs.ValidPath(path.Clean(name))
}

// largest reads all series of a store and returns the one of the most pixels;
// small ones that are called so are associated images.
func (o *opening) largest(ctx context.Context, g *group) (*series, error) {
	meta := o.readMetadata()
	names := g.Series
	if len(names) == 0 {
		if inner, err := o.readGroup("OME"); err == nil {
			names = inner.Series
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	listed := len(names) > 0
	if !listed {
		for i := range maxSeries {
			names = append(names, strconv.Itoa(i))
		}
	}
	if len(names) > maxSeries {
		return nil, bad("%d series", len(names))
	}
	var all []*series
	var best *series
	var first error // why a series cannot be read
	for i, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !inside(n) {
			return nil, bad("a series lies at %q", clip(n))
		}
		inner, err := o.readGroup(path.Clean(n))
		if errors.Is(err, fs.ErrNotExist) && !listed {
			break
		}
		var s *series
		if err == nil && len(inner.Multiscales) == 0 {
			err = bad("series %s has no multiscales", clip(n))
		}
		if err == nil {
			s, err = o.readSeries(inner)
		}
		if err != nil {
			o.warn("series %s is left out: %v", clip(n), err)
			if first == nil {
				first = err
			}
			continue
		}
		s.label = meta.name(i)
		all = append(all, s)
		if best == nil || s.pixels() > best.pixels() {
			best = s
		}
	}
	if best == nil {
		if first != nil {
			return nil, first
		}
		return nil, bad("the store has no series")
	}
	o.associate(all, best)
	o.useMetadata(meta, best, all)
	return best, nil
}

// pixels of the first level.
func (s *series) pixels() int64 {
	l := s.levels[0].sizes
	return int64(l.Width) * int64(l.Height)
}

// describe fills in what the attributes say of the picture.
func (o *opening) describe(s *series) {
	in := &o.parts.Info
	in.Background = s.background()
	if s.scale != nil {
		x, y := microns(s.scale[s.axes.x], s.axes.unit[2]), microns(s.scale[s.axes.y], s.axes.unit[1])
		switch {
		case tiles.SaneMPP(x) && tiles.SaneMPP(y):
			in.MPPX, in.MPPY, in.MPPFrom = x, y, "multiscales.coordinateTransformations"
		case s.axes.unit[2] == "" && in.MPPX == 0:
			o.warn("the scale of %g×%g has no unit: the resolution is unknown", s.scale[s.axes.x], s.scale[s.axes.y])
		case in.MPPX == 0:
			o.warn("a scale of %g×%g %s a pixel cannot be a slide's", s.scale[s.axes.x], s.scale[s.axes.y], clip(s.axes.unit[2]))
		}
	}
	in.ZPlanes = make([]float64, s.stack.Z)
	if s.axes.z >= 0 && s.scale != nil {
		step := microns(s.scale[s.axes.z], s.axes.unit[0])
		for i := range in.ZPlanes {
			in.ZPlanes[i] = float64(i) * step
		}
	}
	m := &s.group.Multiscales[0]
	p := in.Properties
	set := func(key, v string) {
		if v != "" {
			p[key] = v
		}
	}
	set("ome-zarr.version", m.Version)
	set("ome-zarr.name", m.Name)
	set("ome-zarr.series", s.label)
	a := s.levels[0].array
	p["ome-zarr.shape"] = fmt.Sprint(a.shape)
	p["ome-zarr.chunks"] = fmt.Sprint(a.chunk)
	p["ome-zarr.dtype"] = fmt.Sprintf("%c%d", a.kind.letter, 8*a.kind.size)
}
