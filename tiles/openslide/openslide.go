// Package openslide reads slides through libopenslide where it is installed: the
// reader of last resort, asked after all of ours, for Sakura, Huron and whatever
// else a lab may have. It is slower than ours, knows one picture a slide in
// eight bits, and is not used for files of doubtful origin: a defect of a C
// library cannot be recovered from.
package openslide

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"strconv"
	"sync"

	"coverslip/tiles"
	"coverslip/tiles/native/dl"
	native "coverslip/tiles/native/openslide"
)

const name = "openslide"

// Format returns the reader. allowed is false where native libraries are turned
// off.
func Format(allowed bool) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "what libopenslide reads, where it is installed",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src, allowed)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) {
			vendor, err := detect(src, allowed)
			if err != nil {
				return nil, err
			}
			return open(src, vendor)
		},
	}
}

// detect asks the library for the vendor of a file on disk.
func detect(src *tiles.Source, allowed bool) (string, error) {
	if !allowed {
		return "", errors.New("native libraries are turned off")
	}
	if st, err := os.Stat(src.Path()); err != nil || !st.Mode().IsRegular() {
		return "", errors.New("libopenslide reads files on disk only")
	}
	vendor, err := native.Detect(src.Path())
	switch {
	case errors.Is(err, dl.ErrNotFound):
		return "", errors.New("libopenslide is not installed")
	case err != nil:
		return "", err
	case vendor == "":
		return "", errors.New("libopenslide does not know it")
	}
	return vendor, nil
}

// slide is a tiles.Slide read by libopenslide.
type slide struct {
	src    *tiles.Source
	info   tiles.Info
	levels []tiles.Level
	icc    []byte

	mu     sync.RWMutex // held for writing while the handle is replaced
	handle *native.Slide
	closed bool
}

func open(src *tiles.Source, vendor string) (tiles.Slide, error) {
	h, err := native.Open(src.Path())
	if err != nil {
		return nil, &tiles.FormatError{Format: name, What: "libopenslide cannot open the file", Err: err}
	}
	s := &slide{src: src, handle: h}
	if err := s.describe(vendor); err != nil {
		h.Close()
		return nil, err
	}
	s.icc = h.ICC()
	return s, nil
}

// usual is the side of a tile where the slide does not tell its own.
const usual = 256

// maxSide bounds a level, and a tile, in pixels.
const (
	maxSide     = math.MaxInt32
	maxTileSide = 4096
)

func (s *slide) describe(vendor string) error {
	props := s.handle.Properties()
	sizes, downsamples := s.handle.Levels()
	if len(sizes) == 0 || len(sizes) > 64 {
		return &tiles.FormatError{Format: name, What: fmt.Sprintf("%d levels", len(sizes))}
	}
	for i, size := range sizes {
		if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide || !(downsamples[i] >= 1) {
			return &tiles.FormatError{Format: name, What: fmt.Sprintf("level %d of %d×%d pixels, downsample %g", i, size.X, size.Y, downsamples[i])}
		}
		side := func(axis string) int {
			n, err := strconv.Atoi(props[fmt.Sprintf("openslide.level[%d].tile-%s", i, axis)])
			if err != nil || n < 16 || n > maxTileSide {
				return usual
			}
			return n
		}
		l := tiles.Level{Width: size.X, Height: size.Y, Downsample: downsamples[i], TileWidth: side("width"), TileHeight: side("height")}
		if n := len(s.levels); n > 0 && (l.Width >= s.levels[n-1].Width || l.Height > s.levels[n-1].Height || l.Downsample <= s.levels[n-1].Downsample) {
			return &tiles.FormatError{Format: name, What: fmt.Sprintf("level %d is not smaller than the one before", i)}
		}
		s.levels = append(s.levels, l)
	}
	fp, err := tiles.FingerprintOf(s.src, s.src.Size())
	if err != nil {
		return err
	}
	s.info = tiles.Info{
		Format: name, Vendor: vendor, Path: s.src.Path(), Channels: []string{"R", "G", "B"}, ZPlanes: []float64{0},
		Background: color.NRGBA{R: 255, G: 255, B: 255, A: 255}, Properties: props, Associated: s.handle.AssociatedNames(), Fingerprint: fp,
		Warnings: []string{fmt.Sprintf("read through libopenslide %s: slower than formats that are read directly", s.handle.Version())},
	}
	if c, err := strconv.ParseUint(props["openslide.background-color"], 16, 32); err == nil && len(props["openslide.background-color"]) == 6 {
		s.info.Background = color.NRGBA{R: byte(c >> 16), G: byte(c >> 8), B: byte(c), A: 255}
	}
	number := func(key string) float64 {
		v, err := strconv.ParseFloat(props[key], 64)
		if err != nil {
			return 0
		}
		return v
	}
	if x, y := number("openslide.mpp-x"), number("openslide.mpp-y"); tiles.SaneMPP(x) && tiles.SaneMPP(y) {
		s.info.MPPX, s.info.MPPY, s.info.MPPFrom = x, y, "openslide.mpp-x"
	}
	if o := number("openslide.objective-power"); o > 0 && o < 1000 {
		s.info.Objective = o
	}
	whole := image.Rect(0, 0, s.levels[0].Width, s.levels[0].Height)
	if s.info.Bounds = bounds(props).Intersect(whole); s.info.Bounds == whole {
		s.info.Bounds = image.Rectangle{}
	}
	s.complete(props)
	return nil
}

