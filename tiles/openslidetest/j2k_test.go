package openslidetest

import (
	"context"
	"encoding/binary"
	"image"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiff"
)

// manyJ2K writes an Aperio slide of cols×rows JPEG 2000 tiles of 256²: those of a
// real slide, over and over, so that the file stays small and no cache holds the
// slide.
func manyJ2K(t testing.TB, cols, rows int) string {
	t.Helper()
	real, err := os.ReadFile(slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := tiles.OpenSource(slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f, err := tiff.Parse(src, src.Size())
	if err != nil {
		t.Fatal(err)
	}
	d := f.Directories()[0]
	at, err := d.Uints(tiff.TagTileOffsets, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	lengths, err := d.Uints(tiff.TagTileByteCounts, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	var body []byte // of the file behind its header of 8 bytes
	put := func(b []byte) uint32 {
		body = append(body, b...)
		return uint32(8 + len(body) - len(b))
	}
	var own []uint32
	for i := range at {
		own = append(own, put(real[at[i]:at[i]+lengths[i]]))
	}
	var offsets, counts []byte
	for r := range rows {
		for c := range cols {
			i := r%13*18 + c%17 // the last column and row hold padding
			offsets, counts = le.AppendUint32(offsets, own[i]), le.AppendUint32(counts, uint32(lengths[i]))
		}
	}
	text := "Aperio Image Library v11\r\nmade|MPP = 0.25|AppMag = 40\x00"
	entries := [][4]uint32{{256, 4, 1, uint32(256 * cols)}, {257, 4, 1, uint32(256 * rows)}, {258, 3, 3, put([]byte{8, 0, 8, 0, 8, 0})},
		{259, 3, 1, 33005}, {262, 3, 1, 2}, {270, 2, uint32(len(text)), put([]byte(text))}, {277, 3, 1, 3}, {284, 3, 1, 1}, {322, 4, 1, 256}, {323, 4, 1, 256},
		{324, 4, uint32(cols * rows), put(offsets)}, {325, 4, uint32(cols * rows), put(counts)}}
	dir := le.AppendUint16(nil, uint16(len(entries)))
	for _, e := range entries {
		dir = le.AppendUint16(le.AppendUint16(dir, uint16(e[0])), uint16(e[1]))
		dir = le.AppendUint32(le.AppendUint32(dir, e[2]), e[3])
	}
	first := put(append(dir, 0, 0, 0, 0))
	path := filepath.Join(t.TempDir(), "many.svs")
	if err := os.WriteFile(path, append(le.AppendUint32([]byte("II*\x00"), first), body...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pairOf opens a file by libopenslide and by us.
func pairOf(t testing.TB, path string) (*Slide, tiles.Slide) {
	t.Helper()
	peer, err := Open(path)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(peer.Close)
	ours, err := formats.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return peer, ours
}

// Regions of a JPEG 2000 slide larger than every cache: what is compared is
// reading and decoding.
func BenchmarkJPEG2000Region1024(b *testing.B) {
	theirs, ours := pairOf(b, manyJ2K(b, 100, 80))
	Race(b, 25600, 20480, func(x, y int, dst *image.RGBA) error {
		return tiles.ReadRegion(context.Background(), ours, 0, x, y, dst)
	}, func(x, y int, dst *image.RGBA) error { return theirs.ReadRegionRaw(0, x, y, dst) })
}
