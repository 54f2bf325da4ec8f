package formats

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// vmsOf is the index of a Hamamatsu slide of one picture.
func vmsOf(name string) string {
	return "[Virtual Microscope Specimen]\r\nNoLayers=1\r\nNoJpegColumns=1\r\nNoJpegRows=1\r\nImageFile=" + name + "\r\nMapFile=map.jpg\r\n"
}

func setOf(name string) string {
	return "[NanoZoomer Digital Pathology Image Set]\r\nNoImages=1\r\nImage0=" + name + "\r\n"
}

// miraxOf is a small slide; edit may change it before it is written.
func miraxOf(t testing.TB, edit func(*slidetest.MiraxFiles)) string {
	t.Helper()
	f := slidetest.MakeMirax(t, slidetest.Mirax{Cols: 4, Rows: 4, Divisions: 2, Size: image.Pt(64, 48), Levels: 2, Overlap: 8,
		Position: func(c, r int) image.Point { return image.Pt(c*120, r*88) }, Fill: 0xf0e0d0})
	edit(f)
	return f.Write(t)
}

// deepZoom is a small picture of four tiles.
func deepZoom(t testing.TB) map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, slidetest.TestPicture(image.Pt(64, 64), 3)); err != nil {
		t.Fatal(err)
	}
	f := map[string]string{"a.dzi": `<?xml version="1.0"?><Image TileSize="64" Overlap="0" Format="png" xmlns="http://schemas.microsoft.com/deepzoom/2008"><Size Width="128" Height="128"/></Image>`}
	for x := range 2 {
		for y := range 2 {
			f[fmt.Sprintf("a_files/7/%d_%d.png", x, y)] = b.String()
		}
	}
	f["a_files/6/0_0.png"] = b.String()
	return f
}

// malformedNames are names and links that lead out of the slide's folder, number
// 25, and pictures that lie, in the containers of several files.
func malformedNames() []malformed {
	var list []malformed
	add := func(container, what, want string, make func(t testing.TB) string) {
		list = append(list, malformed{n: 25, container: container, what: what, want: want, make: make})
	}
	for _, name := range []string{"../secret", "../../etc/passwd", "/etc/passwd", `..\secret`, `C:\secret`, "sub/../../secret"} {
		add("VMS", name, "leads out of the slide's folder", func(t testing.TB) string { return folder(t, map[string]string{"a.vms": vmsOf(name)}, "a.vms") })
		add("NDPIS", name, "leads out of the slide's folder", func(t testing.TB) string { return folder(t, map[string]string{"a.ndpis": setOf(name)}, "a.ndpis") })
		add("MRXS", name, "leads out of the slide's folder", func(t testing.TB) string {
			return miraxOf(t, func(f *slidetest.MiraxFiles) { f.SetKey("FILE_0", name) })
		})
		add("OME-Zarr", name, "", func(t testing.TB) string {
			f := zarrFiles()
			f[".zattrs"] = strings.Replace(f[".zattrs"], `"path":"0"`, fmt.Sprintf(`"path":%q`, name), 1)
			return folder(t, f, ".zattrs")
		})
	}
	linked := func(t testing.TB, path, name string) string { // a file of the slide becomes a link to one outside
		in := filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
		out := filepath.Join(t.TempDir(), "secret")
		if err := os.Rename(in, out); err != nil {
			t.Fatal(err)
		}
		link(t, out, in)
		return path
	}
	add("VMS", "link", "leads out of the slide's folder", func(t testing.TB) string {
		return linked(t, folder(t, map[string]string{"a.vms": vmsOf("a.jpg"), "a.jpg": "\xff\xd8\xff"}, "a.vms"), "a.jpg")
	})
	add("NDPIS", "link", "leads out of the slide's folder", func(t testing.TB) string {
		return linked(t, folder(t, map[string]string{"a.ndpis": setOf("a.ndpi"), "a.ndpi": "II*\x00"}, "a.ndpis"), "a.ndpi")
	})
	add("MRXS", "link", "leads out of the slide's folder", func(t testing.TB) string {
		return linked(t, miraxOf(t, func(*slidetest.MiraxFiles) {}), "made/Index.dat")
	})
	add("MRXS", "link of the folder", "", func(t testing.TB) string { return linked(t, miraxOf(t, func(*slidetest.MiraxFiles) {}), "made") })
	add("OME-Zarr", "link of an array", "leads out", func(t testing.TB) string { return linked(t, folder(t, zarrFiles(), ".zattrs"), "0") })
	add("Deep Zoom", "link of the tiles", "", func(t testing.TB) string { return linked(t, folder(t, deepZoom(t), "a.dzi"), "a_files") })
	return append(list,
		malformed{n: 25, container: "DICOM", what: "link of a level", when: warned, want: "leads out", make: func(t testing.TB) string {
			f := map[string]string{"a.dcm": string(slidetest.GoodDICOM(t, 200, 150).Data()), "b.dcm": string(slidetest.GoodDICOM(t, 100, 75).Data())}
			return linked(t, folder(t, f, "a.dcm"), "b.dcm")
		}},
		malformed{n: 25, container: "OME-Zarr", what: "link of a chunk", want: "leads out", make: func(t testing.TB) string {
			return linked(t, folder(t, zarrFiles(), ".zattrs"), "0/0/1")
		}},
		malformed{n: 25, container: "Deep Zoom", what: "link of a tile", want: "leads out", make: func(t testing.TB) string {
			return linked(t, folder(t, deepZoom(t), "a.dzi"), "a_files/7/1_0.png")
		}},
		malformed{n: 15, container: "Deep Zoom", what: "PNG of 65500²", when: atTile, want: "65500", make: func(t testing.TB) string {
			f := deepZoom(t)
			tile := []byte(f["a_files/7/1_0.png"])
			copy(tile[16:], "\x00\x00\xff\xdc\x00\x00\xff\xdc")
			binary.BigEndian.PutUint32(tile[29:], crc32.ChecksumIEEE(tile[12:29]))
			f["a_files/7/1_0.png"] = string(tile)
			return folder(t, f, "a.dzi")
		}},
		malformed{n: 25, container: "OME-TIFF", what: "pixels in ../secret", when: warned, make: omeElsewhere("../secret.ome.tif")},
		malformed{n: 25, container: "OME-TIFF", what: "pixels in /etc/passwd", when: warned, make: omeElsewhere("/etc/passwd")},
	)
}

