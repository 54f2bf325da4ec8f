// Package akoya reads QPTIFF, the files of Akoya's (PerkinElmer's) Vectra,
// Polaris and PhenoImager scanners: fluorescence in many channels, or
// brightfield.
//
// A file is a chain of directories, each with XML in its description: the
// channels of the full resolution one after the other, a thumbnail, the channels
// of each smaller level, and an overview and a label of the slide.
//
// Source: the "QPTIFF File Format Specification" of PerkinElmer, 2016, and what
// files show.
package akoya

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/planar"
	"coverslip/tiles/tiff"
)

// name of the reader in errors and Info.
const name = "qptiff"

// Format returns the reader of QPTIFF, which decodes through codecs.
func Format(codecs *codec.Set) tiles.Format {
	return tiles.Format{
		Name: name, Vendor: "Akoya QPTIFF (.qptiff)",
		Detect: func(src *tiles.Source) error {
			_, err := detect(src)
			return err
		},
		Open: func(ctx context.Context, src *tiles.Source) (tiles.Slide, error) { return open(ctx, src, codecs) },
	}
}

func detect(src *tiles.Source) (*tiff.File, error) {
	f, err := tiff.ParseSource(src)
	if err != nil {
		return nil, err
	}
	text, err := f.Directories()[0].Head(tiff.TagImageDescription)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(text, root) {
		return nil, errors.New("the description holds no " + root)
	}
	return f, nil
}

// reading is a file while it is opened.
type reading struct {
	codecs *codec.Set
	first  description // of the first channel
	levels []level     // the largest first
	parts  tiff.Parts
}

// level is the channels of one resolution, in order.
type level struct {
	width, height int
	images        []*tiff.Image
	described     []description
}

func (r *reading) warn(format string, args ...any) {
	r.parts.Info.Warnings = append(r.parts.Info.Warnings, fmt.Sprintf(format, args...))
}

func open(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	f, err := detect(src)
	if err != nil {
		return nil, err
	}
	r := &reading{codecs: codecs}
	r.parts.Source, r.parts.Associated = src, map[string]tiff.Picture{}
	r.parts.Info = tiles.Info{Format: name, Vendor: "Akoya"}
	for _, d := range f.Directories() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.directory(d); err != nil {
			return nil, err
		}
	}
	if err := r.sort(); err != nil {
		return nil, err
	}
	r.describe(f.Directories()[0])
	return r.slide()
}

// directory takes one directory for what its XML says it is. The first must be
// sound; what is wrong with another is told.
func (r *reading) directory(d *tiff.Directory) error {
	text, err := d.Text(tiff.TagImageDescription)
	var about description
	if err == nil {
		about, err = parse(text)
	}
	var m *tiff.Image
	if err == nil {
		m, err = d.Image(r.codecs)
	}
	switch {
	case err != nil && d.Index() == 0:
		return fmt.Errorf("tiles/akoya: the first channel: %w", formatError(err))
	case err != nil:
		r.warn("directory %d left out: %v", d.Index(), err)
		return nil
	}
	if d.Index() == 0 {
		r.first = about
	}
	switch about["ImageType"] {
	case typeFull, typeReduced:
		r.add(m, about)
	case typeThumbnail:
		r.parts.Associated["thumbnail"] = m
	case typeOverview:
		r.parts.Associated["macro"] = m
	case typeLabel:
		r.parts.Associated["label"] = m
	default:
		if d.Index() == 0 {
			r.add(m, about)
		} else {
			r.warn("directory %d left out: image type %q", d.Index(), about["ImageType"])
		}
	}
	return nil
}

// formatError makes an error of the XML one of the file; others are.
func formatError(err error) error {
	var f *tiles.FormatError
	var u *tiles.UnsupportedError
	if errors.As(err, &f) || errors.As(err, &u) {
		return err
	}
	return &tiles.FormatError{Format: name, What: "description", Err: err}
}

