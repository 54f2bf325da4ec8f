package tiles

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// viewBytes bounds the samples that the views of one slide keep: a screen of
// full HD in eight channels of 16 bits, with its surroundings.
const viewBytes = 96 << 20

// View draws chosen planes of a Planar slide and is itself an ordinary Slide:
// Loader, Halved, Thumbnail and ReadRegion work over it. It is safe for
// concurrent use.
//
// A view never changes; With makes another one of the same slide, which shares
// the samples read so far: to move a window or to hide a channel decodes nothing
// again. The views of a slide need no closing of their own: Close closes the
// slide.
type View struct {
	slide   Planar
	info    Info
	display Display
	shared  *viewShared

	mu      sync.Mutex // held while the windows are found
	blender atomic.Pointer[Blender]
}

// viewShared is what the views of one slide have in common.
type viewShared struct {
	recent *lru[planeKey, storedPlane]
	closed atomic.Bool

	mu      sync.Mutex
	windows map[Plane][2]float64 // found before
	last    *Blender             // the tables made last
}

// planeKey is a tile of a plane.
type planeKey struct {
	key   Key
	plane Plane
}

// storedPlane is a tile's samples, which are never changed; nil where none were
// ever stored.
type storedPlane struct{ raster *Raster }

// DefaultDisplay is what is drawn of a stack when nothing is asked: the first
// channels that are not hidden, at most seven, as Channel says, in the focal
// plane Stack.DefaultZ of the first time point. Where all are hidden, the first
// is drawn: a black picture helps nobody.
func DefaultDisplay(st *Stack) Display {
	d := Display{Z: min(max(st.DefaultZ, 0), max(st.Z-1, 0))}
	if st.InColor {
		return d
	}
	d.Channels = make([]ChannelView, len(st.Channels))
	shown := 0
	for i, c := range st.Channels {
		d.Channels[i] = ChannelView{Hidden: c.Hidden || shown >= maxShown, Color: c.Color, Low: c.Low, High: c.High, Gamma: c.Gamma}
		if !d.Channels[i].Hidden {
			shown++
		}
	}
	if shown == 0 && len(d.Channels) > 0 {
		d.Channels[0].Hidden = false
	}
	return d
}

// Clone is a copy that shares nothing with d.
func (d Display) Clone() Display {
	d.Channels = slices.Clone(d.Channels)
	return d
}

// NewView draws s as d says; d is copied. A channel whose Low and High are equal
// gets the window that AutoWindow finds, when the first tile is read. It is an
// error when d does not fit the slide's Stack.
func NewView(s Planar, d Display) (*View, error) {
	return newView(s, d, &viewShared{recent: newLRU[planeKey, storedPlane](viewBytes), windows: map[Plane][2]float64{}})
}

// With is another view of the same slide; see View.
func (v *View) With(d Display) (*View, error) { return newView(v.slide, d, v.shared) }

func newView(s Planar, d Display, shared *viewShared) (*View, error) {
	st := s.Stack()
	if err := st.Check(Plane{Z: d.Z, T: d.T}); err != nil {
		return nil, fmt.Errorf("tiles: view: %w", err)
	}
	v := &View{slide: s, display: d.Clone(), shared: shared}
	if st.InColor {
		v.display.Channels = nil
	} else if len(d.Channels) != len(st.Channels) {
		return nil, fmt.Errorf("tiles: view of %d channels: the slide has %d", len(d.Channels), len(st.Channels))
	}
	for i := range v.display.Channels {
		c := v.display.Channels[i]
		if c.Low == c.High { // found later
			c.Low, c.High = fullWindow(&st.Channels[i])
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("tiles: view: channel %q: %w", st.Channels[i].Name, err)
		}
	}
	v.describe(st)
	return v, nil
}

// describe makes the view's Info.
func (v *View) describe(st *Stack) {
	v.info = *v.slide.Info()
	v.info.Properties = maps.Clone(v.info.Properties)
	if v.info.Properties == nil {
		v.info.Properties = map[string]string{}
	}
	if !st.InColor {
		var shown []string
		for i, c := range v.display.Channels {
			if !c.Hidden {
				shown = append(shown, st.Channels[i].Name)
			}
		}
		v.info.Channels = shown
		v.info.Properties["coverslip.shown.channels"] = strings.Join(shown, ", ")
	}
	v.info.Properties["coverslip.shown.z"] = strconv.Itoa(v.display.Z)
	v.info.Properties["coverslip.shown.t"] = strconv.Itoa(v.display.T)
}

// Source is the slide that is drawn.
func (v *View) Source() Planar { return v.slide }

// Display says what is drawn, as it was asked for: a window that is to be found
// is still empty. See Resolved.
func (v *View) Display() Display { return v.display.Clone() }

