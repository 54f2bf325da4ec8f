// Package phiscan looks for what must not be in files that are given away: given
// words, in every byte and every coding, inside archives and packed data, and
// marks of persons that nobody needs to name, such as home folders, mail addresses,
// and the texts that scanners write.
package phiscan

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
)

// Hit is something that was found.
type Hit struct {
	File   string `json:"file"`   // as it was given, then !inner for what lies in an archive
	Offset int64  `json:"offset"` // in the file or unpacked piece; -1 for a name
	What   string `json:"what"`   // "word", "home folder", …
	Coding string `json:"coding"` // "bytes", "utf-16", "base64", "hex", "name"
	Text   string `json:"text"`   // what was found
}

// Options say what is looked for.
type Options struct {
	Words []string // must not be there, in upper or lower case
	Marks bool     // look for marks of persons too
}

// Limits: a hit list ends, and archives may not unpack without end.
const (
	maxHits   = 10000
	maxDepth  = 6
	maxUnpack = 1 << 30
	window    = 1 << 24 // bytes looked at together
	overlap   = 1 << 16
)

// Scan looks through a file, or every file below a folder.
//
// Errors: those of reading; ctx's.
func Scan(ctx context.Context, path string, o Options) ([]Hit, error) {
	s := &scanner{ctx: ctx, o: o, needles: needles(o.Words)}
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(filepath.Dir(path), file)
		if err != nil {
			return err
		}
		s.name(filepath.ToSlash(rel), filepath.Base(rel))
		if !d.Type().IsRegular() {
			return ctx.Err()
		}
		return s.file(file, filepath.ToSlash(rel))
	})
	return s.hits, err
}

// needle is a word in one coding.
type needle struct {
	word, coding string
	bytes        []byte
}

// needles are the words in the codings in which files hold texts. Base64 of a text
// that begins anywhere is looked for in its three alignments, without the letters
// that depend on neighbours.
func needles(words []string) []needle {
	var all []needle
	for _, word := range words {
		if word == "" {
			continue
		}
		add := func(coding string, b []byte) { all = append(all, needle{word, coding, b}) }
		add("bytes", bytes.ToLower([]byte(word)))
		var le, be []byte
		for _, u := range utf16.Encode([]rune(strings.ToLower(word))) {
			le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
		}
		add("utf-16", le)
		add("utf-16", be)
		add("hex", []byte(strings.ToLower(hex.EncodeToString([]byte(word)))))
		for shift := range 3 {
			text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), word...))
			from, to := []int{0, 2, 3}[shift], len(text)-strings.Count(text, "=")
			if (len(word)+shift)%3 != 0 {
				to--
			}
			if to-from >= 6 {
				add("base64", []byte(strings.ToLower(text[from:to]))) // case is lost: a few more hits, none less
			}
		}
	}
	return all
}

// marks of persons.
func marks() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"home folder":          regexp.MustCompile(`(?i)([a-z]:\\Users\\[^\\\x00-\x1f"<>|]{1,40}|/home/[a-z0-9._-]{2,32}/|/Users/[A-Za-z0-9._-]{2,32}/)`),
		"mail address":         regexp.MustCompile(`(?i)\b[a-z0-9][a-z0-9._%+-]{1,40}@[a-z0-9-]{2,40}\.(com|org|net|edu|gov|de|fr|uk|nl|it|es|ch|at|eu|int|jp|cn|in|br|ca|au)\b`),
		"Aperio's description": regexp.MustCompile(`\|(Filename|Title|Date|Time|User|ScanScope ID|ImageID|Barcode|DSR ID|Patient|Accession)[A-Za-z ]* = [^|\x00]{1,80}`),
		"scanner's property":   regexp.MustCompile(`(?i)(PIM_DP_UFS_BARCODE|PIIM_DP_SCANNER_OPERATOR_ID|DICOM_ACQUISITION_DATETIME|aperio\.Barcode|SLIDE_NAME|Created=\d{4}|SLIDE_CREATIONDATETIME)[^\x00\r\n]{1,80}`),
		"DICOM patient's name": regexp.MustCompile(`(?s)\x10\x00\x10\x00PN..[^\x00-\x1f]{2,64}`),
		"EXIF or XMP":          regexp.MustCompile(`(Exif\x00\x00(II|MM)|<x:xmpmeta)`),
	}
}

type scanner struct {
	ctx     context.Context
	o       Options
	needles []needle
	hits    []Hit
}

func (s *scanner) hit(h Hit) {
	if len(s.hits) < maxHits {
		s.hits = append(s.hits, h)
	}
}

// name looks at the name of a file or folder.
func (s *scanner) name(file, base string) {
	low := []byte(strings.ToLower(base))
	for _, n := range s.needles {
		if bytes.Contains(low, n.bytes) {
			s.hit(Hit{file, -1, "word", "name", n.word})
		}
	}
}

