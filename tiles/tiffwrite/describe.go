package tiffwrite

import (
	"encoding/xml"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
)

// directories writes thumbnail, label and macro, then every IFD, and returns
// the header that makes the file one.
func (w *writer) directories() ([]byte, error) {
	var thumb, label, macro *image.RGBA
	if w.o.Layout == Aperio || w.o.Associated != nil {
		thumb = w.smallest
	}
	if w.o.Associated != nil {
		label, macro = w.o.Associated(thumb)
	}
	var dirs []*directory
	var err error
	switch w.o.Layout {
	case Aperio:
		dirs, err = w.aperio(thumb, label, macro)
	case OME:
		dirs, err = w.ome(label, macro)
	default:
		dirs = w.generic()
	}
	if err != nil {
		return nil, err
	}
	big := w.o.Container == Big
	first, block, err := w.ifds(dirs, big)
	if err != nil && w.o.Container == Auto {
		big = true
		first, block, err = w.ifds(dirs, big)
	}
	if err != nil {
		return nil, err
	}
	if _, err := w.append(block); err != nil {
		return nil, err
	}
	if big {
		return le.AppendUint64([]byte{'I', 'I', 43, 0, 8, 0, 0, 0}, first), nil
	}
	return le.AppendUint32([]byte{'I', 'I', 42, 0}, uint32(first)), nil
}

// ifds lays the directories out at the end of the file without writing them.
func (w *writer) ifds(dirs []*directory, big bool) (first uint64, block []byte, err error) {
	for _, d := range dirs { // a second try must not see the first one's SubIFDs
		for i := range d.fields {
			if d.fields[i].tag == tagSubIFDs {
				d.fields = append(d.fields[:i], d.fields[i+1:]...)
				break
			}
		}
	}
	iw := &ifdWriter{big: big, base: w.at}
	first, err = iw.chain(dirs)
	if err == nil && !big && iw.here() > math.MaxUint32 {
		err = ErrTooLarge
	}
	return first, iw.buf, err
}

// pixels is what every directory says of three 8-bit channels.
func pixels(width, height int, subfile uint64) *directory {
	d := &directory{}
	d.set(tagNewSubfileType, typeLong, subfile)
	d.set(tagImageWidth, typeLong, uint64(width))
	d.set(tagImageLength, typeLong, uint64(height))
	d.set(tagBitsPerSample, typeShort, 8, 8, 8)
	d.set(tagSamplesPerPixel, typeShort, 3)
	d.set(tagPlanarConfig, typeShort, 1)
	return d
}

