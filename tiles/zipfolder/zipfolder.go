// Package zipfolder reads a ZIP archive as the folder of a slide: pictures of
// many small files (Deep Zoom, Zarr) travel in one archive. A file that is stored
// is read in place, by position; a packed one is unpacked into memory, bounded.
//
// Names are only looked up, never given to the system: a name that climbs out
// of the archive is one that nobody asks for.
//
// Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3 (Zip64).
package zipfolder

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"coverslip/tiles"
)

// Bounds of an archive.
const (
	maxDirectory = 64 << 20 // bytes of the central directory
	maxListed    = 1 << 14  // names that a listing gives
	maxUnpacked  = 64 << 20 // bytes of a packed file
)

// Record signatures and sizes, APPNOTE section 4.3.
const (
	sigLocal   = 0x04034b50
	sigCentral = 0x02014b50
	sigEnd     = 0x06054b50
	sigEnd64   = 0x06064b50
	sigLoc64   = 0x07064b50

	sizeLocal   = 30
	sizeCentral = 46
	sizeEnd     = 22
	sizeEnd64   = 56
	sizeLoc64   = 20
)

var le = binary.LittleEndian

// Is says whether a file begins as a ZIP archive does.
func Is(src *tiles.Source) bool {
	var head [4]byte
	_, err := src.ReadAt(head[:], 0)
	return err == nil && le.Uint32(head[:]) == sigLocal
}

// Archive is the directory of an archive, held as it is stored: a slide of
// 200,000 tiles takes 15 MB of it. It is safe for concurrent use.
type Archive struct {
	src    *tiles.Source
	dir    []byte   // the central directory
	sorted []uint32 // offsets in dir of the files' entries, by name
}

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: "zip", What: fmt.Sprintf(format, args...)}
}

// Parse reads the directory of an archive, which stays owned by the caller.
// Errors are *tiles.FormatError, *tiles.UnsupportedError or of reading.
func Parse(src *tiles.Source) (*Archive, error) {
	off, size, n, err := findDirectory(src)
	if err != nil {
		return nil, err
	}
	if size > maxDirectory {
		return nil, &tiles.UnsupportedError{Format: "zip", What: fmt.Sprintf("archive with a directory of %d bytes, more than %d", size, maxDirectory), Hint: "unpack it first"}
	}
	if off < 0 || size < 0 || off > src.Size() || size > src.Size()-off {
		return nil, bad("the directory of %d bytes at %d lies behind the file's end at %d", size, off, src.Size())
	}
	if n < 0 || n > size/sizeCentral {
		return nil, bad("%d files are claimed by a directory of %d bytes", n, size)
	}
	a := &Archive{src: src, dir: make([]byte, size)}
	if _, err := src.ReadAt(a.dir, off); err != nil && size > 0 {
		return nil, fmt.Errorf("zip: directory: %w", err)
	}
	return a, a.index(int(n))
}

// findDirectory reads the records at the archive's end.
func findDirectory(src *tiles.Source) (off, size, n int64, err error) {
	tail := make([]byte, min(src.Size(), sizeEnd+1<<16+sizeLoc64))
	at := src.Size() - int64(len(tail))
	if _, err := src.ReadAt(tail, at); err != nil {
		return 0, 0, 0, fmt.Errorf("zip: %w", err)
	}
	end := -1
	for i := len(tail) - sizeEnd; i >= 0; i-- {
		if le.Uint32(tail[i:]) == sigEnd && i+sizeEnd+int(le.Uint16(tail[i+20:])) <= len(tail) {
			end = i
			break
		}
	}
	if end < 0 {
		return 0, 0, 0, bad("the end of the archive is missing: the file is cut off")
	}
	e := tail[end:]
	n, size, off = int64(le.Uint16(e[10:])), int64(le.Uint32(e[12:])), int64(le.Uint32(e[16:]))
	if le.Uint16(e[4:]) != 0 && le.Uint16(e[4:]) != 0xffff {
		return 0, 0, 0, &tiles.UnsupportedError{Format: "zip", What: "archive of several parts", Hint: "join the parts first"}
	}
	if n != 0xffff && size != 0xffffffff && off != 0xffffffff {
		return off, size, n, nil
	}
	if end < sizeLoc64 || le.Uint32(tail[end-sizeLoc64:]) != sigLoc64 {
		return off, size, n, nil // exactly 65,535 files and no Zip64 record
	}
	var rec [sizeEnd64]byte
	where := int64(le.Uint64(tail[end-sizeLoc64+8:]))
	if where < 0 || where > src.Size()-sizeEnd64 {
		return 0, 0, 0, bad("the Zip64 record at %d lies behind the file's end", where)
	}
	if _, err := src.ReadAt(rec[:], where); err != nil {
		return 0, 0, 0, fmt.Errorf("zip: %w", err)
	}
	if le.Uint32(rec[:]) != sigEnd64 {
		return 0, 0, 0, bad("no Zip64 record at %d", where)
	}
	return int64(le.Uint64(rec[48:])), int64(le.Uint64(rec[40:])), int64(le.Uint64(rec[32:])), nil
}

