package tiles

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// fingerprintPart is how much of each file of a slide of many files is read.
const fingerprintPart = 16 << 10

// FingerprintOfFiles is the identity of a slide that is a folder of many small
// files, quick however many they are: "v1-" and the hexadecimal SHA-256 of the
// named files of src's folder in the given order; of each its name, a zero byte,
// its size (8 bytes, little endian) and its first 16 KiB. A file that is not
// there counts with size −1: sparse slides leave some out.
//
// The caller names what describes the slide and a sample of its pixels, the same
// ones each time.
func FingerprintOfFiles(src *Source, names []string) (string, error) {
	h := sha256.New()
	buf := make([]byte, fingerprintPart)
	for _, name := range names {
		h.Write(append([]byte(name), 0))
		size, n, err := beginOf(src, name, buf)
		if err != nil {
			return "", fmt.Errorf("fingerprint: %s: %w", name, err)
		}
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(size)))
		h.Write(buf[:n])
	}
	return "v1-" + hex.EncodeToString(h.Sum(nil)), nil
}

// beginOf reads the beginning of a sibling; its size is -1 when there is none.
func beginOf(src *Source, name string, buf []byte) (size int64, n int, err error) {
	f, err := src.OpenSibling(name)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	n = int(min(f.Size(), int64(len(buf))))
	_, err = io.ReadFull(io.NewSectionReader(f, 0, f.Size()), buf[:n])
	return f.Size(), n, errors.Join(err, f.Close())
}

// ReadSibling reads a whole file of the slide's folder, or of a folder below it,
// into buf, which grows when it is too small. A file of more than limit bytes is
// refused before anything is allocated; one that does not exist is
// fs.ErrNotExist. No handle stays open.
func (s *Source) ReadSibling(name string, buf []byte, limit int64) ([]byte, error) {
	f, err := s.OpenSibling(name)
	if err != nil {
		return nil, err
	}
	buf, err = readWhole(f, buf, limit)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return buf, nil
}

func readWhole(f *Source, buf []byte, limit int64) ([]byte, error) {
	if f.Size() > limit {
		return nil, fmt.Errorf("the file has %d bytes, more than %d", f.Size(), limit)
	}
	n := int(f.Size())
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if n == 0 {
		return buf, nil
	}
	if _, err := f.ReadAt(buf, 0); err != nil {
		return nil, err
	}
	return buf, nil
}
