package dicomwrite

import (
	"fmt"
	"math"

	"coverslip/tiles/icc"
)

// sopClass is VL Whole Slide Microscopy Image Storage.
const sopClass = "1.2.840.10008.5.1.4.1.1.77.1.6"

// Transfer syntaxes, PS3.6 table A-1.
const (
	syntaxPlain = "1.2.840.10008.1.2.1"
	syntaxJPEG  = "1.2.840.10008.1.2.4.50"
	syntaxRLE   = "1.2.840.10008.1.2.5"
)

// instance is one file to be written.
type instance struct {
	slide  *Slide
	ids    uids
	name   string // of the file, without extension
	kind   string // ImageType value 3
	number int    // InstanceNumber

	width, height, tileW, tileH int     // pixels
	scale                       float64 // pixels of the first level per pixel, 0 when unknown
	frames                      int
	paths, focal                int
	samples, allocated, stored  int
	syntax                      string
	photometric                 string
	lossy                       bool
	resampled                   bool
}

func (m *instance) encapsulated() bool { return m.syntax != syntaxPlain }

// frameBytes is the size of a frame uncompressed.
func (m *instance) frameBytes() int64 {
	return int64(m.tileW) * int64(m.tileH) * int64(m.samples) * int64(m.allocated/8)
}

// meta is the file meta information, PS3.10 section 7.1.
func (m *instance) meta() []byte {
	d := &dataset{}
	d.bytes(0x00020001, "OB", []byte{0, 1})
	d.text(0x00020002, "UI", sopClass)
	d.text(0x00020003, "UI", m.uid())
	d.text(0x00020010, "UI", m.syntax)
	d.text(0x00020012, "UI", "2.25.205886014352571049387163352904816421387")
	d.text(0x00020013, "SH", "COVERSLIP")
	body := d.encode(nil)
	head := &dataset{}
	head.bytes(0x00020000, "UL", le.AppendUint32(nil, uint32(len(body))))
	out := append(make([]byte, 128), "DICM"...)
	return append(head.encode(out), body...)
}

func (m *instance) uid() string { return m.ids.of("instance " + m.name) }

// ratioRoom is the longest LossyImageCompressionRatio: it is known at the end.
const ratioRoom = 16

// data is the data set before the pixel data.
func (m *instance) data() *dataset {
	d := &dataset{}
	m.general(d)
	m.specimen(d)
	m.pixels(d)
	m.place(d)
	m.optics(d)
	return d
}

// general writes patient, study, series, equipment and SOP common, PS3.3 C.7.1
// to C.7.5 and C.12.1.
func (m *instance) general(d *dataset) {
	s := m.slide
	date, clock := s.Time.Format("20060102"), s.Time.Format("150405")
	d.text(0x00080005, "CS", "ISO_IR 192")
	d.text(0x00080016, "UI", sopClass)
	d.text(0x00080018, "UI", m.uid())
	d.text(0x00080020, "DA", date)
	d.text(0x00080030, "TM", clock)
	d.text(0x00080023, "DA", date)
	d.text(0x00080033, "TM", clock)
	d.text(0x0008002A, "DT", date+clock)
	d.text(0x00080050, "SH", plain(s.AccessionNumber, 16))
	d.text(0x00080060, "CS", "SM")
	d.text(0x00080070, "LO", known(s.Manufacturer))
	d.text(0x00080090, "PN", "")
	d.text(0x00081090, "LO", known(s.Model))
	d.text(0x00181000, "LO", known(s.Serial))
	software := plain(s.Software, 64)
	if software == "" {
		software = "Coverslip"
	}
	d.text(0x00181020, "LO", software)
	d.text(0x00100010, "PN", plain(s.Patient.Name, 64))
	d.text(0x00100020, "LO", plain(s.Patient.ID, 64))
	d.text(0x00100030, "DA", plain(s.Patient.BirthDate, 8))
	d.text(0x00100040, "CS", plain(s.Patient.Sex, 16))
	d.text(0x0020000D, "UI", m.ids.of("study"))
	d.text(0x0020000E, "UI", m.ids.of("series"))
	d.text(0x00200010, "SH", "")
	d.text(0x00200011, "IS", "1")
	d.text(0x00200013, "IS", fmt.Sprint(m.number))
	d.text(0x00200052, "UI", m.ids.of("frame of reference"))
	d.text(0x00201040, "LO", "SLIDE_CORNER")
	d.sequence(0x00400555) // acquisition context: nothing is known
}

