package tiles

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Shape of the fingerprint, version 1. Changing any of these is a new version.
const (
	fingerprintHead    = 64 << 10 // bytes read from the start
	fingerprintSample  = 4 << 10  // bytes of each sample
	fingerprintSamples = 64       // samples spread over the rest

	fingerprintReaders = 8 // samples read at once; no part of the version
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
		if err := readFull(r, buf[:n], off); err != nil {
			return err
		}
		h.Write(buf[:n])
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
	// Each sample may be a round trip over a network: they are read side by side.
	var samples [fingerprintSamples][fingerprintSample]byte
	var errs [fingerprintReaders]error
	var wg sync.WaitGroup
	// The last sample ends where the file ends.
	span := size - fingerprintHead - fingerprintSample
	for g := range errs {
		wg.Go(func() {
			for i := g; i < fingerprintSamples && errs[g] == nil; i += fingerprintReaders {
				// span·i stays below 2^63 for files below 2^57 bytes.
				errs[g] = readFull(r, samples[i][:], fingerprintHead+span*int64(i)/(fingerprintSamples-1))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	for i := range samples {
		h.Write(samples[i][:])
	}
	return "v1-" + hex.EncodeToString(h.Sum(nil)), nil
}

// readFull fills b from an offset.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if m, err := r.ReadAt(b, off); m < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("fingerprint: read %d bytes at %d: %w", len(b), off, err)
	}
	return nil
}
