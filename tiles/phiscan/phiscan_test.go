package phiscan

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const word = "ZZPHI-word-7"

// hidden is the word in every coding and container, by what should be found.
func hidden(t *testing.T) map[string][]byte {
	t.Helper()
	pack := func(f func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	zipped := pack(func(b *bytes.Buffer) error {
		z := zip.NewWriter(b)
		w, err := z.Create("inner.txt")
		if err == nil {
			_, err = w.Write([]byte("x " + word))
		}
		return errors.Join(err, z.Close())
	})
	tarred := pack(func(b *bytes.Buffer) error {
		w := tar.NewWriter(b)
		err := w.WriteHeader(&tar.Header{Name: "a.zip", Size: int64(len(zipped)), Mode: 0o644})
		if err == nil {
			_, err = w.Write(zipped)
		}
		return errors.Join(err, w.Close())
	})
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"plain": []byte("abc zzphi-WORD-7 def"), "utf16": []byte("Z\x00Z\x00P\x00H\x00I\x00-\x00w\x00o\x00r\x00d\x00-\x007\x00"),
		"utf16be": []byte("\x00Z\x00Z\x00P\x00H\x00I\x00-\x00w\x00o\x00r\x00d\x00-\x007"), "hex": []byte("5a5a5048492d776f72642d37"),
		"base64.0": []byte(base64.StdEncoding.EncodeToString([]byte(word + " and more"))), "base64.1": []byte(base64.StdEncoding.EncodeToString([]byte("a" + word + " and more"))),
		"base64.2": []byte(base64.StdEncoding.EncodeToString([]byte("ab" + word))), "zip": zipped, "tar of zip": tarred,
		"gzip": pack(func(b *bytes.Buffer) error {
			w := gzip.NewWriter(b)
			_, err := w.Write(tarred)
			return errors.Join(err, w.Close())
		}),
		"zlib inside": pack(func(b *bytes.Buffer) error {
			b.WriteString("\x89PNG....tEXt")
			w := zlib.NewWriter(b)
			_, err := w.Write([]byte(word))
			return errors.Join(err, w.Close())
		}),
		"zstd inside":   append([]byte("PAR1"), z.EncodeAll([]byte(word), nil)...),
		"over the edge": append(bytes.Repeat([]byte{'x'}, window-5), word...),
	}
}

func TestScan_FindsTheWordEverywhere(t *testing.T) {
	for name, data := range hidden(t) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		hits, err := Scan(t.Context(), path, Options{Words: []string{word}})
		if err != nil || len(hits) == 0 {
			t.Errorf("%s: %v %v", name, hits, err)
		}
		if name == "over the edge" && (len(hits) != 1 || hits[0].Offset != window-5) {
			t.Errorf("%+v", hits)
		}
		if hits, err = Scan(t.Context(), path, Options{Words: []string{"ZZPHI-other-1"}}); err != nil || len(hits) > 0 {
			t.Errorf("%s: found what is not there: %v %v", name, hits, err)
		}
	}
	// Names of files and folders.
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.MkdirAll(filepath.Join(dir, "of "+word), 0o755); err != nil {
		t.Fatal(err)
	}
	if hits, err := Scan(t.Context(), dir, Options{Words: []string{word}}); err != nil || len(hits) != 1 || hits[0].Coding != "name" {
		t.Errorf("%v %v", hits, err)
	}
}

func TestScan_Marks(t *testing.T) {
	for what, text := range map[string]string{
		"home folder": `saved to C:\Users\anna\slides`, "mail address": "ask anna.b@clinic.org now",
		"Aperio's description": "Aperio Image|AppMag = 20|Filename = 12345|x", "EXIF or XMP": "Exif\x00\x00II*", "DICOM patient's name": "\x10\x00\x10\x00PN\x0a\x00Doe^Jane  ",
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		hits, err := Scan(t.Context(), path, Options{Marks: true})
		if err != nil || len(hits) != 1 || hits[0].What != what {
			t.Errorf("%s: %v %v", what, hits, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Add([]byte{0x78, 0x9c, 1, 2, 3, 0x28, 0xb5, 0x2f, 0xfd, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Scan(t.Context(), path, Options{Words: []string{"word"}, Marks: true}); err != nil {
			t.Error(err)
		}
	})
}
