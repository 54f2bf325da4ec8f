package jpeg2000_test

import (
	"image"
	"os"
	"testing"

	"coverslip/tiles/jpeg2000"
	"coverslip/tiles/native/openjpeg"
	"coverslip/tiles/peertest"
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

// TestPeers_Decode measures a scanner's frame in Go against libopenjp2. The
// goal is a third of its speed: what a decoder without vector instructions owes.
func TestPeers_Decode(t *testing.T) {
	peertest.Start(t)
	l := peer(t)
	data, err := os.ReadFile(slidetest.Shared(t, "dicom/ezwsi-frame6.j2k"))
	if err != nil {
		t.Fatal(err)
	}
	h := header(t, data)
	m := image.NewRGBA(image.Rect(0, 0, h.Width, h.Height))
	peertest.Measure(t, peertest.Case{
		Name: "JPEG 2000 frame in Go against libopenjp2", Note: "OpenJPEG " + l.Version(), GoalCPU: 0.33, GoalWall: 0.33,
		Ours: func(int) error { return jpeg2000.Decode(m, data, jpeg2000.Options{}) },
		Peer: func(int) error { return l.Decode(m, data, jpeg2000.Options{}) },
	})
}
