package hamamatsu

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
)

// setName is the reader of sets in errors and Info.
const setName = "hamamatsu-set"

// setHead is the first line of a set.
const setHead = "[NanoZoomer Digital Pathology Image Set]"

// Limits of a set.
const (
	maxSetBytes = 64 << 10
	maxChannels = 64
)

// FormatSet returns the reader of fluorescence sets: a text file that lists the
// NDPI files of one glass, one a filter set, which lie beside it.
func FormatSet(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: setName, Vendor: "Hamamatsu NanoZoomer fluorescence (.ndpis)",
		Detect: func(src *tiles.Source) error {
			_, err := readSet(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return openSet(ctx, src, codecs) },
	}
}

func badSet(format string, args ...any) error {
	return &tiles.FormatError{Format: setName, What: fmt.Sprintf(format, args...)}
}

// readSet reads the text and refuses what is no set.
func readSet(src *tiles.Source) (string, error) {
	b := make([]byte, min(src.Size(), maxSetBytes))
	if len(b) == 0 {
		return "", errors.New("the file is empty")
	}
	if _, err := src.ReadAt(b, 0); err != nil {
		return "", err
	}
	text := strings.TrimLeft(strings.TrimPrefix(string(b), "\ufeff"), " \t\r\n")
	if !strings.HasPrefix(text, setHead) {
		return "", fmt.Errorf("does not begin with %s", setHead)
	}
	return text, nil
}

// parseSet is the names of the files that a set lists, in its order.
func parseSet(text string) ([]string, error) {
	values := parseProperties(text)
	n, err := strconv.Atoi(strings.TrimSpace(values["NoImages"]))
	if err != nil || n < 1 || n > maxChannels {
		return nil, badSet("a set of %q images: 1 to %d are read", values["NoImages"], maxChannels)
	}
	var out []string
	for i := range n {
		v := strings.TrimSpace(values["Image"+strconv.Itoa(i)])
		if v == "" {
			return nil, badSet("image %d of %d is not named", i, n)
		}
		out = append(out, v)
	}
	return out, nil
}

// set is a slide of several NDPI files, each a channel.
type set struct {
	src     *tiles.Source
	members []member
	info    tiles.Info
	stack   tiles.Stack
	shown   []tiles.ChannelView // of DefaultDisplay
	blender *tiles.Blender
}

// member is one file of a set.
type member struct {
	file tiles.Slide
	band int // of its pictures that holds the signal; -1 for the brightest
}

func openSet(ctx context.Context, src *tiles.Source, codecs *codec.Set) (_ tiles.Slide, err error) {
	text, err := readSet(src)
	if err != nil {
		return nil, err
	}
	names, err := parseSet(text)
	if err != nil {
		return nil, err
	}
	s := &set{src: src}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeMembers())
		}
	}()
	var warnings []string
	for _, n := range names {
		if err := s.add(ctx, n, codecs); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			warnings = append(warnings, fmt.Sprintf("channel left out: %v", err))
		}
	}
	if len(s.members) == 0 {
		return nil, badSet("none of its images can be read: %s", strings.Join(warnings, "; "))
	}
	return s, s.describe(warnings)
}

// add opens a file of the set as the next channel.
func (s *set) add(ctx context.Context, file string, codecs *codec.Set) error {
	src, err := s.src.OpenSibling(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: the file is missing", file)
	}
	if err != nil {
		return err
	}
	slide, err := open(ctx, src, codecs)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", file, err), src.Close())
	}
	if len(s.members) > 0 {
		if a, b := s.Levels(), slide.Levels(); !slices.Equal(a, b) || !slices.Equal(s.members[0].file.Info().ZPlanes, slide.Info().ZPlanes) {
			return errors.Join(fmt.Errorf("%s: its pyramid of %d×%d pixels is not that of the other channels, %d×%d",
				file, b[0].Width, b[0].Height, a[0].Width, a[0].Height), slide.Close())
		}
	}
	props := slide.Info().Properties
	c := tiles.Channel{Name: strings.TrimSpace(props["hamamatsu.Fluorescence"]), Bits: 8}
	if c.Name == "" {
		c.Name = strings.TrimSuffix(file, ".ndpi")
	}
	c.Emission = nanometres(props["hamamatsu.EmissionWavelength"])
	_, light, _ := strings.Cut(props["hamamatsu."+keyShading], "\r;ExcitationWaveLength=")
	light, _, _ = strings.Cut(light, "\r")
	c.Excitation = nanometres(light)
	s.members = append(s.members, member{slide, band(c.Emission)})
	s.stack.Channels = append(s.stack.Channels, c)
	return nil
}

// keyShading is the key in the property map whose value describes the filter
// set, in lines that end with \r and begin with a semicolon.
const keyShading = ";NDP Shading Data\r;Version"

// nanometres reads a wavelength, 0 when it is none.
func nanometres(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0 && v < 1e5) {
		return 0
	}
	return v
}

