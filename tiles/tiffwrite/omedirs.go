package tiffwrite

import (
	"fmt"
	"image/color"
	"strings"
)

const tagSampleFormat = 339

// finish writes associated images and every directory and returns the header.
func (w *omeWriter) finish() ([]byte, error) {
	o := w.file
	var dirs []*directory
	n := len(o.Levels)
	for plane := range o.Planes() {
		base := w.directory(plane, 0)
		base.text(tagSoftware, w.o.Software)
		dirs = append(dirs, base)
		for level := 1; level < n; level++ {
			if d := w.directory(plane, level); o.Flat {
				dirs = append(dirs, d)
			} else {
				base.sub = append(base.sub, d)
			}
		}
	}
	for _, a := range o.Associated {
		d, err := w.strip(a.Image, 0, o.Packing != PackingJPEG || a.Name == "label")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, err)
		}
		dirs = append(dirs, d)
	}
	if !o.Flat {
		dirs[0].text(tagImageDescription, o.xml(w.o.Software))
	}
	first, block, err := w.ifds(dirs, false)
	big := err != nil
	if big {
		if first, block, err = w.ifds(dirs, true); err != nil {
			return nil, err
		}
	}
	if _, err := w.append(block); err != nil {
		return nil, err
	}
	if big {
		return le.AppendUint64([]byte{'I', 'I', 43, 0, 8, 0, 0, 0}, first), nil
	}
	return le.AppendUint32([]byte{'I', 'I', 42, 0}, uint32(first)), nil
}

// directory is that of a level of a plane.
func (w *omeWriter) directory(plane, level int) *directory {
	o := w.file
	l, t := o.Levels[level], w.levels[plane*len(o.Levels)+level]
	subfile := uint64(0)
	if level > 0 {
		subfile = subfileReduced
	}
	var d *directory
	if o.Channels == nil {
		d = pixels(l.Width, l.Height, subfile)
	} else {
		d = w.grey(l, subfile)
	}
	switch {
	case o.Packing != PackingJPEG:
		d.set(tagCompression, typeShort, map[Packing]uint64{PackingDeflate: compressDeflate, PackingZstd: 50000, PackingLZW: compressLZW}[o.Packing])
		if !o.Float {
			d.set(tagPredictor, typeShort, 2)
		}
		if o.Channels == nil {
			d.set(tagPhotometric, typeShort, photometricRGB)
		}
	case o.Channels == nil:
		d.colour(*t.jpeg)
	default:
		d.set(tagCompression, typeShort, compressJPEG)
	}
	d.set(tagTileWidth, typeLong, uint64(l.TileWidth))
	d.set(tagTileLength, typeLong, uint64(l.TileHeight))
	d.set(tagTileOffsets, typeOffset, t.offsets...)
	d.set(tagTileByteCounts, typeLong, t.counts...)
	if o.MPPX > 0 && o.MPPY > 0 {
		for i, mpp := range []float64{o.MPPX, o.MPPY} {
			num, den := rational(10000 / (mpp * l.Downsample))
			d.set(uint16(tagXResolution+i), typeRational, num, den)
		}
		d.set(tagResolutionUnit, typeShort, 3)
	}
	d.blob(tagICC, o.ICC)
	return d
}

// grey is what a directory says of one sample a pixel.
func (w *omeWriter) grey(l OMELevel, subfile uint64) *directory {
	d := &directory{}
	d.set(tagNewSubfileType, typeLong, subfile)
	d.set(tagImageWidth, typeLong, uint64(l.Width))
	d.set(tagImageLength, typeLong, uint64(l.Height))
	d.set(tagBitsPerSample, typeShort, uint64(w.file.Bits))
	d.set(tagSamplesPerPixel, typeShort, 1)
	d.set(tagPlanarConfig, typeShort, 1)
	d.set(tagPhotometric, typeShort, 1)
	if w.file.Float {
		d.set(tagSampleFormat, typeShort, 3)
	}
	return d
}

// xml is the OME-XML of schema 2016-06: the slide, then its associated images.
// The planes of the slide are the first directories.
func (o *OMEFile) xml(software string) string {
	const ns = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<OME xmlns="%s" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="%s %s/ome.xsd" Creator="%s">`, ns, ns, ns, escape(software))
	if o.Objective > 0 {
		fmt.Fprintf(&b, `<Instrument ID="Instrument:0"><Objective ID="Objective:0:0" NominalMagnification="%g"/></Instrument>`, o.Objective)
	}
	fmt.Fprintf(&b, `<Image ID="Image:0" Name="%s">`, escape(o.Name))
	if o.Objective > 0 {
		b.WriteString(`<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0:0"/>`)
	}
	kind, bits, samples := "uint8", 8, 3
	if o.Channels != nil {
		kind, bits, samples = fmt.Sprintf("uint%d", o.Bits), o.Bits, 1
		if o.Float {
			kind = "float"
		}
	}
	fmt.Fprintf(&b, `<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="%s" SignificantBits="%d" BigEndian="false" Interleaved="%t" SizeX="%d" SizeY="%d" SizeZ="%d" SizeC="%d" SizeT="%d"`,
		kind, bits, samples == 3, o.Levels[0].Width, o.Levels[0].Height, max(1, o.Z), max(samples, len(o.Channels)), max(1, o.T))
	if o.MPPX > 0 && o.MPPY > 0 {
		fmt.Fprintf(&b, ` PhysicalSizeX="%g" PhysicalSizeXUnit="µm" PhysicalSizeY="%g" PhysicalSizeYUnit="µm"`, o.MPPX, o.MPPY)
	}
	if o.Z > 1 && o.ZStep > 0 {
		fmt.Fprintf(&b, ` PhysicalSizeZ="%g" PhysicalSizeZUnit="µm"`, o.ZStep)
	}
	b.WriteString(">")
	o.xmlChannels(&b, samples)
	fmt.Fprint(&b, `</Pixels></Image>`)
	for i, a := range o.Associated {
		size := a.Image.Rect.Size()
		fmt.Fprintf(&b, `<Image ID="Image:%d" Name="%s image"><Pixels ID="Pixels:%d" DimensionOrder="XYCZT" Type="uint8" SignificantBits="8" BigEndian="false" Interleaved="true" SizeX="%d" SizeY="%d" SizeZ="1" SizeC="3" SizeT="1">`+
			`<Channel ID="Channel:%d:0" SamplesPerPixel="3"/><TiffData IFD="%d" PlaneCount="1"/></Pixels></Image>`, i+1, escape(a.Name), i+1, size.X, size.Y, i+1, o.Planes()+i)
	}
	b.WriteString("</OME>")
	return b.String()
}

// xmlChannels writes the channels, and where each plane lies.
func (o *OMEFile) xmlChannels(b *strings.Builder, samples int) {
	if samples == 3 {
		b.WriteString(`<Channel ID="Channel:0:0" SamplesPerPixel="3"/>`)
	}
	for i, c := range o.Channels {
		fmt.Fprintf(b, `<Channel ID="Channel:0:%d" Name="%s" SamplesPerPixel="1"`, i, escape(c.Name))
		if c.Color != (color.RGBA{}) { // signed RGBA, OME schema 2016-06
			fmt.Fprintf(b, ` Color="%d"`, int32(uint32(c.Color.R)<<24|uint32(c.Color.G)<<16|uint32(c.Color.B)<<8|255))
		}
		for _, w := range []struct {
			name string
			nm   float64
		}{{"ExcitationWavelength", c.Excitation}, {"EmissionWavelength", c.Emission}} {
			if w.nm > 0 {
				fmt.Fprintf(b, ` %s="%g" %sUnit="nm"`, w.name, w.nm, w.name)
			}
		}
		b.WriteString("/>")
	}
	n := max(1, len(o.Channels))
	for plane := range o.Planes() {
		fmt.Fprintf(b, `<TiffData FirstC="%d" FirstZ="%d" FirstT="%d" IFD="%d" PlaneCount="1"/>`, plane%n, plane/n%max(1, o.Z), plane/n/max(1, o.Z), plane)
	}
}
