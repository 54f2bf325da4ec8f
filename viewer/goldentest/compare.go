// Package goldentest compares pictures that tests made with those that a person has
// looked at. It is for tests alone.
package goldentest

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// What may differ: other processors round the last bit of a colour in another way,
// which moves the rim of a letter by a shade.
const (
	shade = 12   // of 255, in any component
	share = 2000 // one pixel of so many may be off by more
)

// most is the size of a picture that is kept, bytes.
const most = 15_000

// Compare fails the test when got is not the picture testdata/NAME.png. With
// COVERSLIP_GOLDEN=write it is made so; look at it before it is committed. When
// they differ, what was made and where it differs are left in the folder that
// COVERSLIP_SHOTS names, or in the system's temporary one.
func Compare(t *testing.T, name string, got image.Image) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if os.Getenv("COVERSLIP_GOLDEN") == "write" {
		if err := write(path, got, most); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; COVERSLIP_GOLDEN=write makes it", err)
	}
	want, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if got.Bounds().Size() != want.Bounds().Size() {
		t.Fatalf("%s: the picture is %v, it was %v", name, got.Bounds().Size(), want.Bounds().Size())
	}
	off, n := Differing(got, want)
	if size := want.Bounds().Size(); n*share <= size.X*size.Y {
		return
	}
	dir := os.Getenv("COVERSLIP_SHOTS")
	if dir == "" {
		dir = os.TempDir()
	}
	made, where := filepath.Join(dir, name+"-made.png"), filepath.Join(dir, name+"-differs.png")
	if err := errors.Join(write(made, got, 0), write(where, off, 0)); err != nil {
		t.Error(err)
	}
	t.Errorf("%s: %d pixels are not as they were; made: %s, where it differs: %s", name, n, made, where)
}

// Differing counts the pixels of two pictures of one size that differ by more than
// a shade, and shows them in red on a pale copy of the second.
func Differing(a, b image.Image) (off *image.RGBA, n int) {
	size, from, to := b.Bounds().Size(), a.Bounds().Min, b.Bounds().Min
	off = image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			p, q := plain(a.At(from.X+x, from.Y+y)), plain(b.At(to.X+x, to.Y+y))
			at := color.RGBA{192 + q.R/4, 192 + q.G/4, 192 + q.B/4, 255}
			if apart(p.R, q.R) > shade || apart(p.G, q.G) > shade || apart(p.B, q.B) > shade || apart(p.A, q.A) > shade {
				at = color.RGBA{220, 0, 0, 255}
				n++
			}
			off.SetRGBA(x, y, at)
		}
	}
	return off, n
}

func plain(c color.Color) color.RGBA {
	r, g, b, a := c.RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), uint8(a >> 8)}
}

func apart(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// write puts a picture into a file; limit is how many bytes it may have at most, 0
// for as many as it takes.
func write(path string, im image.Image, limit int) error {
	var data bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&data, im); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if limit > 0 && data.Len() > limit {
		return fmt.Errorf("%s: %d bytes, %d are the most that is kept", path, data.Len(), limit)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data.Bytes(), 0o644)
}
