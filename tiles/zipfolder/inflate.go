package zipfolder

import (
	"fmt"
	"hash/crc32"
	"io"

	"coverslip/tiles"

	"github.com/klauspost/compress/flate"
)

// maxRatio is the most that deflate can expand, RFC 1951: 258 bytes of two bits.
const maxRatio = 1032

// inflate unpacks a file whose size is known; it allocates no more than the
// packed bytes can make.
func inflate(r io.Reader, packed, size int64, sum uint32) (_ []byte, err error) {
	if size < 0 || size > maxUnpacked || size > maxRatio*packed {
		return nil, bad("%d packed bytes claim to hold %d, at most %d are unpacked", packed, size, min(maxUnpacked, maxRatio*packed))
	}
	f := flate.NewReader(r)
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = bad("packed file: %v", cerr)
		}
	}()
	data := make([]byte, size)
	if n, err := io.ReadFull(f, data); err != nil {
		return nil, &tiles.FormatError{Format: "zip", What: fmt.Sprintf("the packed file ends or breaks after %d of %d bytes", n, size), Err: err}
	}
	if got := crc32.ChecksumIEEE(data); got != sum {
		return nil, bad("the checksum of the unpacked file is %08x, not %08x", got, sum)
	}
	return data, nil
}