// omeElsewhere is an OME-TIFF whose XML says that its pixels lie in another file;
// they lie in this one.
func omeElsewhere(name string) func(testing.TB) string {
	return named("a.ome.tif", func(t testing.TB) []byte {
		data := slidetest.Good(t, tiffwrite.OME, false)
		i := bytes.Index(data, []byte("<TiffData"))
		if i < 0 {
			t.Fatal("the good OME-TIFF has no TiffData")
		}
		xml := data[bytes.LastIndex(data[:i], []byte("<?xml")):]
		text := string(xml[:bytes.IndexByte(xml, 0)])
		end := strings.Index(text[strings.Index(text, "<TiffData"):], ">") + strings.Index(text, "<TiffData")
		tag := strings.TrimSuffix(text[strings.Index(text, "<TiffData"):end], "/")
		rest := text[end+1:]
		if text[end-1] != '/' {
			rest = rest[strings.Index(rest, "</TiffData>")+len("</TiffData>"):]
		}
		return slidetest.Edit(t, data).Text(270, text[:strings.Index(text, "<TiffData")]+tag+`><UUID FileName="`+name+`">urn:uuid:1</UUID></TiffData>`+rest).Data
	})
}

// malformedMirax are the indexes of MIRAX, number 26.
func malformedMirax() []malformed {
	row := func(what, want string, when slidetest.When, edit func(*slidetest.MiraxFiles)) malformed {
		return malformed{n: 26, container: "MRXS", what: what, want: want, when: when, all: true, make: func(t testing.TB) string { return miraxOf(t, edit) }}
	}
	open := slidetest.AtOpen
	return []malformed{
		row("loop of pages", "loop", open, func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[0]+4, int32(f.Pages[0])) }),
		row("negative page", "-8", open, func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[0]+4, -8) }),
		row("negative offset", "-1", open, func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[0]+12, -1) }),
		row("2^31 items", "2147483647", open, func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[0], math.MaxInt32) }),
		row("data file missing", "Data0000.dat", open, func(f *slidetest.MiraxFiles) { delete(f.Files, "Data0000.dat") }),
		row("index missing", "Index.dat", open, func(f *slidetest.MiraxFiles) { delete(f.Files, "Index.dat") }),
		row("photo past the end", "", slidetest.AtTile, func(f *slidetest.MiraxFiles) { f.SetIndex(f.Pages[0]+12, math.MaxInt32) }),
	}
}

