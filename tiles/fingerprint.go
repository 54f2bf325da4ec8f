package tiles

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Shape of the fingerprint, version 1. Changing any of these is a new version.
const (
	fingerprintHead    = 64 << 10 // bytes read from the start
	fingerprintSample  = 4 << 10  // bytes of each sample
	fingerprintSamples = 64       // samples spread over the rest
)

// FingerprintOf is the identity of a file's bytes, quick even for gigabytes:
// "v1-" and the hexadecimal SHA-256 of the size (8 bytes, little endian), the
// first 64 KiB, and 64 samples of 4 KiB spread evenly from there to the end.
// A file shorter than all samples together is hashed whole.
//
// Two scans never share it; an edit that keeps the size and misses every
// sample does. It finds a moved slide again, it proves nothing.
func FingerprintOf(r io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(size)))
	buf := make([]byte, fingerprintHead)
	feed := func(off, n int64) error {
		b := buf[:n]
		if m, err := r.ReadAt(b, off); int64(m) < n {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("fingerprint: read %d bytes at %d: %w", n, off, err)
		}
		h.Write(b)
		return nil
	}
	if size <= fingerprintHead+fingerprintSample*fingerprintSamples {
		for off := int64(0); off < size; off += fingerprintHead {
			if err := feed(off, min(fingerprintHead, size-off)); err != nil {
				return "", err
			}
		}
		return "v1-" + hex.EncodeToString(h.Sum(nil)), nil
	}
	if err := feed(0, fingerprintHead); err != nil {
		return "", err
	}
	// The last sample ends where the file ends.
	span := size - fingerprintHead - fingerprintSample
	for i := int64(0); i < fingerprintSamples; i++ {
		// span·i stays below 2^63 for files below 2^57 bytes.
		off := fingerprintHead + span*i/(fingerprintSamples-1)
		if err := feed(off, fingerprintSample); err != nil {
			return "", err
		}
	}
	return "v1-" + hex.EncodeToString(h.Sum(nil)), nil
}
