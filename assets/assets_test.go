package assets

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"testing"
)

func TestIcon_EveryOneIsSVGInCurrentColor(t *testing.T) {
	names := Icons()
	if len(names) < 20 {
		t.Fatalf("only %d icons are compiled in", len(names))
	}
	for _, n := range names {
		b, err := Icon(n)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte("currentColor")) {
			t.Errorf("%s: no currentColor to follow the theme", n)
		}
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: %v", n, err)
				break
			}
		}
	}
	if _, err := Icon("nonesuch"); err == nil {
		t.Error("an unknown icon must be an error")
	}
}

func TestAppIcon_IsSmallPNG(t *testing.T) {
	img, err := png.Decode(bytes.NewReader(AppIcon()))
	if err != nil {
		t.Fatal(err)
	}
	if s := img.Bounds().Size(); s.X != 256 || s.Y != 256 {
		t.Errorf("size %v", s)
	}
	if len(AppIcon()) > 15<<10 {
		t.Errorf("%d bytes, more than 15 kB", len(AppIcon()))
	}
}