// bounds is where anything was scanned, empty when the slide does not say.
func bounds(props map[string]string) image.Rectangle {
	var v [4]int
	for i, k := range [4]string{"x", "y", "width", "height"} {
		n, err := strconv.ParseInt(props["openslide.bounds-"+k], 10, 32)
		if err != nil {
			return image.Rectangle{}
		}
		v[i] = int(n)
	}
	return image.Rect(v[0], v[1], v[0]+max(0, v[2]), v[1]+max(0, v[3]))
}

// complete adds the properties that OpenSlide 3 leaves out.
func (s *slide) complete(props map[string]string) {
	set := func(key string, v int) {
		if props[key] == "" {
			props[key] = strconv.Itoa(v)
		}
	}
	set("openslide.level-count", len(s.levels))
	for i, l := range s.levels {
		set(fmt.Sprintf("openslide.level[%d].width", i), l.Width)
		set(fmt.Sprintf("openslide.level[%d].height", i), l.Height)
	}
}

// Info describes the slide.
func (s *slide) Info() *tiles.Info { return &s.info }

// Levels lists the pyramid.
func (s *slide) Levels() []tiles.Level { return s.levels }

// ICC returns the colour profile, which OpenSlide 3 does not tell.
func (s *slide) ICC() []byte { return s.icc }

// Close frees the handle and the file.
func (s *slide) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return tiles.ErrClosed
	}
	s.closed = true
	if s.handle != nil {
		s.handle.Close()
	}
	return s.src.Close()
}

// ReadTile implements tiles.Slide. Where a level's downsample is no whole number
// a tile's corner falls between two pixels of level 0, and OpenSlide interpolates.
func (s *slide) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if k.Level < 0 || k.Level >= len(s.levels) {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("the slide has %d levels", len(s.levels))}
	}
	l := s.levels[k.Level]
	r := l.TileRect(k.Col, k.Row)
	if k.Col < 0 || k.Row < 0 || r.Empty() || r.Size() != dst.Rect.Size() {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("destination of %v for a tile of %v pixels", dst.Rect.Size(), r.Size())}
	}
	whole := dst
	if dst.Stride != 4*r.Dx() {
		whole = image.NewRGBA(image.Rectangle{Max: r.Size()})
	}
	x, y := int(math.Round(float64(r.Min.X)*l.Downsample)), int(math.Round(float64(r.Min.Y)*l.Downsample))
	err := s.use(func(h *native.Slide) error { return h.ReadRegion(k.Level, x, y, whole) })
	switch {
	case errors.Is(err, tiles.ErrClosed):
		return err
	case err != nil:
		return &tiles.TileError{Key: k, Err: err}
	}
	stored := s.cover(whole)
	for y := range r.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*r.Dx()], whole.Pix[y*whole.Stride:])
	}
	if !stored {
		return tiles.ErrMissing
	}
	return nil
}

// cover lays what is transparent on the background; false when all of it is.
func (s *slide) cover(m *image.RGBA) (stored bool) {
	bg := s.info.Background
	for i := 0; i+3 < len(m.Pix); i += 4 {
		p := m.Pix[i : i+4 : i+4]
		if p[3] == 255 {
			stored = true
			continue
		}
		stored = stored || p[3] > 0
		rest := uint32(255 - p[3])
		p[0] += byte(rest * uint32(bg.R) / 255)
		p[1] += byte(rest * uint32(bg.G) / 255)
		p[2] += byte(rest * uint32(bg.B) / 255)
		p[3] = 255
	}
	return stored
}

// use calls f with the handle. OpenSlide keeps its first error for good; then
// the handle is replaced, so that one bad tile does not end the slide.
func (s *slide) use(f func(*native.Slide) error) error {
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return tiles.ErrClosed
	}
	h := s.handle
	var err error
	if h == nil {
		err = errors.New("libopenslide cannot open the file any more")
	} else {
		err = f(h)
	}
	s.mu.RUnlock()
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.handle != h { // somebody did it
		return err
	}
	if h != nil {
		h.Close()
	}
	fresh, openErr := native.Open(s.src.Path())
	s.handle = fresh
	if openErr != nil {
		s.handle = nil
		return errors.Join(err, openErr)
	}
	return err
}

// AssociatedImage implements tiles.Slide.
func (s *slide) AssociatedImage(ctx context.Context, want string) (*image.RGBA, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, n := range s.info.Associated {
		if n != want {
			continue
		}
		var m *image.RGBA
		err := s.use(func(h *native.Slide) (err error) {
			m, err = h.Associated(want)
			return err
		})
		return m, err
	}
	if s.src.Err() != nil {
		return nil, s.src.Err()
	}
	return nil, fmt.Errorf("%q: %w", want, tiles.ErrNoAssociated)
}