// colour sets compression and photometric of a JPEG stream.
func (d *directory) colour(j jpegStream) {
	d.set(tagCompression, typeShort, compressJPEG)
	if j.rgb {
		d.set(tagPhotometric, typeShort, photometricRGB)
		return
	}
	d.set(tagPhotometric, typeShort, photometricYCbCr)
	d.set(tagYCbCrSubSampling, typeShort, uint64(j.subX), uint64(j.subY))
	// JFIF's full-range YCbCr (TIFF 6.0 page 94).
	d.set(tagReferenceBW, typeRational, 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
}

// tiled is the directory of stored level k.
func (w *writer) tiled(k int, subfile uint64) *directory {
	l := w.levels[k]
	d := pixels(l.w, l.h, subfile)
	if w.o.Lossless {
		d.set(tagCompression, typeShort, compressDeflate)
		d.set(tagPhotometric, typeShort, photometricRGB)
	} else {
		d.colour(w.jpeg)
		if !w.o.Whole {
			d.blob(tagJPEGTables, w.tables)
		}
	}
	d.set(tagTileWidth, typeLong, uint64(w.o.TileSize))
	d.set(tagTileLength, typeLong, uint64(w.o.TileSize))
	d.set(tagTileOffsets, typeOffset, l.offsets...)
	d.set(tagTileByteCounts, typeLong, l.counts...)
	d.resolution(w.o.MPP * float64(uint64(1)<<k))
	d.blob(tagICC, w.o.ICC)
	return d
}

// strip writes img as one strip, as JPEG or as LZW, and returns its directory.
func (w *writer) strip(img *image.RGBA, subfile uint64, lossless bool) (*directory, error) {
	size := img.Rect.Size()
	if size.X == 0 || size.Y == 0 {
		return nil, fmt.Errorf("associated image of %d x %d px", size.X, size.Y)
	}
	d := pixels(size.X, size.Y, subfile)
	var data []byte
	if lossless {
		d.set(tagCompression, typeShort, compressLZW)
		d.set(tagPhotometric, typeShort, photometricRGB)
		data = compressLZW13(packRGB(img))
	} else {
		var err error
		if data, err = w.o.Encode(img, w.o.Quality); err != nil {
			return nil, err
		}
		j, err := splitJPEG(data)
		if err != nil {
			return nil, err
		}
		d.colour(j)
	}
	s, err := w.append(data)
	if err != nil {
		return nil, err
	}
	d.set(tagStripOffsets, typeOffset, s.at)
	d.set(tagStripByteCounts, typeLong, s.n)
	d.set(tagRowsPerStrip, typeLong, uint64(size.Y))
	return d, nil
}

func (w *writer) generic() []*directory {
	var dirs []*directory
	for k, l := range w.levels {
		if !l.stored {
			continue
		}
		subfile := uint64(subfileReduced)
		if k == 0 {
			subfile = 0
		}
		d := w.tiled(k, subfile)
		d.text(tagSoftware, w.o.Software)
		if k == 0 {
			d.text(tagImageDescription, w.o.Name)
		}
		dirs = append(dirs, d)
	}
	return dirs
}

// aperio orders and describes the directories as Aperio's scanners do. The
// first line names the writer; readers ask only that it begins "Aperio".
func (w *writer) aperio(thumb, label, macro *image.RGBA) ([]*directory, error) {
	o := &w.o
	head := "Aperio Image Library compatible; " + printable(o.Software) + "\r\n"
	codec := fmt.Sprintf("(%dx%d) JPEG/RGB Q=%d", o.TileSize, o.TileSize, o.Quality)
	if o.Lossless {
		codec = fmt.Sprintf("(%dx%d) Deflate", o.TileSize, o.TileSize)
	}
	size := fmt.Sprintf("%dx%d", o.Width, o.Height)
	base := w.tiled(0, 0)
	base.text(tagImageDescription, head+fmt.Sprintf("%s [0,0 %s] %s", size, size, codec)+w.properties())
	dirs := []*directory{base}

	small, err := w.strip(thumb, 0, false)
	if err != nil {
		return nil, fmt.Errorf("thumbnail: %w", err)
	}
	small.text(tagImageDescription, head+fmt.Sprintf("%s -> %dx%d - ", size, thumb.Rect.Dx(), thumb.Rect.Dy())+w.properties())
	dirs = append(dirs, small)
	for k, l := range w.levels[1:] {
		if l.stored {
			d := w.tiled(k+1, 0)
			d.text(tagImageDescription, head+fmt.Sprintf("%s [0,0 %s] (%dx%d) -> %dx%d JPEG/RGB Q=%d",
				size, size, o.TileSize, o.TileSize, l.w, l.h, o.Quality)+w.properties())
			dirs = append(dirs, d)
		}
	}
	for _, a := range []struct {
		name     string
		img      *image.RGBA
		subfile  uint64
		lossless bool
	}{{"label", label, subfileReduced, true}, {"macro", macro, subfileMacro, false}} {
		if a.img == nil {
			continue
		}
		d, err := w.strip(a.img, a.subfile, a.lossless)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		d.text(tagImageDescription, head+fmt.Sprintf("%s %dx%d", a.name, a.img.Rect.Dx(), a.img.Rect.Dy()))
		dirs = append(dirs, d)
	}
	return dirs, nil
}

// properties is the "|key = value" tail of an Aperio description.
func (w *writer) properties() string {
	var b strings.Builder
	add := func(k, v string) { b.WriteString("|" + printable(k) + " = " + printable(v)) }
	if w.o.Objective > 0 {
		add("AppMag", strconv.FormatFloat(w.o.Objective, 'g', -1, 64))
	}
	if w.o.Name != "" {
		add("Filename", w.o.Name)
	}
	if w.o.MPP > 0 {
		add("MPP", strconv.FormatFloat(w.o.MPP, 'f', 4, 64))
	}
	add("OriginalWidth", strconv.Itoa(w.o.Width))
	add("OriginalHeight", strconv.Itoa(w.o.Height))
	for _, p := range w.o.Properties {
		add(p.Key, p.Value)
	}
	return b.String()
}

// printable keeps a value on one line and inside its field, in the ASCII that
// TIFF asks for.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '|' {
			return '_'
		}
		return r
	}, s)
}

