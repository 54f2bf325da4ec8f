// Package dicom reads and writes annotations as DICOM objects: microscopy bulk
// simple annotations (ANN), segmentations (SEG) and structured reports of
// measurements (SR, TID 1500).
//
// Positions are pixels of the total pixel matrix of level 0, the corner of the
// first pixel at 0, 0. The slide's own series is referred to when the slide is a
// DICOM one.
package dicom

import (
	"crypto/sha256"
	"image/color"
	"math"
	"math/big"
	"strconv"
	"time"

	"coverslip/annotate/interchange/exchange"
)

// uid makes a unique identifier of a text: 2.25 and a number of 122 bits (PS3.5
// §B.2, as of a UUID of version 8). The same text gives the same identifier.
func uid(of string) string {
	sum := sha256.Sum256([]byte(of))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return "2.25." + new(big.Int).SetBytes(b).String()
}

// or is the first text that is not empty.
func or(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// vlSlide is the class of whole-slide images (PS3.4 §B.5).
const vlSlide = "1.2.840.10008.5.1.4.1.1.77.1.6"

// header is what every object of a slide says: patient, study, series, equipment.
// The names of patients are not known to a project and stay empty.
func header(class, modality, key string, o exchange.WriteOptions) (*dataset, exchange.DICOMImage) {
	s := o.Slide.DICOM
	base := or(o.Slide.Fingerprint, o.Slide.Name, "slide")
	s.StudyUID = or(s.StudyUID, uid(base+" study"))
	s.SeriesUID = or(s.SeriesUID, uid(base+" series"))
	s.FrameUID = or(s.FrameUID, uid(base+" frame"))
	s.InstanceUID = or(s.InstanceUID, uid(base+" level 0"))
	s.ClassUID = or(s.ClassUID, vlSlide)
	d := newDataset()
	at := o.Now()
	d.put(0x00080005, "CS", "ISO_IR 192")
	d.put(0x00080012, "DA", at.Format("20060102"))
	d.put(0x00080013, "TM", at.Format("150405"))
	d.put(0x00080016, "UI", class)
	d.put(0x00080018, "UI", uid(base+modality+key+at.Format(time.RFC3339Nano)))
	d.put(0x00080020, "DA", "")
	d.put(0x00080023, "DA", at.Format("20060102"))
	d.put(0x00080030, "TM", "")
	d.put(0x00080033, "TM", at.Format("150405"))
	d.put(0x00080050, "SH", "")
	d.put(0x00080060, "CS", modality)
	d.put(0x00080070, "LO", "Coverslip")
	d.put(0x00080090, "PN", "")
	d.put(0x00081090, "LO", "Coverslip")
	d.put(0x00100010, "PN", s.PatientName)
	d.put(0x00100020, "LO", s.PatientID)
	d.put(0x00100030, "DA", "")
	d.put(0x00100040, "CS", "")
	d.put(0x00181000, "LO", "1")
	d.put(0x00181020, "LO", "1")
	d.put(0x0020000d, "UI", s.StudyUID)
	d.put(0x0020000e, "UI", uid(base+modality+key+" series"+at.Format(time.RFC3339Nano)))
	d.put(0x00200010, "SH", "")
	d.put(0x00200011, "IS", "100")
	d.put(0x00200013, "IS", "1")
	return d, s
}

// reference is an item that refers to the image of level 0.
func reference(s exchange.DICOMImage) *dataset {
	r := newDataset()
	r.put(0x00081150, "UI", s.ClassUID)
	r.put(0x00081155, "UI", s.InstanceUID)
	return r
}

// series is the item of the referenced series.
func series(s exchange.DICOMImage) *dataset {
	r := newDataset()
	r.putItems(0x0008114a, reference(s))
	r.put(0x0020000e, "UI", s.SeriesUID)
	return r
}

// label shortens a text to what a value of 64 characters holds, without the
// character that parts values.
func label(s string) string {
	r := []rune(s)
	for i, c := range r {
		if c == '\\' || c < ' ' {
			r[i] = ' '
		}
	}
	return string(r[:min(64, len(r))])
}

// cielab is a colour as DICOM's three numbers of 16 bits (PS3.3 §C.10.7.1.1):
// CIE L*a*b* under D50, of sRGB through the matrix of Bradford.
func cielab(c color.NRGBA) []uint16 {
	lin := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	r, g, b := lin(c.R), lin(c.G), lin(c.B)
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.4360747*r + 0.3850649*g + 0.1430804*b) / 0.9642956)
	y := f(0.2225045*r + 0.7168786*g + 0.0606169*b)
	z := f((0.0139322*r + 0.0971045*g + 0.7141733*b) / 0.8251046)
	clip := func(v float64) uint16 { return uint16(math.Round(min(65535, max(0, v)))) }
	return []uint16{clip((116*y - 16) * 655.35), clip((500*(x-y) + 128) * 257), clip((200*(y-z) + 128) * 257)}
}

// rgb is the colour of cielab's numbers.
func rgb(v []uint16) color.NRGBA {
	l, a, b := float64(v[0])/655.35, float64(v[1])/257-128, float64(v[2])/257-128
	inv := func(t float64) float64 {
		if t*t*t > 216.0/24389 {
			return t * t * t
		}
		return (116*t - 16) * 27 / 24389
	}
	fy := (l + 16) / 116
	x, y, z := inv(fy+a/500)*0.9642956, inv(fy), inv(fy-b/200)*0.8251046
	gamma := func(f float64) uint8 {
		if f <= 0.0031308 {
			f *= 12.92
		} else {
			f = 1.055*math.Pow(f, 1/2.4) - 0.055
		}
		return uint8(math.Round(255 * min(1, max(0, f))))
	}
	return color.NRGBA{A: 255, R: gamma(3.1338561*x - 1.6168667*y - 0.4906146*z), G: gamma(-0.9787684*x + 1.9161415*y + 0.0334540*z), B: gamma(0.0719453*x - 0.2289914*y + 1.4052427*z)}
}

// classCode is the code of a class: what its own text says ("SCT 108369006"), else
// a private one.
func classCode(text, name string) *dataset {
	for i := range text {
		if text[i] == ' ' && i > 0 && i < len(text)-1 && len(text)-i-1 <= 16 && i <= 16 {
			return code(text[i+1:], text[:i], label(name))
		}
	}
	sum := sha256.Sum256([]byte(name))
	return code(strconv.FormatUint(uint64(sum[0])<<24|uint64(sum[1])<<16|uint64(sum[2])<<8|uint64(sum[3]), 10), "99COVERSLIP", label(name))
}
