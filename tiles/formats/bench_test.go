package formats

import (
	"context"
	"image"
	"path/filepath"
	"testing"

	"coverslip/tiles/codec"
	"coverslip/tiles/peertest"
)

// A slide of 106,632×85,608 pixels in nine levels, which every reader of TIFF is
// asked about before the last of them opens it.
func BenchmarkOpen_BigTIFF(b *testing.B) {
	tile, err := codec.Default().EncodeJPEG(image.NewRGBA(image.Rect(0, 0, 256, 256)), 80, "420")
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "giant.tif")
	peertest.WriteGiant(b, path, [][]byte{tile})
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open(context.Background(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
