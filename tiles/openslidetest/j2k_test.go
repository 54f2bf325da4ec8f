package openslidetest

import (
	"context"
	"encoding/binary"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/peertest"
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

// Regions that cut tiles anywhere have the pixels of whole tiles, and
// OpenSlide's: a tile of JPEG 2000 is decoded in part.
func TestJPEG2000Region_Parts(t *testing.T) {
	theirs, ours := pairOf(t, slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if _, ok := ours.(tiles.PartReader); !ok {
		t.Fatal("no tiles.PartReader")
	}
	whole := struct{ tiles.Slide }{ours}
	rnd := rand.New(rand.NewPCG(7, 7))
	for level, l := range ours.Levels() {
		for i := range 25 {
			size := image.Pt(1+rnd.IntN(300), 1+rnd.IntN(300))
			at := image.Pt(rnd.IntN(l.Width-size.X), rnd.IntN(l.Height-size.Y))
			a, b := image.NewRGBA(image.Rectangle{Max: size}), image.NewRGBA(image.Rectangle{Max: size})
			x, y := int(float64(at.X)*l.Downsample), int(float64(at.Y)*l.Downsample)
			if err := tiles.ReadRegion(context.Background(), ours, level, x, y, a); err != nil {
				t.Fatal(err)
			}
			if err := tiles.ReadRegion(context.Background(), whole, level, x, y, b); err != nil {
				t.Fatal(err)
			}
			if d, where := difference(a, b); d != 0 {
				t.Errorf("level %d, %v at %v: worst difference %d at %v from whole tiles", level, size, at, d, where)
			}
			if level == 0 && i < 8 {
				compareRegion(t, theirs, ours, 0, at, size)
			}
		}
	}
}

// through reads tiles through a Loader's cache, as the program does.
type through struct {
	tiles.Slide
	loader *tiles.Loader
}

func (c through) ReadTile(ctx context.Context, k tiles.Key, dst *image.RGBA) error {
	m, err := c.loader.Read(ctx, k)
	if err != nil {
		return err
	}
	for y := range m.Rect.Dy() {
		copy(dst.Pix[y*dst.Stride:y*dst.Stride+4*m.Rect.Dx()], m.Pix[y*m.Stride:])
	}
	return nil
}

// Regions of a slide larger than every cache, which is reading and decoding, and
// of the middle of a small one over and over, whose tiles both sides come to hold
// in caches of 32 MiB.
func TestPeers_JPEG2000(t *testing.T) {
	peertest.Start(t)
	ours, peer := pairAt(t, manyJ2K(t, 100, 80))
	regions(t, peertest.Case{Name: "region of 1024², JPEG 2000", Turns: 41, GoalCPU: 1.2, GoalWall: 1.2}, ours, peer, 0, 1024, places(ours, 0, 1024, 200))
	ours, peer = pairAt(t, slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	loader := tiles.NewLoader(ours, tiles.NewCache(32<<20), 2, nil)
	defer loader.Close()
	regions(t, peertest.Case{Name: "region of 1024², JPEG 2000, cached", Turns: 41, GoalCPU: 1.2, GoalWall: 1.2}, through{ours, loader}, peer, 0, 1024, places(ours, 0, 1024, 200))
}