// known is a text that must not be empty.
func known(s string) string {
	if s = plain(s, 64); s == "" {
		return "Unknown"
	}
	return s
}

// specimen writes the glass slide and what lies on it, PS3.3 C.7.6.22.
func (m *instance) specimen(d *dataset) {
	container := m.slide.Container
	if container = plain(container, 64); container == "" {
		container = "UNKNOWN"
	}
	name := plain(m.slide.Specimen, 64)
	if name == "" {
		name = container
	}
	d.text(0x00400512, "LO", container)
	d.sequence(0x00400513)
	d.sequence(0x00400518, code("433466003", "SCT", "Microscope slide"))
	d.sequence(0x00400560, item(func(p *dataset) {
		p.text(0x00400551, "LO", name)
		p.text(0x00400554, "UI", m.ids.of("specimen "+name))
		p.sequence(0x00400562)
		p.sequence(0x00400610)
	}))
}

// pixels writes the description of the frames, PS3.3 C.7.6.3 and C.8.12.4.
func (m *instance) pixels(d *dataset) {
	kind := []string{"DERIVED", "PRIMARY", m.kind, "NONE"}
	if m.resampled {
		kind[3] = "RESAMPLED"
	}
	d.text(0x00080008, "CS", kind...)
	d.short(0x00280002, m.samples)
	d.text(0x00280004, "CS", m.photometric)
	if m.samples == 3 {
		d.short(0x00280006, 0)
	}
	d.text(0x00280008, "IS", fmt.Sprint(m.frames))
	d.short(0x00280010, m.tileH)
	d.short(0x00280011, m.tileW)
	d.short(0x00280100, m.allocated)
	d.short(0x00280101, m.stored)
	d.short(0x00280102, m.stored-1)
	d.short(0x00280103, 0)
	burned := "NO"
	if m.kind == "LABEL" || m.kind == "OVERVIEW" { // the label names the patient as a rule
		burned = "YES"
	}
	d.text(0x00280301, "CS", burned)
	d.text(0x00480010, "CS", burned)
	if m.samples == 1 {
		d.decimal(0x00281052, 0)
		d.decimal(0x00281053, 1)
		d.text(0x20500020, "CS", "IDENTITY")
	}
	if m.lossy {
		d.text(0x00282110, "CS", "01")
		d.bytes(0x00282112, "DS", fmt.Appendf(nil, "%-*s", ratioRoom, decimal(max(1, m.slide.LossyRatio))))
		d.text(0x00282114, "CS", "ISO_10918_1")
	} else {
		d.text(0x00282110, "CS", "00")
	}
	d.text(0x00089206, "CS", "VOLUME")
	d.text(0x00480011, "CS", "AUTO")
	d.text(0x00480012, "CS", "NO")
	d.sequence(0x00209221, item(func(o *dataset) { o.text(0x00209164, "UI", m.ids.of("dimensions")) }))
	d.text(0x00209311, "CS", "TILED_FULL")
	if m.kind == "VOLUME" {
		d.text(0x00080019, "UI", m.ids.of("pyramid"))
	}
}

