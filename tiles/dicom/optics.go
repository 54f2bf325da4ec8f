package dicom

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"coverslip/tiles/dicomfile"
)

// Limits of what a file may hold of a level.
const (
	maxPaths  = 256
	maxPlanes = 1024 // focal planes
)

// optic is one optical path, PS3.3 C.8.12.5: a channel of fluorescence, or the
// one path of a brightfield slide.
type optic struct {
	id         string     // OpticalPathIdentifier
	name       string     // for people, "" when the file gives none
	excitation float64    // nm, 0 when unknown
	emission   float64    // nm, 0 when unknown
	colour     color.RGBA // it is drawn in; the zero value when the file gives none
}

// readOptics reads the optical paths in the order of the frames.
func (in *instance) readOptics(d *dicomfile.Dataset) error {
	err := d.Items(dicomfile.OpticalPaths, func(i int, item *dicomfile.Dataset) error {
		if i >= maxPaths {
			return bad("more than %d optical paths", maxPaths)
		}
		o, err := readOptic(item)
		if in.path(o.id) >= 0 && i > 0 {
			o.id = fmt.Sprintf("%s#%d", o.id, i+1) // each must be told apart; the standard demands it, too
		}
		in.optics = append(in.optics, o)
		return err
	})
	if len(in.optics) == 0 {
		in.optics = []optic{{}}
	}
	return err
}

// key tells a path from others: files of one path each may all call it "1".
func (o *optic) key() string { return o.id + "\x00" + o.name }

func readOptic(d *dicomfile.Dataset) (o optic, err error) {
	if o.id, err = d.Text(dicomfile.OpticalPathIdentifier); err != nil {
		return o, err
	}
	if o.name, err = d.Text(dicomfile.OpticalPathDescription); err != nil {
		return o, err
	}
	if code, err := d.First(dicomfile.ChannelDescription); err != nil {
		return o, err
	} else if code != nil && o.name == "" {
		if o.name, err = code.Text(dicomfile.CodeMeaning); err != nil {
			return o, err
		}
	}
	for _, w := range []struct {
		tag dicomfile.Tag
		dst *float64
	}{{dicomfile.PassThroughLight, &o.excitation}, {dicomfile.IlluminationWavelength, &o.excitation}, {dicomfile.PassThroughImage, &o.emission}} {
		v, err := d.Floats(w.tag)
		if err != nil {
			return o, err
		}
		if len(v) == 1 && v[0] > 100 && v[0] < 3000 {
			*w.dst = v[0]
		}
	}
	lut, err := d.First(dicomfile.PaletteLUT)
	if err != nil || lut == nil {
		return o, err
	}
	return o, o.readPalette(lut)
}

// readPalette takes the colour of the brightest sample: what the path's palette
// (PS3.3 C.8.12.5.1) ends with is what the channel is drawn in.
func (o *optic) readPalette(d *dicomfile.Dataset) error {
	var rgb [3]byte
	for i := range dicomfile.Tag(3) {
		desc, err := d.Floats(dicomfile.RedLUTDescriptor + i)
		if err != nil {
			return err
		}
		data, err := d.Bytes(dicomfile.RedLUT+i, dicomfile.MaxValueBytes)
		if err != nil {
			return err
		}
		if len(desc) != 3 || len(data) < 2 {
			return nil // segmented palettes, or none: the colour is left to the viewer
		}
		n := int(desc[0])
		if n == 0 {
			n = 1 << 16 // PS3.3 C.7.6.3.1.5
		}
		switch {
		case desc[2] == 16 && len(data) >= 2*n:
			rgb[i] = data[2*n-1] // the upper byte of the last entry
		case desc[2] == 8 && len(data) >= n:
			rgb[i] = data[n-1]
		default:
			return nil
		}
	}
	if rgb != [3]byte{} {
		o.colour = color.RGBA{R: rgb[0], G: rgb[1], B: rgb[2], A: 255}
	}
	return nil
}

// nanometres is a position along the optical axis, given in µm, as a whole
// number that can be compared.
func nanometres(micrometres float64) int64 {
	return int64(math.Round(1000 * min(max(micrometres, -1e9), 1e9)))
}

// readFocus reads where the focal planes of a file lie: its own position, and
// the distance from one to the next.
func (in *instance) readFocus(d *dicomfile.Dataset) error {
	n, err := d.Int(dicomfile.FocalPlanes, 1)
	if err != nil {
		return err
	}
	if n < 1 || n > maxPlanes {
		return bad("%v is %d: 1 to %d are read", dicomfile.FocalPlanes, n, maxPlanes)
	}
	z0, err := in.zOrigin(d)
	if err != nil {
		return err
	}
	step := 1.0
	if n > 1 {
		measures, err := in.shared(d, dicomfile.PixelMeasures)
		if err != nil {
			return err
		}
		v := []float64(nil)
		if measures != nil {
			if v, err = measures.Floats(dicomfile.SliceSpacing); err != nil {
				return err
			}
		}
		if len(v) == 1 && v[0] > 0 && v[0] < 1 {
			step = 1000 * v[0] // mm
		} else {
			in.warn("the distance of the %d focal planes is not told and counted as 1 µm", n)
		}
	}
	for i := range n {
		in.zs = append(in.zs, nanometres(z0+float64(i)*step))
	}
	return nil
}

// shared is the first item of a group that all frames share, nil when there is
// none.
func (in *instance) shared(d *dicomfile.Dataset, group dicomfile.Tag) (*dicomfile.Dataset, error) {
	s, err := d.First(dicomfile.SharedGroups)
	if err != nil || s == nil {
		return nil, err
	}
	return s.First(group)
}

// zOrigin is the position of the first focal plane in µm.
func (in *instance) zOrigin(d *dicomfile.Dataset) (float64, error) {
	for _, at := range []func() (*dicomfile.Dataset, error){
		func() (*dicomfile.Dataset, error) { return in.shared(d, dicomfile.PlanePositionSlide) },
		func() (*dicomfile.Dataset, error) { return d.First(dicomfile.MatrixOrigin) },
	} {
		item, err := at()
		if err != nil {
			return 0, err
		}
		if item == nil {
			continue
		}
		v, err := item.Floats(dicomfile.ZOffset)
		if err != nil {
			return 0, err
		}
		if len(v) == 1 {
			return v[0], nil
		}
	}
	return 0, nil
}

// path is the number of an optical path by its identifier, -1 when there is none
// of that name.
func (in *instance) path(id string) int {
	return slices.IndexFunc(in.optics, func(o optic) bool { return o.id == id })
}