// index walks the directory and sorts the files by name.
func (a *Archive) index(n int) error {
	a.sorted = make([]uint32, 0, n)
	for i, p := 0, 0; i < n; i++ {
		if len(a.dir)-p < sizeCentral || le.Uint32(a.dir[p:]) != sigCentral {
			return bad("entry %d of %d is damaged", i, n)
		}
		e := a.dir[p:]
		length := sizeCentral + int(le.Uint16(e[28:])) + int(le.Uint16(e[30:])) + int(le.Uint16(e[32:]))
		if length > len(e) {
			return bad("entry %d of %d is longer than the directory", i, n)
		}
		if name := a.name(uint32(p)); len(name) > 0 && name[len(name)-1] != '/' {
			a.sorted = append(a.sorted, uint32(p))
		}
		p += length
	}
	slices.SortStableFunc(a.sorted, func(x, y uint32) int { return bytes.Compare(a.name(x), a.name(y)) })
	return nil
}

// name is the name of the entry at an offset of the directory.
func (a *Archive) name(p uint32) []byte {
	e := a.dir[p:]
	return e[sizeCentral : sizeCentral+int(le.Uint16(e[28:]))]
}

// Len is the number of files.
func (a *Archive) Len() int { return len(a.sorted) }

// Name is the name of the i-th file in order of names.
func (a *Archive) Name(i int) string { return string(a.name(a.sorted[i])) }

// Find returns the name of the first file, by depth and then by name, for which
// is holds; "" when there is none.
func (a *Archive) Find(is func(name string) bool) string {
	best := ""
	for i := range a.sorted {
		n := a.Name(i)
		if is(n) && (best == "" || strings.Count(n, "/") < strings.Count(best, "/")) {
			best = n
		}
	}
	return best
}

// In is a folder of the archive as the folder of a slide: names are relative to
// dir ("." for the archive's top).
func (a *Archive) In(dir string) tiles.Folder {
	if dir = path.Clean(dir); dir == "." {
		dir = ""
	} else {
		dir += "/"
	}
	return folder{a, dir}
}

// Source opens a file of the archive as the file that a slide is opened by:
// siblings are those of its folder in the archive, closing it closes the
// archive's file. Its path is the archive's.
func (a *Archive) Source(name string) (*tiles.Source, error) {
	in := a.In(path.Dir(name))
	f, err := in.Open(path.Base(name))
	if err != nil {
		return nil, err
	}
	return tiles.NewSourceIn(a.src.Path(), f, f.Size(), a.src.Close, in), nil
}

// folder is a folder of an archive.
type folder struct {
	a      *Archive
	prefix string // of the names, "" or ending in a slash
}

