package dicom

import (
	"fmt"
	"path/filepath"
	"slices"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/dicomfile"
)

// Limits of an image, beyond which it is refused.
const (
	maxSide       = 1<<31 - 1
	maxTilePixels = 1 << 26 // 64 Mpx
	maxTiles      = 1 << 24
)

// Kinds of ImageType value 3, PS3.3 C.8.12.4.1.1.
const (
	kindVolume    = "VOLUME"
	kindLabel     = "LABEL"
	kindOverview  = "OVERVIEW"
	kindThumbnail = "THUMBNAIL"
)

// instance is one file of a slide.
type instance struct {
	src    *tiles.Source
	file   *dicomfile.File
	codecs *codec.Set

	uid, series   string
	kind          string  // ImageType value 3
	optics        []optic // in the order of the frames, one at least
	zs            []int64 // nm, of the focal planes in the order of the frames, one at least
	resampled     bool    // ImageType value 4: a lower level
	number        int64   // InstanceNumber
	width, height int     // total pixel matrix
	tileW, tileH  int     // of a frame
	frames        int
	sparse        bool
	concat        string // ConcatenationUID, "" when the file is whole
	part, parts   int64  // number in the concatenation, 1 first; 0 when unknown
	firstFrame    int64  // frames of the concatenation before this file's
	due           int64  // frames of the whole image, 0 when it is sparse
	mppX, mppY    float64
	mppFrom       string
	samples, bits int
	stored        int
	planar        bool
	photometric   string
	syntax        string
	coding        coding
	low, high     float64 // samples drawn as black and as white, equal when not told
	table         *dicomfile.Frames
	places        []place // of each frame, sparse only
	warnings      []string
}

func (in *instance) warn(format string, args ...any) {
	in.warnings = append(in.warnings, filepath.Base(in.src.Path())+": "+fmt.Sprintf(format, args...))
}

// parseInstance reads all of a file but its pixels.
func parseInstance(src *tiles.Source, codecs *codec.Set) (*instance, error) {
	f, err := dicomfile.Parse(src, src.Size())
	if err != nil {
		return nil, err
	}
	in := &instance{src: src, file: f, codecs: codecs, syntax: f.Syntax()}
	for _, step := range []func(*dicomfile.Dataset) error{in.readNames, in.readSize, in.readOptics, in.readFocus, in.readEncoding, in.readConcatenation, in.readFrames, in.readLayout} {
		if err := step(f.Data()); err != nil {
			return nil, err
		}
	}
	in.readScale(f.Data())
	return in, nil
}

// readNames reads what the file is.
func (in *instance) readNames(d *dicomfile.Dataset) error {
	var err error
	if in.uid, err = d.Text(dicomfile.SOPInstanceUID); err != nil {
		return err
	}
	if in.series, err = d.Text(dicomfile.SeriesInstanceUID); err != nil {
		return err
	}
	if in.number, err = d.Int(dicomfile.InstanceNumber, 0); err != nil {
		return err
	}
	kind, err := d.Texts(dicomfile.ImageType)
	if err != nil {
		return err
	}
	in.kind = kindVolume
	if len(kind) > 2 {
		in.kind = kind[2]
	}
	in.resampled = len(kind) > 3 && kind[3] == "RESAMPLED"
	return nil
}

// side reads a length in pixels.
func side(d *dicomfile.Dataset, t dicomfile.Tag, def int64) (int, error) {
	v, err := d.Int(t, def)
	if err != nil {
		return 0, err
	}
	if v < 1 || v > maxSide {
		return 0, bad("%v is %d: 1 to %d pixels are read", t, v, maxSide)
	}
	return int(v), nil
}