// band is the component of a channel's pictures that holds its signal: the
// scanner writes a channel in the colour of its light. It is -1, the brightest,
// where the light is not visible or not known.
//
// Source: Bio-Formats' reader of sets, which takes the same bands.
func band(emission float64) int {
	switch {
	case emission > 380 && emission <= 490:
		return 2
	case emission > 490 && emission <= 580:
		return 1
	case emission > 580 && emission <= 780:
		return 0
	}
	return -1
}

// describe fills Info and Stack.
func (s *set) describe(warnings []string) error {
	first := s.members[0].file
	s.info = *first.Info()
	s.info.Format, s.info.Path = setName, s.src.Path()
	s.info.Properties = maps.Clone(s.info.Properties)
	s.info.Background = color.NRGBA{A: 255}
	s.info.Warnings = warnings
	for _, m := range s.members {
		s.info.Warnings = append(s.info.Warnings, m.file.Info().Warnings...)
	}
	tiles.CompleteChannels(s.stack.Channels)
	s.info.Channels = tiles.ChannelNames(s.stack.Channels)
	s.stack.Z, s.stack.T = len(s.info.ZPlanes), 1
	if p, ok := first.(tiles.Planar); ok {
		s.stack.DefaultZ = p.Stack().DefaultZ
	}
	// The text names files and may be the same in every set: the identity is
	// that of the files.
	var all []string
	for _, m := range s.members {
		all = append(all, m.file.Info().Fingerprint)
	}
	text := strings.Join(all, "\n")
	var err error
	if s.info.Fingerprint, err = tiles.FingerprintOf(strings.NewReader(text), int64(len(text))); err != nil {
		return err
	}
	s.shown = tiles.DefaultDisplay(&s.stack).Channels
	s.blender, err = tiles.NewBlender(&s.stack, s.shown)
	return err
}

// Info implements tiles.Slide.
func (s *set) Info() *tiles.Info { return &s.info }

// Levels implements tiles.Slide.
func (s *set) Levels() []tiles.Level { return s.members[0].file.Levels() }

// ICC implements tiles.Slide: the colours of channels are this program's.
func (s *set) ICC() []byte { return nil }

// AssociatedImage implements tiles.Slide: it is the first file's.
func (s *set) AssociatedImage(ctx context.Context, name string) (*image.RGBA, error) {
	return s.members[0].file.AssociatedImage(ctx, name)
}

// Stack implements tiles.Planar.
func (s *set) Stack() *tiles.Stack { return &s.stack }

// ReadTile implements tiles.Slide: the channels as DefaultDisplay draws them.
func (s *set) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	planes := make([]*tiles.Raster, len(s.members))
	missing := true
	for i := range planes {
		if s.shown[i].Hidden {
			continue
		}
		planes[i] = s.stack.Channels[i].Raster(w, h)
		err := s.ReadPlane(ctx, k, tiles.Plane{Channel: i, Z: s.stack.DefaultZ}, planes[i])
		if err != nil && !errors.Is(err, tiles.ErrMissing) {
			return err
		}
		missing = missing && err != nil
	}
	if missing {
		tiles.Fill(dst, s.info.Background)
		return tiles.ErrMissing
	}
	s.blender.Blend(dst, planes)
	return nil
}

// ReadPlane implements tiles.Planar.
func (s *set) ReadPlane(ctx context.Context, k tiles.Key, p tiles.Plane, dst *tiles.Raster) error {
	if err := s.stack.Check(p); err != nil {
		return &tiles.TileError{Key: k, Err: err}
	}
	if dst.Width < 0 || dst.Height < 0 || len(dst.Uint16) != dst.Width*dst.Height {
		return &tiles.TileError{Key: k, Err: fmt.Errorf("%d samples of 16 bits for %d×%d pixels", len(dst.Uint16), dst.Width, dst.Height)}
	}
	m := s.members[p.Channel]
	buf := scratch(4 * len(dst.Uint16))
	defer buffers.Put(buf)
	img := &image.RGBA{Pix: *buf, Stride: 4 * dst.Width, Rect: image.Rect(0, 0, dst.Width, dst.Height)}
	var err error
	if in, ok := m.file.(tiles.Planar); ok {
		err = in.ReadPlane(ctx, k, tiles.Plane{Z: p.Z}, &tiles.Raster{Width: dst.Width, Height: dst.Height, RGBA: img})
	} else {
		err = m.file.ReadTile(ctx, k, img)
	}
	if err != nil {
		clear(dst.Uint16)
		return err
	}
	m.signal(dst.Uint16, img.Pix)
	return nil
}

// signal takes the samples of a channel from its picture.
func (m member) signal(dst []uint16, pix []byte) {
	for i := range dst {
		p := pix[4*i : 4*i+4 : 4*i+4]
		if m.band < 0 {
			dst[i] = uint16(max(p[0], p[1], p[2]))
		} else {
			dst[i] = uint16(p[m.band&3])
		}
	}
}

func (s *set) closeMembers() error {
	var all []error
	for _, m := range s.members {
		all = append(all, m.file.Close())
	}
	return errors.Join(all...)
}

// Close implements tiles.Slide.
func (s *set) Close() error { return errors.Join(s.closeMembers(), s.src.Close()) }