// add enters a channel into the level of its size.
func (r *reading) add(m *tiff.Image, about description) {
	for i := range r.levels {
		if l := &r.levels[i]; l.width == m.Width && l.height == m.Height {
			l.images, l.described = append(l.images, m), append(l.described, about)
			return
		}
	}
	r.levels = append(r.levels, level{m.Width, m.Height, []*tiff.Image{m}, []description{about}})
}

// sort orders levels and leaves out those whose channels are not those of the
// first.
func (r *reading) sort() error {
	slices.SortStableFunc(r.levels, func(a, b level) int { return cmp.Compare(b.width, a.width) })
	full := &r.levels[0]
	base := full.images[0]
	for i, m := range full.images {
		if m.Samples != base.Samples || m.Bits != base.Bits || m.Format != base.Format {
			return &tiles.FormatError{Format: name, What: fmt.Sprintf("channel %d has %d samples of %d bits, channel 0 has %d of %d", i, m.Samples, m.Bits, base.Samples, base.Bits)}
		}
	}
	if base.Samples > 1 && len(full.images) > 1 {
		return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf("%d channels of %d samples a pixel", len(full.images), base.Samples)}
	}
	if base.Samples > 1 && !base.InColor() {
		return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf("%d samples of %d bits a pixel", base.Samples, base.Bits)}
	}
	r.levels = slices.DeleteFunc(r.levels, func(l level) bool {
		sound := len(l.images) == len(full.images)
		for _, m := range l.images {
			sound = sound && m.Samples == base.Samples && m.Bits == base.Bits && m.Format == base.Format
		}
		if !sound {
			r.warn("level of %d×%d pixels left out: its %d channels are not the %d of the full resolution", l.width, l.height, len(l.images), len(full.images))
		}
		return !sound
	})
	return nil
}

// describe fills properties, MPP and objective.
func (r *reading) describe(d *tiff.Directory) {
	info := &r.parts.Info
	props, warnings := d.Properties()
	info.Properties = props
	info.Warnings = append(info.Warnings, warnings...)
	for k, v := range r.first {
		switch k {
		case "Name", "Biomarker", "Color", "ExposureTime", "Responsivity", "ImageType": // of one channel
		default:
			props["akoya."+k] = v
		}
	}
	props["openslide.vendor"] = "akoya"
	delete(props, "tiff.ImageDescription") // XML with the whole scan profile
	info.Objective = r.first.objective()
	if x, y := d.ResolutionMPP(); x > 0 {
		info.MPPX, info.MPPY, info.MPPFrom = x, y, "tiff.XResolution"
	}
	var err error
	if r.parts.ICC, err = d.Bytes(tiff.TagICCProfile); err != nil {
		r.parts.ICC = nil
		r.warn("colour profile left out: %v", err)
	}
}

// slide makes the slide: in colour an ordinary one.
func (r *reading) slide() (tiles.Slide, error) {
	full := &r.levels[0]
	if full.images[0].Samples > 1 {
		r.parts.Info.Channels = []string{"R", "G", "B"}
		for _, l := range r.levels {
			r.parts.Levels = append(r.parts.Levels, l.images[0])
		}
		return tiff.NewPartSlide(r.parts)
	}
	st := tiles.Stack{Z: 1, T: 1}
	for i, m := range full.images {
		about := full.described[i]
		st.Channels = append(st.Channels, tiles.Channel{Name: about.channelName(), Color: about.color(), Bits: m.Bits, Float: m.Format != tiff.FormatUint})
		for _, k := range []string{"ExposureTime", "Name", "Biomarker"} {
			if v := about[k]; v != "" {
				r.parts.Info.Properties[fmt.Sprintf("akoya.Channel[%d].%s", i, k)] = v
			}
		}
	}
	levels := r.levels
	of := func(channel int) (out []tiff.SampleGrid) {
		for _, l := range levels {
			out = append(out, tiff.JoinStrips(l.images[channel]))
		}
		return out
	}
	stack := tiff.NewStack(func(p tiles.Plane) (tiff.PlaneLevels, error) {
		return tiff.PlaneLevels{Levels: of(p.Channel)}, nil
	})
	r.parts.Levels = stack.Levels(of(0))
	return planar.New(r.parts, st)
}