// place writes the size of the whole matrix and where it lies, PS3.3 C.8.12.4.
// Where on the glass a slide was scanned, formats do not agree to say: the origin
// is 0.
func (m *instance) place(d *dataset) {
	s := m.slide
	sx, sy := s.MPPX*m.scale/1000, s.MPPY*m.scale/1000 // mm
	step := 0.0
	if m.focal > 1 {
		step = (s.ZPlanes[m.focal-1] - s.ZPlanes[0]) / float64(m.focal-1)
	}
	d.float(0x00480001, sx*float64(m.width))
	d.float(0x00480002, sy*float64(m.height))
	d.float(0x00480003, max(1, step*float64(m.focal))) // µm
	d.long(0x00480006, m.width)
	d.long(0x00480007, m.height)
	d.sequence(0x00480008, item(func(o *dataset) {
		o.decimal(0x0040072A, 0)
		o.decimal(0x0040073A, 0)
		if len(s.ZPlanes) > 0 && m.kind == "VOLUME" {
			o.decimal(0x0040074A, s.ZPlanes[0])
		}
	}))
	d.decimal(0x00480102, 0, -1, 0, -1, 0, 0)
	d.long(0x00480302, m.paths)
	d.long(0x00480303, m.focal)
	d.sequence(0x52009229, item(func(g *dataset) {
		g.sequence(0x00289110, item(func(p *dataset) {
			p.decimal(0x00180050, 0.001)
			if step > 0 {
				p.decimal(0x00180088, step/1000)
			}
			p.decimal(0x00280030, sy, sx)
		}))
		g.sequence(0x00400710, item(func(f *dataset) {
			kind := []string{"DERIVED", "PRIMARY", m.kind, "NONE"}
			if m.resampled {
				kind[3] = "RESAMPLED"
			}
			f.text(0x00089007, "CS", kind...)
		}))
		if m.paths == 1 {
			g.sequence(0x00480207, item(func(o *dataset) { o.text(0x00480106, "SH", "1") }))
		}
	}))
}

// optics writes the optical paths, PS3.3 C.8.12.5.
func (m *instance) optics(d *dataset) {
	s := m.slide
	var paths []*dataset
	for i := range m.paths {
		p := &dataset{}
		p.text(0x00480106, "SH", fmt.Sprint(i+1))
		if s.Objective > 0 {
			p.decimal(0x00480112, s.Objective)
		}
		if m.samples == 3 {
			p.sequence(0x00220016, code("111744", "DCM", "Brightfield illumination"))
			p.sequence(0x00480108, code("414298005", "SCT", "Full Spectrum"))
			profile := s.ICC
			if profile == nil {
				profile = icc.SRGB()
			}
			p.bytes(0x00282000, "OB", profile)
			paths = append(paths, p)
			continue
		}
		c := s.Channels[i]
		p.sequence(0x00220016, code("111743", "DCM", "Epifluorescence illumination"))
		p.text(0x00480107, "ST", plain(c.Name, 1024))
		if c.Excitation > 0 {
			p.float(0x00220055, c.Excitation)
		} else {
			p.sequence(0x00480108, code("414298005", "SCT", "Full Spectrum"))
		}
		if c.Emission > 0 {
			p.short(0x00220003, int(math.Round(c.Emission)))
		}
		if c.Color.A != 0 {
			p.sequence(0x00480120, palette(c.Color.R, c.Color.G, c.Color.B, m.stored))
		}
		paths = append(paths, p)
	}
	d.sequence(0x00480105, paths...)
}

// palette is a ramp from black to a colour, PS3.3 C.7.9: over 256 entries, which
// stand for as many samples.
func palette(r, g, b byte, stored int) *dataset {
	d := &dataset{}
	n := min(256, 1<<stored)
	for i, top := range []byte{r, g, b} {
		d.short(0x00281101+uint32(i), n, 0, 16)
		var lut []byte
		for v := range n {
			lut = le.AppendUint16(lut, uint16(v*int(top)*257/(n-1)))
		}
		d.bytes(0x00281201+uint32(i), "OW", lut)
	}
	return d
}