// List implements tiles.Folder.
func (f folder) List(dir string) ([]string, error) {
	prefix := f.prefix
	if dir = path.Clean(dir); dir != "." {
		prefix += dir + "/"
	}
	first, _ := slices.BinarySearchFunc(f.a.sorted, []byte(prefix), func(p uint32, want []byte) int { return bytes.Compare(f.a.name(p), want) })
	var out []string
	for _, p := range f.a.sorted[first:] {
		name, ok := bytes.CutPrefix(f.a.name(p), []byte(prefix))
		if !ok {
			break
		}
		if bytes.IndexByte(name, '/') >= 0 {
			continue
		}
		if len(out) == maxListed {
			return nil, fmt.Errorf("%s holds more than %d files", prefix, maxListed)
		}
		out = append(out, string(name))
	}
	return out, nil
}

// Open implements tiles.Folder.
func (f folder) Open(name string) (*tiles.Source, error) {
	full := f.prefix + path.Clean(name)
	i, ok := slices.BinarySearchFunc(f.a.sorted, []byte(full), func(p uint32, want []byte) int { return bytes.Compare(f.a.name(p), want) })
	if !ok {
		return nil, fmt.Errorf("%s: %w in the archive", full, fs.ErrNotExist)
	}
	r, size, err := f.a.open(f.a.sorted[i])
	if err != nil {
		return nil, fmt.Errorf("%s in the archive: %w", full, err)
	}
	return tiles.NewSourceIn(f.a.src.Path()+"/"+full, r, size, nil, f), nil
}

// open finds where a file's bytes lie, and unpacks them when they are packed.
func (a *Archive) open(p uint32) (io.ReaderAt, int64, error) {
	e := a.dir[p:]
	method, packed, size, at := le.Uint16(e[10:]), int64(le.Uint32(e[20:])), int64(le.Uint32(e[24:])), int64(le.Uint32(e[42:]))
	if le.Uint16(e[8:])&1 != 0 {
		return nil, 0, &tiles.UnsupportedError{Format: "zip", What: "encrypted file", Hint: "unpack the archive first"}
	}
	extra := e[sizeCentral+int(le.Uint16(e[28:])):][:le.Uint16(e[30:])]
	if err := zip64(extra, &size, &packed, &at); err != nil {
		return nil, 0, err
	}
	end := a.src.Size()
	if at < 0 || at > end-sizeLocal {
		return nil, 0, bad("it lies at %d, behind the archive's end at %d", at, end)
	}
	var head [sizeLocal]byte
	if _, err := a.src.ReadAt(head[:], at); err != nil {
		return nil, 0, err
	}
	if le.Uint32(head[:]) != sigLocal {
		return nil, 0, bad("no file begins at %d", at)
	}
	at += sizeLocal + int64(le.Uint16(head[26:])) + int64(le.Uint16(head[28:]))
	if packed < 0 || at > end || packed > end-at {
		return nil, 0, bad("%d bytes at %d reach behind the archive's end at %d", packed, at, end)
	}
	switch method {
	case 0:
		if size != packed {
			return nil, 0, bad("a stored file has %d bytes and claims %d", packed, size)
		}
		return io.NewSectionReader(a.src, at, size), size, nil
	case 8:
		data, err := inflate(io.NewSectionReader(a.src, at, packed), packed, size, le.Uint32(e[16:]))
		return bytes.NewReader(data), int64(len(data)), err
	}
	return nil, 0, &tiles.UnsupportedError{Format: "zip", What: fmt.Sprintf("packing %d of a ZIP archive", method), Hint: "unpack the archive first"}
}

// zip64 replaces the numbers that do not fit 32 bits, APPNOTE section 4.5.3.
func zip64(extra []byte, size, packed, at *int64) error {
	for len(extra) >= 4 {
		id, n := le.Uint16(extra), int(le.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			return nil // other programs pad the field with rubbish
		}
		if id != 1 {
			extra = extra[n:]
			continue
		}
		field := extra[:n]
		for _, v := range []*int64{size, packed, at} {
			if *v != 0xffffffff {
				continue
			}
			if len(field) < 8 {
				return bad("the Zip64 field is cut off")
			}
			*v, field = int64(le.Uint64(field)), field[8:]
		}
		return nil
	}
	return nil
}