// Resolved is Display with the windows that are found from pixels, which it may
// read.
func (v *View) Resolved(ctx context.Context) (Display, error) {
	d := v.display.Clone()
	st := v.slide.Stack()
	for i := range d.Channels {
		c := &d.Channels[i]
		if c.Low != c.High {
			continue
		}
		var err error
		if c.Low, c.High, err = v.shared.window(ctx, v.slide, Plane{i, min(st.DefaultZ, st.Z-1), 0}); err != nil {
			return d, err
		}
	}
	return d, nil
}

// window is AutoWindow, remembered. A channel of which no tile can be read gets
// its full range: the other channels are still to be seen.
func (s *viewShared) window(ctx context.Context, slide Planar, p Plane) (low, high float64, err error) {
	s.mu.Lock()
	w, ok := s.windows[p]
	s.mu.Unlock()
	if ok {
		return w[0], w[1], nil
	}
	low, high, err = AutoWindow(ctx, slide, p)
	var bad *TileError
	switch {
	case errors.As(err, &bad):
		low, high = fullWindow(&slide.Stack().Channels[p.Channel])
	case err != nil:
		return 0, 0, err
	}
	s.mu.Lock()
	s.windows[p] = [2]float64{low, high}
	s.mu.Unlock()
	return low, high, nil
}

// Info describes the slide; Channels names those that are drawn, and properties
// beginning with "coverslip.shown." say which planes are.
func (v *View) Info() *Info { return &v.info }

// Levels lists the slide's pyramid.
func (v *View) Levels() []Level { return v.slide.Levels() }

// AssociatedImage decodes an image of the slide.
func (v *View) AssociatedImage(ctx context.Context, name string) (*image.RGBA, error) {
	return v.slide.AssociatedImage(ctx, name)
}

// ICC returns the slide's colour profile; nil for channels, whose colours are
// this program's.
func (v *View) ICC() []byte {
	if !v.slide.Stack().InColor {
		return nil
	}
	return v.slide.ICC()
}

// Close closes the slide, and so all its views.
func (v *View) Close() error {
	v.shared.closed.Store(true)
	return v.slide.Close()
}

// ReadTile draws one tile. It is ErrMissing, and dst the background, when no
// drawn plane stores it.
func (v *View) ReadTile(ctx context.Context, k Key, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if v.shared.closed.Load() {
		return ErrClosed
	}
	levels := v.slide.Levels()
	if k.Level < 0 || k.Level >= len(levels) {
		return &TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(levels))}
	}
	if r := levels[k.Level].TileRect(k.Col, k.Row); r.Empty() || r.Size() != dst.Rect.Size() {
		return &TileError{Key: k, Err: fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), r.Size())}
	}
	if v.slide.Stack().InColor {
		p := Plane{Z: v.display.Z, T: v.display.T}
		return v.slide.ReadPlane(ctx, k, p, &Raster{Width: dst.Rect.Dx(), Height: dst.Rect.Dy(), RGBA: dst})
	}
	b, err := v.ready(ctx)
	if err != nil {
		return err
	}
	var few [16]*Raster
	planes := few[:]
	if n := len(v.display.Channels); n > len(few) {
		planes = make([]*Raster, n)
	}
	missing := true
	for _, c := range b.channels {
		raster, err := v.plane(ctx, planeKey{k, Plane{c.index, v.display.Z, v.display.T}}, dst.Rect.Size())
		if err != nil {
			return err
		}
		planes[c.index] = raster
		missing = missing && raster == nil
	}
	if missing && len(b.channels) > 0 {
		Fill(dst, v.info.Background)
		return ErrMissing
	}
	b.Blend(dst, planes)
	return nil
}

// ready is the blender, made when the first tile is read: its windows may have
// to be found.
func (v *View) ready(ctx context.Context) (*Blender, error) {
	if b := v.blender.Load(); b != nil {
		return b, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if b := v.blender.Load(); b != nil {
		return b, nil
	}
	d, err := v.Resolved(ctx)
	if err != nil {
		return nil, err
	}
	v.shared.mu.Lock()
	before := v.shared.last
	v.shared.mu.Unlock()
	b, err := newBlender(v.slide.Stack(), d.Channels, before)
	if err != nil {
		return nil, err
	}
	v.shared.mu.Lock()
	v.shared.last = b
	v.shared.mu.Unlock()
	v.blender.Store(b)
	return b, nil
}

// plane returns a tile's samples, recent or read now; nil where none are stored.
func (v *View) plane(ctx context.Context, k planeKey, size image.Point) (*Raster, error) {
	if s, ok := v.shared.recent.get(k); ok {
		return s.raster, nil
	}
	raster := v.slide.Stack().Channels[k.plane.Channel].Raster(size.X, size.Y)
	err := v.slide.ReadPlane(ctx, k.key, k.plane, raster)
	if errors.Is(err, ErrMissing) {
		raster, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	cost := int64(64)
	if raster != nil {
		cost += int64(2*len(raster.Uint16) + 4*len(raster.Float32))
	}
	v.shared.recent.put(k, storedPlane{raster}, cost)
	return raster, nil
}
