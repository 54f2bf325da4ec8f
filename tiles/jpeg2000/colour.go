package jpeg2000

import (
	"fmt"
	"image"
)

// Colour is the meaning of a codestream's components.
type Colour int

// The meanings a container can declare.
const (
	ColourAuto  Colour = iota // RGB (after the component transform when there is one)
	ColourRGB                 // R, G, B
	ColourYCbCr               // Y, Cb, Cr, maybe subsampled, converted after decoding (Aperio 33003)
	ColourGrey                // one component
)

// DimensionError says that a codestream is not the size asked for.
type DimensionError struct {
	GotWidth, GotHeight   int // pixels of the codestream
	WantWidth, WantHeight int // pixels of the destination
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("JPEG 2000 image is %d×%d pixels where %d×%d are due", e.GotWidth, e.GotHeight, e.WantWidth, e.WantHeight)
}

// CheckPicture compares what a stream says with the picture that its pixels
// shall fill when its finest reduce resolutions are left out. It is asked
// before anything is decoded.
//
// Errors: *DimensionError; *tiles.UnsupportedError for samples that are not
// unsigned bytes; a colour of other components; a dst that is too small.
func (h *Header) CheckPicture(dst *image.RGBA, colour Colour, reduce int) error {
	if err := h.checkReduce(reduce); err != nil {
		return err
	}
	w, ht := dst.Rect.Dx(), dst.Rect.Dy()
	if rw, rh := h.Reduced(reduce); rw != w || rh != ht {
		return &DimensionError{h.Width, h.Height, w << reduce, ht << reduce}
	}
	return h.checkColours(dst, colour)
}

// CheckPart is CheckPicture for the pixels of r alone, which dst shall hold.
func (h *Header) CheckPart(dst *image.RGBA, colour Colour, r image.Rectangle) error {
	if r.Empty() || !r.In(image.Rect(0, 0, h.Width, h.Height)) {
		return fmt.Errorf("no part %v of a JPEG 2000 image of %d×%d pixels", r, h.Width, h.Height)
	}
	if dst.Rect.Size() != r.Size() {
		return fmt.Errorf("destination of %v for the part %v of a JPEG 2000 image", dst.Rect.Size(), r)
	}
	return h.checkColours(dst, colour)
}

// checkColours compares the components with what a picture needs.
func (h *Header) checkColours(dst *image.RGBA, colour Colour) error {
	w, ht := dst.Rect.Dx(), dst.Rect.Dy()
	if err := h.Colours8(); err != nil {
		return err
	}
	grey := h.Components < 3
	if grey != (colour == ColourGrey) || grey && h.Components != 1 {
		return fmt.Errorf("JPEG 2000 image of %d components does not fit the slide's colour", h.Components)
	}
	if dst.Stride < 4*w || len(dst.Pix) < (ht-1)*dst.Stride+4*w {
		return fmt.Errorf("destination of %d bytes is too small for %d×%d pixels", len(dst.Pix), w, ht)
	}
	return nil
}

func (h *Header) checkReduce(reduce int) error {
	if reduce < 0 || reduce > h.Resolutions {
		return fmt.Errorf("JPEG 2000 image of %d resolutions cannot be reduced %d times", h.Resolutions, reduce)
	}
	return nil
}

// Plane is one decoded component.
type Plane struct {
	Pix           []int32 // samples, row by row
	Width, Height int     // samples
	StepX, StepY  int     // pixels of the picture per sample
}

// row is the samples that picture row y lies on.
func (p *Plane) row(y int) []int32 { return p.Pix[y/p.StepY*p.Width : (y/p.StepY+1)*p.Width] }

// covers says whether the plane has samples for w×h pixels.
func (p *Plane) covers(w, h int) bool {
	return p.StepX >= 1 && p.StepY >= 1 && p.Width >= ceilDiv(w, p.StepX) && p.Height >= ceilDiv(h, p.StepY) &&
		len(p.Pix) >= p.Width*p.Height
}

// Paint fills dst, opaque, from planes of 8-bit samples. Chroma is taken from
// the sample that covers the pixel, as OpenSlide takes it.
func Paint(dst *image.RGBA, planes []Plane, colour Colour) error {
	w, h, n := dst.Rect.Dx(), dst.Rect.Dy(), 3
	if colour == ColourGrey {
		n = 1
	}
	if len(planes) < n {
		return damaged("%d components where %d are due", len(planes), n)
	}
	for i := range n {
		if p := &planes[i]; !p.covers(w, h) {
			return damaged("component %d of %d×%d samples for %d×%d pixels", i, p.Width, p.Height, w, h)
		}
	}
	for y := range h {
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*w : y*dst.Stride+4*w]
		switch {
		case n == 1:
			greyRow(row, &planes[0], y)
		case colour == ColourYCbCr:
			yccRow(row, planes, y)
		default:
			rgbRow(row, planes, y)
		}
	}
	return nil
}

func greyRow(row []byte, pl *Plane, y int) {
	s := pl.row(y)
	for x := range len(row) / 4 {
		v := clamp(s[x/pl.StepX])
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = v, v, v, 255
	}
}

func rgbRow(row []byte, pl []Plane, y int) {
	r, g, b := pl[0].row(y), pl[1].row(y), pl[2].row(y)
	if pl[0].StepX != 1 || pl[1].StepX != 1 || pl[2].StepX != 1 {
		for x := range len(row) / 4 {
			p := row[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2], p[3] = clamp(r[x/pl[0].StepX]), clamp(g[x/pl[1].StepX]), clamp(b[x/pl[2].StepX]), 255
		}
		return
	}
	n := len(row) / 4
	r, g, b = r[:n], g[:n], b[:n]
	for x := range n {
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0], p[1], p[2], p[3] = clamp(r[x]), clamp(g[x]), clamp(b[x]), 255
	}
}

// yccRow converts by the equations of ITU-T T.871 section 7 in 16-bit fixed
// point, rounded as libjpeg rounds.
func yccRow(row []byte, pl []Plane, y int) {
	ys, cbs, crs := pl[0].row(y), pl[1].row(y), pl[2].row(y)
	for x := range len(row) / 4 {
		yy := ys[x/pl[0].StepX]
		cb, cr := cbs[x/pl[1].StepX]-128, crs[x/pl[2].StepX]-128
		p := row[4*x : 4*x+4 : 4*x+4]
		p[0] = clamp(yy + (91881*cr+32768)>>16)
		p[1] = clamp(yy + (-22554*cb-46802*cr+32768)>>16)
		p[2] = clamp(yy + (116130*cb+32768)>>16)
		p[3] = 255
	}
}

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }
