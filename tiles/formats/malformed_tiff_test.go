package formats

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

const (
	atTile = slidetest.AtTile
	warned = slidetest.Warned
)

// malformedHeads are files that begin as none, number 1, under the names of every
// container.
func malformedHeads() (list []malformed) {
	for _, ext := range []string{".svs", ".ndpi", ".ndpis", ".vms", ".scn", ".bif", ".dcm", ".czi", ".dzi", ".szi", ".zattrs", ".ome.tif", ".qptiff", ".ozx"} {
		add := func(what, data, want string) {
			list = append(list, malformed{n: 1, container: ext, what: what, make: named("x"+ext, func(testing.TB) []byte { return []byte(data) }), want: want})
		}
		add("empty", "", "empty")
		add("3 bytes", "II*", "3 bytes")
		add("magic", "JJ*\x00\x08\x00\x00\x00"+strings.Repeat("\x01\x02", 200), "")
		add("zeros", strings.Repeat("\x00", 3000), "zeros")
	}
	return append(list, malformed{n: 1, container: ".mrxs", what: "empty", make: named("x.mrxs", func(testing.TB) []byte { return nil }), want: "Slidedat.ini"})
}

// bigTIFF is a BigTIFF of one directory with the given entries (tag, type, count,
// value), of which there seem to be n.
func bigTIFF(n uint64, entries ...[4]uint64) []byte {
	b := []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00")
	b = binary.LittleEndian.AppendUint64(b, n)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint64(b, e[2])
		b = binary.LittleEndian.AppendUint64(b, e[3])
	}
	return append(b, make([]byte, 64)...)
}

// tiled are the tags of a grey image of side×side pixels in tiles of 256.
func tiled(side uint64, offsets [4]uint64) [][4]uint64 {
	return [][4]uint64{{256, 4, 1, side}, {257, 4, 1, side}, {258, 3, 1, 8}, {259, 3, 1, 1}, {262, 3, 1, 1}, {277, 3, 1, 1},
		{322, 4, 1, 256}, {323, 4, 1, 256}, offsets, {325, 16, 1, 0}}
}

// chain is a TIFF of n empty directories; back is where the last one points.
func chain(n int, back uint32) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	for i := range n {
		next := uint32(8 + 18*(i+1))
		if i == n-1 {
			next = back
		}
		b = append(b, 1, 0, 0, 1, 4, 0, 1, 0, 0, 0, 16, 0, 0, 0) // ImageWidth 16
		b = binary.LittleEndian.AppendUint32(b, next)
	}
	return b
}

// malformedTIFF are directories: numbers 2 to 10 in BigTIFF and NDPI, and 32.
func malformedTIFF() []malformed {
	head := []byte("II+\x00\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f")
	big := func(n int, what string, want string, data []byte) malformed {
		return malformed{n: n, container: "BigTIFF", what: what, want: want, make: named("big.tif", func(testing.TB) []byte { return data })}
	}
	ndpi := func(n int, what string, want string, data []byte) malformed {
		return malformed{n: n, container: "NDPI", what: what, want: want, make: named("big.ndpi", func(testing.TB) []byte { return data })}
	}
	one := [4]uint64{324, 16, 1, 16}
	ndpiEnd := []byte("II*\x00\xff\xff\xff\xff\xff\xff\xff\x7f")
	return []malformed{
		big(2, "first directory at 2^63", "first directory", append(head, make([]byte, 100)...)),
		ndpi(2, "first directory at 2^63", "first directory", append(ndpiEnd, make([]byte, 100)...)),
		{n: 3, container: "TIFF", what: "loop of 50", want: "loop", make: named("loop.tif", func(testing.TB) []byte { return chain(50, 8+18*20) })},
		{n: 3, container: "TIFF", what: "5000 directories", want: "more than", make: named("many.tif", func(testing.TB) []byte { return chain(5000, 0) })},
		big(4, "2^60 entries", "1152921504606846976 tags", bigTIFF(1<<60)),
		big(5, "2^61 LONG8", "2305843009213693952 values", bigTIFF(10, tiled(256, [4]uint64{324, 16, 1 << 61, 16})...)),
		big(5, "2^63 bytes", "values", bigTIFF(10, tiled(256, [4]uint64{324, 1, 1 << 63, 16})...)),
		big(7, "tile of 65536", "", bigTIFF(10, append([][4]uint64{{322, 4, 1, 65536}, {323, 4, 1, 65536}}, tiled(65536, one)...)...)),
		big(8, "2^32 pixels wide", "", bigTIFF(10, tiled(1<<32-1, one)...)),
		big(8, "2^48 pixels", "", bigTIFF(10, tiled(1<<24, [4]uint64{324, 16, 1, 16})...)),
		big(9, "one offset of 16", "1 tile offsets for 16", bigTIFF(10, tiled(1024, one)...)),
		{n: 32, container: "TIFF", what: "a second level of the same size", when: warned, want: "left out", make: twice("two.tif", tiffwrite.Generic)},
		{n: 32, container: "SVS", what: "a second level of the same size", when: warned, want: "left out", make: twice("two.svs", tiffwrite.Aperio)},
		{n: 32, container: "OME-Zarr", what: "the same array twice", when: warned, want: "left out", make: func(t testing.TB) string {
			f := zarrFiles()
			f[".zattrs"] = strings.Replace(f[".zattrs"], `"datasets":[`, `"datasets":[{"path":"0","coordinateTransformations":[{"type":"scale","scale":[1,1]}]},`, 1)
			return folder(t, f, ".zattrs")
		}},
		{n: 32, container: "DICOM", what: "the same image twice", want: "several images", make: func(t testing.TB) string {
			a, b := slidetest.GoodDICOM(t, 200, 150), slidetest.GoodDICOM(t, 200, 150)
			b.UID = "1.2.3.77"
			return folder(t, map[string]string{"a.dcm": string(a.Data()), "b.dcm": string(b.Data())}, "a.dcm")
		}},
	}
}

// twice is a slide whose last directory is a copy of the first.
func twice(name string, layout tiffwrite.Layout) func(testing.TB) string {
	return named(name, func(t testing.TB) []byte {
		f := slidetest.Edit(t, slidetest.Good(t, layout, false))
		begin, end := f.Next()-12*int(binary.LittleEndian.Uint16(f.Data[binary.LittleEndian.Uint32(f.Data[4:]):]))-2, f.Next()+4
		first := bytes.Clone(f.Data[begin:end])
		last := f.Next()
		for binary.LittleEndian.Uint32(f.Data[last:]) != 0 {
			at := int(binary.LittleEndian.Uint32(f.Data[last:]))
			last = at + 2 + 12*int(binary.LittleEndian.Uint16(f.Data[at:]))
		}
		binary.LittleEndian.PutUint32(f.Data[last:], uint32(len(f.Data)))
		clear(first[len(first)-4:])
		if i := bytes.Index(first, []byte{254, 0, 4, 0}); i > 0 {
			first[i+8] = 1 // a smaller level, it says
		}
		return append(f.Data, first...)
	})
}

// withTile puts other bytes in the place of a TIFF slide's first tile.
func withTile(name string, compression uint32, tile func(t testing.TB) []byte) func(testing.TB) string {
	return named(name, func(t testing.TB) []byte {
		f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Generic, true))
		data := tile(t)
		at := uint32(len(f.Data))
		f.Data = append(f.Data, data...)
		f.Element(324, at).Element(325, uint32(len(data)))
		if compression != 0 {
			f.Value(259, compression)
		}
		return f.Data
	})
}

// zeros is n zeros, packed.
func zeros(t testing.TB, n int, how string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	z, err := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w = z
	if how == "zstd" {
		z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	block := make([]byte, 1<<20)
	for range n >> 20 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// j2k is the head of a JPEG 2000 stream whose SIZ marker says these things, T.800
// A.5.1, and nothing behind it.
func j2k(width, height, tileW, tileH uint32, components int) []byte {
	b := []byte{0xff, 0x4f, 0xff, 0x51}
	b = binary.BigEndian.AppendUint16(b, uint16(38+3*components))
	b = append(b, 0, 0)
	for _, v := range []uint32{width, height, 0, 0, tileW, tileH, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(components))
	for range components {
		b = append(b, 7, 1, 1)
	}
	return append(b, 0xff, 0x52, 0, 12, 0, 0, 0, 1, 1, 0, 4, 4, 0, 0, 0xff, 0x5c, 0, 4, 0x40, 0x40, // COD and QCD
		0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93) // SOT and SOD
}

// malformedStreams are the streams of tiles: bombs, number 20, and JPEG 2000 that
// lies, number 28, in TIFF and in DICOM, through both decoders.
func malformedStreams() []malformed {
	list := []malformed{
		{n: 20, container: "TIFF", what: "deflate bomb of 256 MiB", when: warned, make: withTile("a.tif", 0, func(t testing.TB) []byte { return zeros(t, 256<<20, "zlib") })},
		{n: 20, container: "TIFF", what: "zstd bomb of 256 MiB", when: atTile, want: "zstd", all: true, make: withTile("a.tif", 50000, func(t testing.TB) []byte { return zeros(t, 256<<20, "zstd") })},
		{n: 20, container: "OME-Zarr", what: "zlib bomb of 8 MiB", when: warned, make: func(t testing.TB) string {
			f := zarrFiles()
			f["0/0/0"] = string(zeros(t, 8<<20, "zlib"))
			return folder(t, f, ".zattrs")
		}},
		{n: 20, container: "OME-Zarr", what: "zlib bomb of 64 MiB", when: atTile, want: "0/0/0", all: true, make: func(t testing.TB) string {
			f := zarrFiles()
			f["0/0/0"] = string(zeros(t, 64<<20, "zlib"))
			return folder(t, f, ".zattrs")
		}},
	}
	for what, c := range map[string]struct {
		data []byte
		want string
	}{
		"2^31 pixels":         {j2k(1<<31-1, 1<<31-1, 1<<31-1, 1<<31-1, 3), "2147483647"},
		"16384 components":    {j2k(64, 64, 64, 64, 16384), ""},
		"4 million tiles":     {j2k(64, 64, 1, 1, 3), ""},
		"tiles of 2^32":       {j2k(64, 64, 1<<32-1, 1<<32-1, 3), ""},
		"size 0":              {j2k(0, 64, 64, 64, 3), ""},
		"cut behind its head": {j2k(64, 64, 64, 64, 3), ""},
		"cut in its head":     {j2k(64, 64, 64, 64, 3)[:20], ""},
		"smaller":             {j2k(32, 64, 32, 64, 3), "32×64"},
	} {
		list = append(list,
			malformed{n: 28, container: "TIFF", what: what, when: atTile, want: c.want, all: true,
				make: withTile("a.svs", 33005, func(testing.TB) []byte { return c.data })},
			malformed{n: 28, container: "DICOM", what: what, when: atTile, want: c.want, all: true,
				make: named("a.dcm", func(t testing.TB) []byte {
					d := slidetest.GoodDICOM(t, 200, 150)
					d.Syntax, d.Photometric = "1.2.840.10008.1.2.4.91", "YBR_ICT"
					d.Frames[0] = c.data
					return d.Data()
				})})
	}
	return list
}

// xmlIn is a container whose metadata are the given XML.
type xmlIn struct {
	name string
	file func(t testing.TB, xml string) string // its path
	root string                                // the root element
}

// xmlContainers are the containers of XML. OME-XML, SCN, Philips and QPTIFF stand in the
// description, BIF in the XMP, DZI is the file; CZI has its own test.
func xmlContainers() []xmlIn {
	inText := func(name, software string) func(testing.TB, string) string {
		return func(t testing.TB, xml string) string {
			f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Aperio, false)).Text(270, xml)
			if software != "" {
				f.Tag(284, 305).Text(305, software)
			}
			return write(t, name, f.Data)
		}
	}
	return []xmlIn{
		{"OME-TIFF", inText("a.ome.tif", ""), `OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"`},
		{"SCN", inText("a.scn", ""), `scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"`},
		{"Philips", inText("a.tiff", "Philips DP v1.0"), `DataObject ObjectType="DPUfsImport"`},
		{"QPTIFF", inText("a.qptiff", ""), `PerkinElmer-QPI-ImageDescription`},
		{"BIF", func(t testing.TB, xml string) string {
			return write(t, "a.bif", (&slidetest.BIF{TileW: 64, TileH: 64, Levels: 1, Areas: []slidetest.BIFArea{{Cols: 3, Rows: 3}},
				XML: func(string) string { return xml }}).Make(t))
		}, "EncodeInfo"},
		{"Deep Zoom", func(t testing.TB, xml string) string { return write(t, "a.dzi", []byte(xml)) },
			`Image xmlns="http://schemas.microsoft.com/deepzoom/2008"`},
	}
}

// malformedXML are bombs, 10⁵-fold nesting and 100 MB, number 23.
func malformedXML() (list []malformed) {
	for _, c := range xmlContainers() {
		end := strings.Fields(c.root)[0]
		for what, xml := range map[string]string{
			"bomb":   `<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><` + c.root + `>&c;</` + end + `>`,
			"deep":   "<" + c.root + ">" + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + "</" + end + ">",
			"cut":    "<" + c.root + "><a",
			"wide":   "<" + c.root + ">" + strings.Repeat("<a/>", 15<<18) + "</" + end + ">",
			"tagged": "<" + c.root + " " + strings.Repeat(`a="b" `, 20_000) + "/>",
		} {
			list = append(list, malformed{n: 23, container: c.name, what: what, make: func(t testing.TB) string { return c.file(t, xml) }})
		}
	}
	for name, software := range map[string]string{"a.ome.tif": "", "a.scn": "", "a.tiff": "Philips", "a.svs": ""} {
		when := warned // without its description it is plain TIFF
		if software != "" {
			when = slidetest.AtOpen // the scanner alone knows how large the levels are
		}
		list = append(list, malformed{n: 23, container: filepath.Ext(name), what: "description of 100 MB", when: when, make: func(t testing.TB) string {
			f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Aperio, false))
			if software != "" {
				f.Tag(284, 305).Text(305, software)
			}
			f.At(270, uint32(len(f.Data))).Count(270, 100_000_000)
			return long(t, write(t, name, f.Data), int64(len(f.Data))+100_000_100)
		}})
	}
	for dir, what := range map[int]string{0: "XMP of the scan of 60 MB", 2: "XMP of level 0 of 60 MB"} {
		list = append(list, malformed{n: 23, container: "BIF", what: what, make: func(t testing.TB) string {
			b := slidetest.BIF{TileW: 64, TileH: 64, Levels: 1, Areas: []slidetest.BIFArea{{Cols: 3, Rows: 3}}}
			f := slidetest.Edit(t, b.Make(t)).Directory(dir)
			f.Data = append(f.Data, "<iScan <EncodeInfo "...)
			f.At(700, uint32(len(f.Data)-len("<iScan <EncodeInfo "))).Count(700, 60_000_000)
			return long(t, write(t, "a.bif", f.Data), int64(len(f.Data))+60_000_100)
		}})
	}
	for _, name := range []string{"a.dzi", ".zattrs", "zarr.json", "a.vms", "a.ndpis"} {
		list = append(list, malformed{n: 23, container: name, what: "100 MB", make: func(t testing.TB) string {
			head := map[string]string{"a.dzi": `<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" `, "a.vms": "[Virtual Microscope Specimen]\n",
				"a.ndpis": "[NanoZoomer Digital Pathology Image Set]\n"}[name]
			return long(t, write(t, name, []byte(head+"{")), 100_000_000)
		}})
	}
	return append(list, malformed{n: 23, container: "OME-Zarr", what: "JSON 10⁵ deep", make: func(t testing.TB) string {
		return folder(t, map[string]string{".zattrs": `{"multiscales":` + strings.Repeat("[", 100_000)}, ".zattrs")
	}})
}

// zarrFiles is a small OME-Zarr of version 0.4: one grey level of 130×70 pixels in
// chunks of 64.
func zarrFiles() map[string]string {
	f := map[string]string{
		".zattrs":   `{"multiscales":[{"version":"0.4","axes":[{"name":"y","type":"space","unit":"micrometer"},{"name":"x","type":"space","unit":"micrometer"}],"datasets":[{"path":"0","coordinateTransformations":[{"type":"scale","scale":[0.5,0.5]}]}]}]}`,
		".zgroup":   `{"zarr_format":2}`,
		"0/.zarray": `{"zarr_format":2,"shape":[70,130],"chunks":[64,64],"dtype":"|u1","compressor":{"id":"zlib","level":1},"fill_value":0,"order":"C","filters":null,"dimension_separator":"/"}`,
	}
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(bytes.Repeat([]byte{7, 99, 200, 3}, 1024)); err != nil {
		panic(err) // a bytes.Buffer does not fail
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	for y := range 2 {
		for x := range 3 {
			f[fmt.Sprintf("0/%d/%d", y, x)] = b.String()
		}
	}
	return f
}
