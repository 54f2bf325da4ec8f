package dicom

import (
	"fmt"

	"coverslip/tiles/dicomfile"
)

// hintConvert is what to do with a file whose compression is not read.
const hintConvert = "convert the file to JPEG, JPEG 2000 or uncompressed, for instance with dcmconv, dcmdjpls or gdcmconv"

// readEncoding checks that the pixels are of a kind that is read.
func (in *instance) readEncoding(d *dicomfile.Dataset) error {
	ints := [6]int64{}
	for i, t := range []struct {
		tag dicomfile.Tag
		def int64
	}{{dicomfile.SamplesPerPixel, 1}, {dicomfile.BitsAllocated, 8}, {dicomfile.BitsStored, 0}, {dicomfile.PixelRepresentation, 0}, {dicomfile.PlanarConfiguration, 0}, {dicomfile.HighBit, -1}} {
		v, err := d.Int(t.tag, t.def)
		if err != nil {
			return err
		}
		ints[i] = v
	}
	samples, bits, stored, signed, planar := ints[0], ints[1], ints[2], ints[3], ints[4]
	if stored == 0 {
		stored = bits
	}
	high := ints[5]
	if high < 0 {
		high = stored - 1
	}
	switch {
	case samples != 1 && samples != 3:
		return unsupported("", "%d samples per pixel (1 and 3 are read)", samples)
	case bits != 8 && bits != 16:
		return unsupported("", "%d bits per sample (8 and 16 are read)", bits)
	case stored < 1 || stored > bits:
		return bad("%d bits stored in %d", stored, bits)
	case bits == 8 && stored != 8:
		return unsupported("", "%d bits per sample (8 and 16 are read)", stored)
	case bits == 16 && samples != 1:
		return unsupported("", "colour of 16 bits")
	case signed != 0:
		return unsupported("", "signed samples")
	case high != stored-1:
		return unsupported("", "samples whose highest bit of %d is %d", stored, high)
	case planar != 0 && planar != 1:
		return bad("%v is %d", dicomfile.PlanarConfiguration, planar)
	}
	in.samples, in.bits, in.stored, in.planar = int(samples), int(bits), int(stored), planar == 1 && samples == 3
	var err error
	if in.photometric, err = d.Text(dicomfile.Photometric); err != nil {
		return err
	}
	if err := in.checkSyntax(); err != nil {
		return err
	}
	if err := in.checkColour(); err != nil {
		return err
	}
	if in.samples == 1 {
		in.readWindow(d)
	}
	return nil
}

// coding is how the samples of a frame are packed.
type coding int

const (
	codingNative coding = iota
	codingJPEG
	codingJPEG2000
	codingJPEGLS
	codingLossless // JPEG of process 14
	codingRLE
)

// codings are the transfer syntaxes that are read, PS3.6 table A-1.
func codings(syntax string) (coding, bool) {
	c, ok := map[string]coding{
		dicomfile.ImplicitLittle: codingNative, dicomfile.ExplicitLittle: codingNative, dicomfile.Encapsulated: codingNative,
		dicomfile.JPEGBaseline: codingJPEG, dicomfile.JPEGExtended: codingJPEG,
		dicomfile.JPEG2000Exact: codingJPEG2000, dicomfile.JPEG2000: codingJPEG2000,
		dicomfile.JPEGLSExact: codingJPEGLS, dicomfile.JPEGLS: codingJPEGLS,
		dicomfile.JPEGLossless: codingLossless, dicomfile.JPEGLossless1: codingLossless,
		dicomfile.RLE: codingRLE,
	}[syntax]
	return c, ok
}

func (in *instance) checkSyntax() error {
	var ok bool
	if in.coding, ok = codings(in.syntax); !ok {
		what := "transfer syntax " + in.syntax
		if n := dicomfile.SyntaxName(in.syntax); n != "" {
			what += " (" + n + ")"
		}
		return unsupported(hintConvert, "%s", what)
	}
	if in.coding == codingJPEG && in.bits != 8 {
		return unsupported(hintConvert, "%s of 16 bits", dicomfile.SyntaxName(in.syntax))
	}
	return nil
}

