package app

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/tiles"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// profiled is a project with one slide whose profile swaps red and green.
func profiled(t *testing.T) (*Session, *OpenSlide) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "swapped.svs")
	o := tiffwrite.Options{Width: slideW, Height: slideH, Layout: tiffwrite.Aperio, MPP: 1, Quality: 95, Smallest: 256, ICC: slidetest.SwappedProfile()}
	if err := tiffwrite.Write(t.Context(), path, o, paint(1)); err != nil {
		t.Fatal(err)
	}
	s, err := CreateProject(filepath.Join(dir, "p.coverslip"), "P", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	id, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s, open
}

// reddest is the pixel of a picture with the most red over green.
func reddest(img *image.RGBA) (i int) {
	for p := 0; p < len(img.Pix); p += 4 {
		if int(img.Pix[p])-int(img.Pix[p+1]) > int(img.Pix[i])-int(img.Pix[i+1]) {
			i = p
		}
	}
	return i
}

func TestSession_Colour_OnScreenAlone(t *testing.T) {
	s, open := profiled(t)
	k := tiles.Key{Level: len(open.Slide.Levels()) - 1}
	raw := image.NewRGBA(image.Rectangle{Max: open.Slide.Levels()[k.Level].TileRect(0, 0).Size()})
	if err := open.Slide.ReadTile(t.Context(), k, raw); err != nil {
		t.Fatal(err)
	}
	shown, err := open.Loader.Read(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	i := reddest(raw)
	if raw.Pix[i] < raw.Pix[i+1]+10 {
		t.Fatal("the slide has nothing red")
	}
	if shown.Pix[i+1] < shown.Pix[i]+10 {
		t.Errorf("%v is shown as %v: the profile is not applied", raw.Pix[i:i+3], shown.Pix[i:i+3])
	}
	if !open.Colour.Applied || open.Colour.String() != "Swapped red and green, shown as sRGB" {
		t.Errorf("colour %+v", open.Colour)
	}
	thumb := func() *image.RGBA {
		m, err := s.Thumbnail(t.Context(), open.Item.ID, 100)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	converted := thumb()
	s.SetRawColour(true)
	again, err := s.OpenSlide(t.Context(), open.Item.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again == open || again.Colour.Applied || !strings.HasSuffix(again.Colour.String(), "not applied") {
		t.Errorf("colour %+v", again.Colour)
	}
	shown, err = again.Loader.Read(t.Context(), k)
	if err != nil || !bytes.Equal(shown.Pix[:400], raw.Pix[:400]) {
		t.Errorf("the scanner's colours are changed: %v", err)
	}
	if bytes.Equal(thumb().Pix, converted.Pix) {
		t.Error("thumbnails do not follow")
	}
}

// The picture in a list is of what was scanned, not of the glass around it.
func TestSession_Thumbnail_Scanned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "glass.scn")
	scn := slidetest.SCN{Glass: image.Pt(1000000, 900000), Regions: []image.Point{{X: 600000, Y: 50000}}, W: 400, H: 200}
	if err := os.WriteFile(path, scn.Make(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := CreateProject(filepath.Join(dir, "p.coverslip"), "P", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	id, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Thumbnail(t.Context(), id, 400)
	if err != nil {
		t.Fatal(err)
	}
	want := image.NewRGBA(m.Rect)
	if err := slidetest.Rough(t.Context(), 0, 0, want); err != nil {
		t.Fatal(err)
	}
	if m.Rect.Size() != image.Pt(400, 200) || !bytes.Equal(m.Pix, want.Pix) {
		t.Errorf("the thumbnail has %v and is not the region", m.Rect.Size())
	}
	all, err := s.Overview(t.Context(), id, 400)
	if err != nil || all.Rect.Size() != image.Pt(400, 360) || all.RGBAAt(0, 0) != (color.RGBA{R: 255, G: 255, B: 255, A: 255}) {
		t.Errorf("overview of %v, %v: %v", all.Rect, all.RGBAAt(0, 0), err)
	}
}

func TestSession_Colour_ModelsSeeRawUnlessAsked(t *testing.T) {
	s, open := profiled(t)
	label(t, s)
	enc := modeltest.New()
	for _, c := range []struct {
		srgb bool
		word string
	}{{false, "colour=raw"}, {true, "colour=srgb"}} {
		r, err := s.Suggest(t.Context(), open.Item.ID, SuggestOptions{Encoder: enc, SRGB: c.srgb}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Embedded == 0 { // kept vectors of the other colours must not be taken
			t.Errorf("%s: nothing was embedded anew", c.word)
		}
		q := s.Queue(open.Item.ID)
		if len(q) == 0 || !strings.Contains(q[0].By.Params, c.word) {
			t.Errorf("suggestions made from %q", q[0].By.Params)
		}
	}
	if r, err := s.Suggest(t.Context(), open.Item.ID, SuggestOptions{Encoder: enc, SRGB: true}, nil); err != nil || r.Embedded != 0 {
		t.Errorf("embedded %d again, %v", r.Embedded, err)
	}
}

func TestExportDataset_ColourIsRecorded(t *testing.T) {
	s, _ := profiled(t)
	label(t, s)
	pixels := map[bool][]byte{}
	for srgb, word := range map[bool]string{false: "raw", true: "srgb"} {
		o := options(filepath.Join(t.TempDir(), "set"))
		o.SRGB = srgb
		if _, err := ExportDataset(t.Context(), s, o, nil); err != nil {
			t.Fatal(err)
		}
		files := tree(t, o.Out)
		rows := table(t, files["manifest.csv"])
		if rows[0]["colour"] != word {
			t.Errorf("manifest says %q", rows[0]["colour"])
		}
		if !bytes.Contains(files["dataset.json"], []byte(`"colour": "`+word+`"`)) {
			t.Errorf("dataset.json does not say %s", word)
		}
		said := map[bool]string{false: "no colour profile was applied", true: "converted to sRGB"}[srgb]
		if !bytes.Contains(files["dataset-card.md"], []byte(said)) {
			t.Errorf("the card does not say %q", said)
		}
		img, err := png.Decode(bytes.NewReader(files[rows[0]["file"]]))
		if err != nil {
			t.Fatal(err)
		}
		r, g, b, _ := img.At(3, 3).RGBA()
		pixels[srgb] = []byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}
	}
	if bytes.Equal(pixels[true], pixels[false]) {
		t.Errorf("both exports have %v", pixels[true])
	}
}