// ome puts the lower levels into SubIFDs of level 0, and label and macro as
// further images behind it.
func (w *writer) ome(label, macro *image.RGBA) ([]*directory, error) {
	base := w.tiled(0, 0)
	base.text(tagSoftware, w.o.Software)
	for k, l := range w.levels[1:] {
		if l.stored {
			base.sub = append(base.sub, w.tiled(k+1, subfileReduced))
		}
	}
	dirs := []*directory{base}
	images := []omeImage{{w.o.Name, w.o.Width, w.o.Height, w.o.MPP}}
	for _, a := range []struct {
		name string
		img  *image.RGBA
	}{{"label", label}, {"macro", macro}} {
		if a.img == nil {
			continue
		}
		d, err := w.strip(a.img, 0, a.name == "label")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		dirs = append(dirs, d)
		images = append(images, omeImage{a.name + " image", a.img.Rect.Dx(), a.img.Rect.Dy(), 0})
	}
	base.text(tagImageDescription, omeXML(&w.o, images))
	return dirs, nil
}

type omeImage struct {
	name          string
	width, height int
	mpp           float64
}

// omeXML is the OME-XML of schema 2016-06; image i lies in IFD i.
func omeXML(o *Options, images []omeImage) string {
	const ns = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<OME xmlns="%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="%s %s/ome.xsd" Creator="%s">`,
		ns, ns, ns, escape(o.Software))
	if o.Objective > 0 {
		fmt.Fprintf(&b, `<Instrument ID="Instrument:0"><Objective ID="Objective:0:0" NominalMagnification="%g"/></Instrument>`, o.Objective)
	}
	for i, m := range images {
		fmt.Fprintf(&b, `<Image ID="Image:%d" Name="%s">`, i, escape(m.name))
		if o.Objective > 0 && i == 0 {
			b.WriteString(`<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0:0"/>`)
		}
		fmt.Fprintf(&b, `<Pixels ID="Pixels:%d" DimensionOrder="XYCZT" Type="uint8" SignificantBits="8" BigEndian="false" Interleaved="true"`+
			` SizeX="%d" SizeY="%d" SizeZ="1" SizeC="3" SizeT="1"`, i, m.width, m.height)
		if m.mpp > 0 {
			fmt.Fprintf(&b, ` PhysicalSizeX="%g" PhysicalSizeXUnit="µm" PhysicalSizeY="%g" PhysicalSizeYUnit="µm"`, m.mpp, m.mpp)
		}
		fmt.Fprintf(&b, `><Channel ID="Channel:%d:0" SamplesPerPixel="3"/><TiffData IFD="%d" PlaneCount="1"/></Pixels></Image>`, i, i)
	}
	b.WriteString("</OME>")
	return b.String()
}

func escape(s string) string {
	var b strings.Builder
	// EscapeText fails only when the writer does; a strings.Builder never does.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
