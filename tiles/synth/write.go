package synth

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strconv"

	"coverslip/tiles/native/turbojpeg"
	"coverslip/tiles/tiffwrite"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// Formats of Write.
const (
	FormatSVS     = "svs"  // Aperio-like
	FormatOME     = "ome"  // OME-TIFF
	FormatGeneric = "tiff" // plain pyramid
)

// Write draws the whole slide into a pyramidal file of the given format.
// progress, which may be nil, hears the tiles of level 0 done and in all. path
// appears only when the file is whole. JPEG is made by libjpeg-turbo where it
// is installed and by Go otherwise.
func Write(ctx context.Context, s *Scene, path string, format string, progress func(done, total int)) error {
	o := tiffwrite.Options{
		Width: s.o.Width, Height: s.o.Height, MPP: s.o.MPP, Objective: objective(s.o.MPP),
		Software: "Coverslip synth", Name: "Synthetic H&E, seed " + strconv.FormatInt(s.o.Seed, 10),
		Quality: 82, Associated: s.associated, Progress: progress,
		Properties: []tiffwrite.Property{{Key: "ScanScope ID", Value: "SYNTHETIC"}, {Key: "Seed", Value: strconv.FormatInt(s.o.Seed, 10)}},
	}
	switch format {
	case FormatSVS:
		o.Layout = tiffwrite.Aperio
	case FormatOME:
		o.Layout = tiffwrite.OME
	case FormatGeneric:
		o.Layout = tiffwrite.Generic
	default:
		return fmt.Errorf("synth: format %q is unknown; %s, %s and %s are possible", format, FormatSVS, FormatOME, FormatGeneric)
	}
	if lib, err := turbojpeg.Load(); err == nil {
		o.Encode = func(img *image.RGBA, quality int) ([]byte, error) { return lib.Encode(img, quality, "420") }
	}
	return tiffwrite.Write(ctx, path, o, func(_ context.Context, x, y int, dst *image.RGBA) error {
		s.Render(x, y, 1, dst)
		return nil
	})
}

// WriteSmall draws a slide of 1200 x 900 pixels of the seed as SVS, for tests
// that need a file at once.
func WriteSmall(ctx context.Context, path string, seed int64) (*Scene, error) {
	s, err := New(Options{Width: 1200, Height: 900, Seed: seed})
	if err != nil {
		return nil, err
	}
	return s, Write(ctx, s, path, FormatSVS, nil)
}

// objective is the nominal magnification that goes with a pixel size: 10 µm
// divided by it.
func objective(mpp float64) float64 {
	for _, m := range []float64{80, 40, 20, 10, 5, 2.5} {
		if 10/mpp >= m*0.8 {
			return m
		}
	}
	return 1
}

// associated makes a paper label and a photograph of the whole glass.
func (s *Scene) associated(thumb *image.RGBA) (label, macro *image.RGBA) {
	label = image.NewRGBA(image.Rect(0, 0, 320, 320))
	draw.Draw(label, label.Rect, image.NewUniform(color.RGBA{250, 250, 246, 255}), image.Point{}, draw.Src)
	small := image.NewRGBA(image.Rect(0, 0, 107, 107))
	draw.Draw(small, small.Rect, image.NewUniform(color.RGBA{250, 250, 246, 255}), image.Point{}, draw.Src)
	for i, line := range []string{"SYNTHETIC", "H&E", "", "seed " + strconv.FormatInt(s.o.Seed, 10), "", "not a patient"} {
		d := font.Drawer{Dst: small, Src: image.NewUniform(color.RGBA{30, 30, 60, 255}), Face: basicfont.Face7x13, Dot: fixed.P(5, 18+15*i)}
		d.DrawString(line)
	}
	xdraw.NearestNeighbor.Scale(label, label.Rect, small, small.Rect, draw.Src, nil)

	// A glass of 75 x 25 mm lying down, its label on the left.
	macro = image.NewRGBA(image.Rect(0, 0, 1280, 430))
	draw.Draw(macro, macro.Rect, image.NewUniform(color.RGBA{212, 214, 213, 255}), image.Point{}, draw.Src)
	xdraw.ApproxBiLinear.Scale(macro, image.Rect(20, 60, 330, 370), label, label.Rect, draw.Src, nil)
	w, h := 860.0, 400.0
	k := min(w/float64(thumb.Rect.Dx()), h/float64(thumb.Rect.Dy()))
	tw, th := int(k*float64(thumb.Rect.Dx())), int(k*float64(thumb.Rect.Dy()))
	if tw > 0 && th > 0 {
		at := image.Pt(370+(860-tw)/2, (430-th)/2)
		xdraw.ApproxBiLinear.Scale(macro, image.Rectangle{Min: at, Max: at.Add(image.Pt(tw, th))}, thumb, thumb.Rect, draw.Src, nil)
	}
	return label, macro
}