func (s *scanner) file(path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := s.stream(f, name); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return s.inside(f, st.Size(), name, 0)
}

// stream looks through bytes, a window at a time; windows overlap so that nothing
// is cut in two.
func (s *scanner) stream(r io.Reader, name string) error {
	buf, kept, at := make([]byte, 0, window+overlap), 0, int64(0)
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf[kept:kept+window])
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return err
		}
		s.look(buf[:kept+n], kept, at-int64(kept), name)
		s.packed(buf[:kept+n], name)
		if end {
			return nil
		}
		at += int64(n)
		tail := min(overlap, kept+n)
		copy(buf[:tail], buf[kept+n-tail:kept+n])
		kept = tail
	}
}

// look finds words and marks; what ends within the first old bytes was told before.
func (s *scanner) look(b []byte, old int, base int64, name string) {
	low := bytes.ToLower(b)
	if len(low) != len(b) { // letters that grow in lower case: positions would be wrong
		low = asciiLower(b)
	}
	for _, n := range s.needles {
		for from := 0; ; {
			i := bytes.Index(low[from:], n.bytes)
			if i < 0 {
				break
			}
			from += i + 1
			if at := from - 1; at+len(n.bytes) > old {
				s.hit(Hit{name, base + int64(at), "word", n.coding, n.word})
			}
		}
	}
	if !s.o.Marks {
		return
	}
	for what, re := range marks() {
		for _, m := range re.FindAllIndex(b, 100) {
			if m[1] > old {
				s.hit(Hit{name, base + int64(m[0]), what, "bytes", string(b[m[0]:min(m[1], m[0]+80)])})
			}
		}
	}
}

func asciiLower(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 32
		}
	}
	return out
}

// packed unpacks zlib and zstd streams wherever they begin: texts in PNG chunks,
// columns of Parquet, values in databases.
func (s *scanner) packed(b []byte, name string) {
	for i := 0; i+4 < len(b); i++ {
		var out []byte
		switch {
		case b[i] == 0x78 && (b[i+1] == 0x9c || b[i+1] == 0x01 || b[i+1] == 0xda || b[i+1] == 0x5e):
			out = unzlib(b[i:])
		case b[i] == 0x28 && b[i+1] == 0xb5 && b[i+2] == 0x2f && b[i+3] == 0xfd:
			out = unzstd(b[i:])
		}
		if len(out) > 0 {
			s.look(out, 0, 0, fmt.Sprintf("%s!packed", name))
		}
	}
}

// maxPiece bounds what is unpacked of one stream inside a file.
const maxPiece = 1 << 24

func unzlib(b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPiece))
	if err != nil && len(out) < 32 { // not a stream at all; one that is cut still tells
		return nil
	}
	return out
}

func unzstd(b []byte) []byte {
	z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<28))
	if err != nil {
		return nil
	}
	defer z.Close()
	out, err := io.ReadAll(io.LimitReader(z, maxPiece))
	if err != nil && len(out) == 0 {
		return nil
	}
	return out
}

// inside looks into archives.
func (s *scanner) inside(r io.ReaderAt, size int64, name string, depth int) error {
	if depth >= maxDepth || size < 8 {
		return nil
	}
	head := make([]byte, min(512, size))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	whole := io.NewSectionReader(r, 0, size)
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		z, err := zip.NewReader(r, size)
		if err != nil {
			return nil // no archive after all; its bytes were looked at
		}
		for _, f := range z.File {
			body, err := f.Open()
			if err != nil {
				continue
			}
			err = s.member(body, name+"!"+f.Name, f.Name, depth)
			if cerr := body.Close(); err == nil && cerr != nil {
				continue // a damaged member: what could be read of it was looked at
			}
			if err != nil {
				return err
			}
		}
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(whole)
		if err != nil {
			return nil
		}
		s.name(name, z.Name)
		return s.member(z, name+"!gzip", "", depth)
	case len(head) == 512 && string(head[257:262]) == "ustar":
		t := tar.NewReader(whole)
		for {
			h, err := t.Next()
			if err != nil {
				return nil // the end, or damage: its bytes were looked at
			}
			if err := s.member(t, name+"!"+h.Name, h.Name+" "+h.Uname+" "+h.Gname, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// member looks at one member of an archive and into it.
func (s *scanner) member(r io.Reader, name, base string, depth int) error {
	s.name(name, base)
	data, err := io.ReadAll(io.LimitReader(r, maxUnpack))
	if err != nil && len(data) == 0 {
		return s.ctx.Err()
	}
	if err := s.stream(bytes.NewReader(data), name); err != nil {
		return err
	}
	return s.inside(bytes.NewReader(data), int64(len(data)), name, depth+1)
}