// malformedBIF are the areas of BIF, number 29.
func malformedBIF() []malformed {
	row := func(what, from, to, want string) malformed {
		return malformed{n: 29, container: "BIF", what: what, want: want, make: named("a.bif", func(t testing.TB) []byte {
			return (&slidetest.BIF{TileW: 64, TileH: 64, Levels: 1, Areas: []slidetest.BIFArea{{Cols: 3, Rows: 3, OverlapsX: []int{4}, OverlapsY: []int{4}}},
				XML: func(s string) string {
					if !strings.Contains(s, from) {
						t.Fatalf("the XML has no %s", from)
					}
					return strings.ReplaceAll(s, from, to)
				}}).Make(t)
		})}
	}
	return []malformed{
		row("negative rows", `NumRows="3"`, `NumRows="-3"`, "NumRows"),
		row("area tile count of CVE-2026-48977", `NumRows="3" NumCols="3"`, `NumRows="65536" NumCols="65536"`, "more than"),
		row("tile number 0", `Tile1="1"`, `Tile1="0"`, "Tile1"),
		row("tile number out of range", `Tile2="9"`, `Tile2="10"`, "Tile2"),
		row("all confidence 0", `Confidence="99"`, `Confidence="0"`, "confidence 0"),
		row("confidence not a number", `Confidence="99"`, `Confidence="NaN"`, "Confidence"),
	}
}

// malformedDICOM are the frames of DICOM, number 30, and those of TIFF's numbers
// that concern them too.
func malformedDICOM() []malformed {
	row := func(n int, what, want string, when slidetest.When, edit func(*slidetest.DICOM)) malformed {
		return malformed{n: n, container: "DICOM", what: what, want: want, when: when, make: named("a.dcm", func(t testing.TB) []byte {
			d := slidetest.GoodDICOM(t, 200, 150)
			edit(&d)
			return d.Data()
		})}
	}
	open := slidetest.AtOpen
	first := func(change func([]byte) []byte) func(*slidetest.DICOM) {
		return func(d *slidetest.DICOM) { d.Frames[0] = change(bytes.Clone(d.Frames[0])) }
	}
	frame := func(b []byte, at int, v ...byte) []byte {
		copy(b[bytes.Index(b, []byte{0xff, 0xc0})+at:], v)
		return b
	}
	parts := func(d *slidetest.DICOM) {
		d.Frames, d.Concat, d.Part, d.Parts, d.FirstAt = d.Frames[:6], "1.2.3.99", 1, 2, 0
	}
	return []malformed{
		row(30, "frame count lies", "13 frames", open, func(d *slidetest.DICOM) { d.Claim = 13 }),
		row(30, "frame count in millions", "cannot lie", open, func(d *slidetest.DICOM) { d.Claim = 4_000_000 }),
		row(30, "nested 1000-fold", "nested", open, func(d *slidetest.DICOM) { d.Nested, d.OpenSequences = 1000, true }),
		row(30, "half a concatenation", "in no file of the folder", open, parts),
		row(30, "position outside the matrix", "outside the matrix", open, func(d *slidetest.DICOM) {
			for i := range d.Frames {
				d.At = append(d.At, [2]int{1 + 64*(i%4), 1 + 64*(i/4)})
			}
			d.At[3] = [2]int{40001, 1}
		}),
		row(15, "JPEG of 65500²", "65500×65500", atTile, first(func(b []byte) []byte { return frame(b, 5, 0xff, 0xdc, 0xff, 0xdc) })),
		row(18, "JPEG smaller than the frame", "32×32", atTile, first(func(b []byte) []byte { return frame(b, 5, 0, 32, 0, 32) })),
		row(16, "JPEG cut off", "", atTile, first(func(b []byte) []byte { return b[:len(b)/2] })),
		row(17, "JPEG of one component", "", atTile, first(func(b []byte) []byte { return frame(b, 9, 1) })),
		row(13, "JPEG without tables", "", atTile, first(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0xff, 0xc4}, []byte{0xff, 0xef}) })),
		row(19, "unknown compression", "1.2.3.4.5", open, func(d *slidetest.DICOM) { d.Syntax = "1.2.3.4.5" }),
	}
}
