package trestle

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

var pure = codec.New(codec.Options{NoNative: true})

const good = "Background Color=e6e6d2;White Balance=ffffff;Objective Power=20;JPEG Quality=80;OverlapsXY= 16 8 8 4 0 0"

// made is a file of levels of 4×3, 2×2 and 1×1 tiles of 64 pixels; its thumbnail
// in strips is taken out of the chain. XResolution is 1/2.
func made(t testing.TB, description string) *slidetest.TIFF {
	f := slidetest.Edit(t, slidetest.Good(t, tiffwrite.Aperio, false))
	after := f.Data[f.Directory(1).Next():][:4]
	f.Put(f.Directory(0).Next(), after...)
	f.Text(270, description).Tag(284, 305).Text(305, "MedScan 1.0")
	half := uint32(len(f.Data))
	f.Data = append(f.Data, 1, 0, 0, 0, 2, 0, 0, 0)
	for from, tag := range map[uint16]uint16{254: 282, 530: 283} {
		p := f.Tag(from, tag).Entry(tag)
		f.Put(p+2, 5, 0, 1, 0, 0, 0).At(tag, half)
	}
	f.Value(256, 256).Value(257, 192)
	f.Directory(1).Value(256, 112).Value(257, 92)
	return f.Directory(0)
}

func openMade(t testing.TB, data []byte) (tiles.Slide, error) {
	t.Helper()
	f := Format(pure)
	src := tiles.NewSource("made.tif", bytes.NewReader(data), int64(len(data)))
	if err := f.Detect(src); err != nil {
		return nil, err
	}
	return f.Open(context.Background(), src)
}

func TestConformance(t *testing.T) {
	data := made(t, good).Data
	slidetest.Run(t, func(t testing.TB) tiles.Slide {
		s, err := openMade(t, data)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestOpen_Info(t *testing.T) {
	s, err := openMade(t, made(t, good).Data)
	if err != nil {
		t.Fatal(err)
	}
	in := s.Info()
	want := []tiles.Level{{Width: 208, Height: 176, Downsample: 1, TileWidth: 64, TileHeight: 64}, {Width: 104, Height: 88, Downsample: 2, TileWidth: 64, TileHeight: 64},
		{Width: 52, Height: 44, Downsample: 4, TileWidth: 64, TileHeight: 64}}
	if got := s.Levels(); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("levels %+v", got)
	}
	if in.MPPX != 0.5 || in.MPPY != 0.5 || in.MPPFrom != "tiff.XResolution" || in.Objective != 20 || in.Background != (color.NRGBA{R: 0xe6, G: 0xe6, B: 0xd2, A: 255}) {
		t.Errorf("%+v", in)
	}
	if len(in.Warnings) != 1 || !strings.Contains(in.Warnings[0], "50×37 pixels covers a part") || len(in.Associated) != 0 {
		t.Errorf("warnings %q, associated %v", in.Warnings, in.Associated)
	}
	// Level 2 stores 50×37 of its 52×44 pixels.
	m := image.NewRGBA(image.Rect(0, 0, 52, 44))
	if err := s.ReadTile(context.Background(), tiles.Key{Level: 2}, m); err != nil || m.RGBAAt(20, 40) != (color.RGBA{0xe6, 0xe6, 0xd2, 255}) || m.RGBAAt(20, 20) == m.RGBAAt(20, 40) {
		t.Errorf("beyond the stored part: %v, %v", m.RGBAAt(20, 40), err)
	}
}

// The macro image is a file beside the slide.
func TestAssociated_Macro(t *testing.T) {
	dir := t.TempDir()
	slide, full := filepath.Join(dir, "slide.tif"), filepath.Join(dir, "slide.Full")
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 33, 21)), nil); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{slide: made(t, good).Data, full: b.Bytes()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := tiles.OpenSource(slide)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Format(pure).Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := s.AssociatedImage(context.Background(), "macro")
	if err != nil || m.Rect != image.Rect(0, 0, 33, 21) {
		t.Fatalf("%v, %v", m, err)
	}
	if err := os.WriteFile(full, b.Bytes()[:300], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AssociatedImage(context.Background(), "macro"); err == nil || !strings.Contains(err.Error(), "slide.Full") {
		t.Errorf("a macro image that was cut: %v", err)
	}
}

func TestBroken(t *testing.T) {
	for _, c := range []struct{ name, description, open, warned string }{
		{"overlap of a whole tile", "OverlapsXY= 64 64", "overlap by 64", ""},
		{"overlap is no number", "OverlapsXY= x 8", "overlap by -1", ""},
		{"overlap overflows", "OverlapsXY= 99999999999 8", "overlap by -1", ""},
		{"overlap of level 1", "OverlapsXY= 16 8 60 4", "", "directory 1 left out"},
		{"objective", "Objective Power=x;OverlapsXY= 16 8 8 4", "", "objective"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := openMade(t, made(t, c.description).Data)
			if c.open != "" {
				var f *tiles.FormatError
				if !errors.As(err, &f) || !strings.Contains(err.Error(), c.open) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.Info().Warnings, "\n"); !strings.Contains(got, c.warned) {
				t.Errorf("warnings %q", got)
			}
		})
	}
	dpi := made(t, good)
	dpi.Put(dpi.Where(282), 72, 0, 0, 0, 1)
	s, err := openMade(t, dpi.Data)
	if err != nil || s.Info().MPPX != 0 || !strings.Contains(strings.Join(s.Info().Warnings, "\n"), "XResolution 72") {
		t.Errorf("72 µm per pixel: %v", err)
	}
	// One bad tile spoils the virtual tiles over it and no others.
	bad := made(t, good).Element(324, 0x7fffffff).Data
	if s, err = openMade(t, bad); err != nil {
		t.Fatal(err)
	}
	var te *tiles.TileError
	if err := s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rect(0, 0, 64, 64))); !errors.As(err, &te) || !strings.Contains(err.Error(), "stored tile (0,0)") {
		t.Errorf("got %v", err)
	}
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 1, Row: 1}, image.NewRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		t.Error(err)
	}
}

func FuzzParseDescription(f *testing.F) {
	f.Add(good)
	f.Add("=;;a=b=c;OverlapsXY=1 x -1;Background Color=zz")
	f.Fuzz(func(t *testing.T, s string) {
		d := parseDescription(s)
		if len(d) > maxKeys {
			t.Fatal("too many keys")
		}
		for i := range 3 {
			if o := d.overlap(i); o.X < -1 || o.Y < -1 {
				t.Fatalf("overlap %v", o)
			}
		}
		if d.background().A != 255 {
			t.Fatal("a transparent background")
		}
	})
}
