package jpegls_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"coverslip/tiles/jpegls"
	"coverslip/tiles/slidetest"
)

// fragments are the frames of an encapsulated DICOM file, one a fragment.
func fragments(t *testing.T, data []byte) [][]byte {
	at := bytes.Index(data, []byte{0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff})
	if at < 0 {
		t.Fatal("no encapsulated pixels")
	}
	var out [][]byte
	for p := data[at+12:]; len(p) >= 8 && p[2] == 0 && p[3] == 0xe0; {
		n := binary.LittleEndian.Uint32(p[4:])
		out, p = append(out, p[8:8+n]), p[8+n:]
	}
	return out[1:] // behind the offset table
}

// TestDecode_DICOM compares the frames of a real file with those of its
// uncompressed twin.
func TestDecode_DICOM(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(slidetest.Shared(t, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain, packed := read("dicom-highdicom/sm_image.dcm"), fragments(t, read("dicom-highdicom/sm_image_jpegls.dcm"))
	h, err := jpegls.ParseHeader(packed[0])
	if err != nil {
		t.Fatal(err)
	}
	size := h.Width * h.Height * h.Components
	at := bytes.Index(plain, []byte{0xe0, 0x7f, 0x10, 0, 'O'}) + 12
	dst := make([]uint16, size)
	for i, frame := range packed {
		if err := jpegls.Decode(dst, frame); err != nil {
			t.Fatal(i, err)
		}
		for k, v := range dst {
			if want := plain[at+i*size+k]; byte(v) != want {
				t.Fatalf("frame %d, sample %d: %d, want %d", i, k, v, want)
			}
		}
	}
	if len(packed) != 25 {
		t.Errorf("%d frames", len(packed))
	}
}