// checkColour refuses what would be shown in wrong colours.
func (in *instance) checkColour() error {
	ok := false
	switch in.photometric {
	case "MONOCHROME1", "MONOCHROME2":
		ok = in.samples == 1
	case "RGB":
		ok = in.samples == 3
	case "YBR_FULL":
		ok = in.samples == 3
	case "YBR_FULL_422":
		ok = in.samples == 3 && (in.coding == codingJPEG || in.coding == codingJPEG2000 || in.coding == codingNative && !in.planar && in.tileW%2 == 0)
	case "YBR_ICT", "YBR_RCT":
		ok = in.samples == 3 && (in.coding == codingJPEG || in.coding == codingJPEG2000)
	}
	if !ok {
		return unsupported("", "photometric interpretation %q with %d samples per pixel and transfer syntax %s", in.photometric, in.samples, in.syntax)
	}
	return nil
}

// frameBytes is the size of a frame that is not compressed.
func (in *instance) frameBytes() int64 {
	if in.photometric == "YBR_FULL_422" { // PS3.3 C.7.6.3.1.2: two pixels share their chroma
		return 2 * int64(in.tileW) * int64(in.tileH)
	}
	return int64(in.tileW) * int64(in.tileH) * int64(in.samples) * int64(in.bits/8)
}

// readWindow finds the samples that are drawn as black and as white: those at
// the ends of the window that the file gives (PS3.3 C.11.2.1.2.1). They stay
// equal when it gives none that can be used.
func (in *instance) readWindow(d *dicomfile.Dataset) {
	c, w, err := voi(d)
	slope, intercept := 1.0, 0.0
	if err == nil {
		slope, intercept, err = rescale(d)
	}
	switch {
	case err != nil:
		in.warn("display window left out: %v", err)
	case len(c) == 0 || len(w) == 0:
	case !(w[0] >= 1) || slope == 0:
		in.warn("a display window of width %g and a slope of %g are ignored", w[0], slope)
	default:
		half := max(w[0]-1, 1e-3) / 2
		in.low, in.high = (c[0]-0.5-half-intercept)/slope, (c[0]-0.5+half-intercept)/slope
	}
	if in.photometric == "MONOCHROME1" { // white is the least
		if in.low == in.high {
			in.low, in.high = 0, float64(int(1)<<in.stored-1)
		}
		in.low, in.high = in.high, in.low
	}
}

// rescale is what turns samples into the numbers that the window is given in,
// PS3.3 C.7.6.16.2.9.
func rescale(d *dicomfile.Dataset) (slope, intercept float64, err error) {
	at, err := d.First(dicomfile.SharedGroups)
	if err == nil && at != nil {
		at, err = at.First(dicomfile.PixelValueTransformation)
	}
	if err != nil || at == nil {
		return 1, 0, err
	}
	m, err := at.Floats(dicomfile.RescaleSlope)
	if err != nil {
		return 1, 0, err
	}
	b, err := at.Floats(dicomfile.RescaleIntercept)
	if err != nil || len(m) == 0 || len(b) == 0 {
		return 1, 0, err
	}
	return m[0], b[0], nil
}

// voi finds centre and width of the display window: of the image, or of the
// group that all frames share.
func voi(d *dicomfile.Dataset) (centre, width []float64, err error) {
	at := d
	if !d.Has(dicomfile.WindowCenter) {
		shared, err := d.First(dicomfile.SharedGroups)
		if err != nil || shared == nil {
			return nil, nil, err
		}
		if at, err = shared.First(dicomfile.FrameVOILUT); err != nil || at == nil {
			return nil, nil, err
		}
	}
	if centre, err = at.Floats(dicomfile.WindowCenter); err != nil {
		return nil, nil, fmt.Errorf("display window: %w", err)
	}
	width, err = at.Floats(dicomfile.WindowWidth)
	return centre, width, err
}
