package codec

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"

	"coverslip/tiles/jpegstream"
)

// The rows that are asked for are those of the whole picture, whatever the
// sampling, and the stream is as it was.
func TestSet_JPEGTop_EqualsJPEG(t *testing.T) {
	s := Default()
	if s.turbo == nil {
		t.Skip("libjpeg-turbo is not installed")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	src := image.NewRGBA(image.Rect(0, 0, 90, 130))
	for i := range src.Pix {
		src.Pix[i] = byte(rnd.IntN(256))
	}
	for _, sub := range []string{"420", "422", "444"} {
		data, err := s.EncodeJPEG(src, 90, sub)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(data)
		whole := image.NewRGBA(src.Rect)
		if err := s.JPEG(whole, data, 3); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 130; n++ {
			top := image.NewRGBA(src.Rect)
			if err := s.JPEGTop(top, data, 3, n); err != nil {
				t.Fatalf("%s, %d rows: %v", sub, n, err)
			}
			if !bytes.Equal(top.Pix[:n*top.Stride], whole.Pix[:n*whole.Stride]) {
				t.Fatalf("%s: the first %d rows differ", sub, n)
			}
			if n == 20 && top.Pix[100*top.Stride+3] != 0 {
				t.Errorf("%s: row 100 is decoded for 20 rows", sub)
			}
		}
		if !bytes.Equal(data, before) {
			t.Error("the stream was altered for good")
		}
		if err := s.JPEGTop(image.NewRGBA(image.Rect(0, 0, 90, 128)), data, 3, 20); err == nil {
			t.Error("a destination of another size is filled")
		}
	}
}

// What is damaged in the rows that are seen is told, though the library would
// rather speak of the rows that follow.
func TestSet_JPEGTop_Damage(t *testing.T) {
	s := Default()
	if s.turbo == nil {
		t.Skip("libjpeg-turbo is not installed")
	}
	src := image.NewRGBA(image.Rect(0, 0, 256, 256))
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range src.Pix {
		src.Pix[i] = byte(rnd.IntN(256))
	}
	good, err := s.EncodeJPEG(src, 80, "420")
	if err != nil {
		t.Fatal(err)
	}
	l, err := jpegstream.ParseLayout(good)
	if err != nil {
		t.Fatal(err)
	}
	told, dst := 0, image.NewRGBA(src.Rect)
	for i := range 20 {
		bad := bytes.Clone(good)
		at := l.Scan + 40 + 60*i
		copy(bad[at:], []byte{0xff, 0xd9, 0xff, 0xd9}) // the picture ends early
		if s.JPEGTop(dst, bad, 3, 100) != nil {
			told++
		}
	}
	if told != 20 {
		t.Errorf("damage is told %d of 20 times", told)
	}
	if err := s.JPEGTop(dst, good[:l.Scan+200], 3, 100); err == nil {
		t.Error("a stream that ends early is decoded")
	}
}