func (in *instance) readSize(d *dicomfile.Dataset) error {
	var err error
	if in.tileH, err = side(d, dicomfile.Rows, 0); err != nil {
		return err
	}
	if in.tileW, err = side(d, dicomfile.Columns, 0); err != nil {
		return err
	}
	if in.width, err = side(d, dicomfile.TotalColumns, int64(in.tileW)); err != nil {
		return err
	}
	if in.height, err = side(d, dicomfile.TotalRows, int64(in.tileH)); err != nil {
		return err
	}
	// Both factors are below 2^31, so the products fit.
	if px := int64(in.tileW) * int64(in.tileH); px > maxTilePixels {
		return bad("frames of %d×%d pixels are too large", in.tileW, in.tileH)
	}
	if n := int64(in.cols()) * int64(in.rows()); n > maxTiles {
		return bad("%d×%d pixels make %d tiles, more than %d", in.width, in.height, n, maxTiles)
	}
	return nil
}

func (in *instance) cols() int { return (in.width + in.tileW - 1) / in.tileW }
func (in *instance) rows() int { return (in.height + in.tileH - 1) / in.tileH }

// readConcatenation reads the place of a file that holds a part of a level,
// PS3.3 C.7.6.16.2.2.4.
func (in *instance) readConcatenation(d *dicomfile.Dataset) error {
	var err error
	if in.concat, err = d.Text(dicomfile.ConcatenationUID); err != nil || in.concat == "" {
		return err
	}
	if in.part, err = d.Int(dicomfile.InConcatenationNumber, 0); err != nil {
		return err
	}
	if in.parts, err = d.Int(dicomfile.InConcatenationTotal, 0); err != nil {
		return err
	}
	in.firstFrame, err = d.Int(dicomfile.ConcatenationFrameOffset, 0)
	if err == nil && (in.firstFrame < 0 || in.firstFrame > maxTiles) {
		err = bad("%v is %d", dicomfile.ConcatenationFrameOffset, in.firstFrame)
	}
	return err
}

// readFrames finds the frames in the pixel data.
func (in *instance) readFrames(d *dicomfile.Dataset) error {
	n, err := d.Int(dicomfile.NumberOfFrames, 1)
	if err != nil {
		return err
	}
	if n < 1 || n > dicomfile.MaxFrames {
		return bad("%v is %d: 1 to %d are read", dicomfile.NumberOfFrames, n, dicomfile.MaxFrames)
	}
	in.frames = int(n)
	if in.table, err = in.file.Frames(in.frames, in.frameBytes()); err != nil {
		return err
	}
	if w := in.table.Warning; w != "" {
		in.warn("%s", w)
	}
	return nil
}

// readScale reads µm per pixel: of the pixel spacing, else of the size of what
// was imaged; both are in mm.
func (in *instance) readScale(d *dicomfile.Dataset) {
	spacing := func() ([]float64, error) {
		m, err := in.shared(d, dicomfile.PixelMeasures)
		if err != nil || m == nil {
			return nil, err
		}
		return m.Floats(dicomfile.PixelSpacing)
	}
	v, err := spacing()
	switch {
	case err != nil:
		in.warn("pixel spacing left out: %v", err)
	case len(v) == 2: // between rows, then between columns
		in.mppX, in.mppY, in.mppFrom = 1000*v[1], 1000*v[0], "dicom.PixelSpacing"
	}
	w, errW := d.Floats(dicomfile.ImagedVolumeWidth)
	h, errH := d.Floats(dicomfile.ImagedVolumeHeight)
	if in.mppFrom == "" && errW == nil && errH == nil && len(w) == 1 && len(h) == 1 {
		in.mppX, in.mppY, in.mppFrom = 1000*w[0]/float64(in.width), 1000*h[0]/float64(in.height), "dicom.ImagedVolumeWidth"
	}
	if in.mppFrom != "" && !(tiles.SaneMPP(in.mppX) && tiles.SaneMPP(in.mppY)) {
		if in.kind == kindVolume && !in.resampled {
			in.warn("%g×%g µm per pixel cannot be a slide's and is ignored", in.mppX, in.mppY)
		}
		in.mppX, in.mppY, in.mppFrom = 0, 0, ""
	}
}

// byPart orders the parts of a concatenation.
func byPart(parts []*instance) {
	slices.SortStableFunc(parts, func(a, b *instance) int { return int(a.firstFrame - b.firstFrame) })
}
