package dicomwrite

// runLength packs a plain frame, samples of a pixel together, little endian, as
// PS3.5 annex G says: a segment of PackBits a byte of a sample, the highest byte
// first.
func runLength(frame []byte, samples, bytes int) []byte {
	step := samples * bytes
	out := make([]byte, 64, 64+len(frame)/2)
	le.PutUint32(out, uint32(step))
	plane := make([]byte, len(frame)/step)
	for i := range step {
		le.PutUint32(out[4+4*i:], uint32(len(out)))
		from := i/bytes*bytes + bytes - 1 - i%bytes
		for p := range plane {
			plane[p] = frame[p*step+from]
		}
		if out = packBits(out, plane); len(out)%2 == 1 {
			out = append(out, 0x80) // no operation
		}
	}
	return out
}

// packBits appends the runs of b, PS3.5 G.3.1.
func packBits(out, b []byte) []byte {
	for i := 0; i < len(b); {
		n := run(b[i:])
		if n >= 3 {
			out = append(out, byte(257-n), b[i])
			i += n
			continue
		}
		from := i // bytes as they are, until a run is worth its while
		for i < len(b) && i-from < 128 && run(b[i:]) < 3 {
			i++
		}
		out = append(append(out, byte(i-from-1)), b[from:i]...)
	}
	return out
}

// run is how often the first byte comes in a row, at most 128.
func run(b []byte) int {
	n := 1
	for n < len(b) && n < 128 && b[n] == b[0] {
		n++
	}
	return n
}
