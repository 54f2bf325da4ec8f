package dicom_test

import (
	"bytes"
	"context"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
	"coverslip/tiles/slidetest"
)

// manyFrames is a sparse slide of n frames, all the same stream, in rows of 400.
func manyFrames(t testing.TB, n int) []byte {
	t.Helper()
	one := slidetest.GoodDICOM(t, 64, 64)
	d := one
	d.Width, d.Height = 400*64, (n+399)/400*64
	d.Frames, d.At = nil, nil
	for i := range n {
		d.Frames = append(d.Frames, one.Frames[0][:len(one.Frames[0]):len(one.Frames[0])])
		d.At = append(d.At, [2]int{i%400*64 + 1, i/400*64 + 1})
	}
	return d.Data()
}

// Opening a slide of 180,000 frames with a position each.
func BenchmarkOpen_Sparse180k(b *testing.B) {
	data := manyFrames(b, 180_000)
	b.ReportAllocs()
	for b.Loop() {
		s, err := formats.OpenSource(context.Background(), tiles.NewSource("b", bytes.NewReader(data), int64(len(data))), codec.Default())
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
