package jpeg2000_test

import (
	"image"
	"os"
	"testing"

	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/native/openjpeg"
	"coverslip/tiles/slidetest"
)

// BenchmarkDecode decodes one tile by turns in Go and by libopenjp2: a real
// scanner's frame, or the codestream that COVERSLIP_J2K names.
func BenchmarkDecode(b *testing.B) {
	path := os.Getenv("COVERSLIP_J2K")
	if path == "" {
		path = slidetest.Shared(b, "dicom/ezwsi-frame6.j2k")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	h, err := jpeg2000.ParseHeader(data)
	if err != nil {
		b.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, h.Width, h.Height))
	decode := map[string]func(*image.RGBA, []byte, jpeg2000.Options) error{"go": jpeg2000.Decode}
	if l, err := openjpeg.Load(); err == nil {
		decode["libopenjp2"] = l.Decode
	}
	for name, f := range decode {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(h.Width * h.Height * h.Components))
			for b.Loop() {
				if err := f(m, data, jpeg2000.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
