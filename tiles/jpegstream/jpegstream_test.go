package jpegstream

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"testing"
)

func encoded(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 40, 24)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParseHeader(t *testing.T) {
	data := encoded(t)
	h, err := ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{Width: 40, Height: 24, Components: 3, Precision: 8, SOF: 0xc0, Subsampled: true, Quantised: true, Huffman: true}
	if h != want {
		t.Errorf("got %+v, want %+v", h, want)
	}
	for i := range 400 { // every cut of the header is an error, never a panic
		if _, err := ParseHeader(data[:i]); err == nil {
			t.Fatalf("cut at %d: no error", i)
		}
	}
}

func TestParseLayout(t *testing.T) {
	data := encoded(t) // 4:2:0
	l, err := ParseLayout(data)
	if err != nil {
		t.Fatal(err)
	}
	if l.MCUWidth != 16 || l.MCUHeight != 16 || l.Restart != 0 {
		t.Errorf("%+v", l)
	}
	if h := int(data[l.Frame])<<8 | int(data[l.Frame+1]); h != 24 {
		t.Errorf("the frame's height is not at %d", l.Frame)
	}
	sos := bytes.Index(data, []byte{0xff, 0xda})
	if want := sos + 2 + int(data[sos+3]); l.Scan != want {
		t.Errorf("the scan begins at %d, want %d", l.Scan, want)
	}
	with := bytes.Join([][]byte{data[:sos], {0xff, 0xdd, 0, 4, 1, 2}, data[sos:]}, nil)
	if l, err = ParseLayout(with); err != nil || l.Restart != 258 || l.Scan != sos+6+2+int(data[sos+3]) {
		t.Errorf("%+v, %v", l, err)
	}
	with[l.Frame+6] = 0x51 // a sampling factor of 5
	if _, err = ParseLayout(with); err == nil {
		t.Error("a factor of 5 passes")
	}
}

// What a stream says of its colours without being decoded.
func TestParseHeader_Colours(t *testing.T) {
	data := encoded(t)
	sof := bytes.Index(data, []byte{0xff, 0xc0})
	edit := func(names, sampling string) []byte {
		b := bytes.Clone(data)
		for i := range 3 {
			b[sof+10+3*i], b[sof+11+3*i] = names[i], sampling[i]
		}
		return b
	}
	jfif := append([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0}, data[2:]...)
	for name, c := range map[string]struct {
		data                    []byte
		jfif, named, subsampled bool
	}{
		"4:2:0": {data, false, false, true}, "JFIF": {jfif, true, false, true},
		"4:4:4": {edit("\x01\x02\x03", "\x11\x11\x11"), false, false, false}, "named": {edit("RGB", "\x11\x11\x11"), false, true, false},
		"all 2:2": {edit("RGb", "\x22\x22\x22"), false, false, false},
	} {
		h, err := ParseHeader(c.data)
		if err != nil || h.JFIF != c.jfif || h.NamedRGB != c.named || h.Subsampled != c.subsampled {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func TestPrefix_JoinsTables(t *testing.T) {
	data := encoded(t)
	// Split as TIFF does: tables (DQT, DHT) apart from the abbreviated stream.
	tables, tile := []byte{0xff, 0xd8}, []byte{0xff, 0xd8}
	for i := 2; ; {
		m, _, next, err := segment(data, i)
		if err != nil {
			t.Fatal(err)
		}
		if m == markerSOS {
			tile = append(tile, data[i:]...)
			break
		}
		if m == markerDQT || m == markerDHT {
			tables = append(tables, data[i:next]...)
		} else {
			tile = append(tile, data[i:next]...)
		}
		i = next
	}
	if h, err := ParseHeader(tile); err != nil || h.Huffman || h.Quantised {
		t.Fatalf("abbreviated stream: %+v, %v", h, err)
	}
	for _, eoi := range []bool{true, false} {
		tb := tables
		if eoi {
			tb = append(bytes.Clone(tables), 0xff, 0xd9)
		}
		p, err := Prefix(tb, ColourRGB)
		if err != nil {
			t.Fatal(err)
		}
		whole := append(p, tile[2:]...)
		h, err := ParseHeader(whole)
		if err != nil || !h.Adobe || h.Transform != 0 || !h.Huffman {
			t.Errorf("joined: %+v, %v", h, err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(whole)); err != nil {
			t.Error(err)
		}
	}
}

func TestPrefix_Refuses(t *testing.T) {
	for name, tables := range map[string][]byte{
		"garbage": []byte("garbage!"), "short": {0xff}, "cut segment": {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0},
		"an image": encoded(t),
	} {
		if _, err := Prefix(tables, ColourAuto); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	_, err := Prefix([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}, ColourAuto)
	if !errors.Is(err, ErrTruncated) {
		t.Errorf("cut tables: %v", err)
	}
}

func FuzzParseHeader(f *testing.F) {
	data := encoded(f)
	f.Add(data)
	f.Add(data[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err == nil && (h.Width > 65535 || h.Height > 65535 || h.SOF == 0) {
			t.Fatalf("accepted %+v", h)
		}
		if l, err := ParseLayout(b); err == nil && (l.Frame+4 > len(b) || l.Scan > len(b) || l.MCUWidth < 8 || l.MCUHeight > 32) {
			t.Fatalf("accepted %+v", l)
		}
		if p, err := Prefix(b, ColourYCbCr); err == nil && len(p) > len(b)+18 {
			t.Fatal("prefix grew")
		}
	})
}
