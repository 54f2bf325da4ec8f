package blosc

// unshuffle puts bytes back that lie sorted by their place in the element: all
// first bytes, then all second ones. What is left of a last element follows as
// it is.
func unshuffle(dst, src []byte, size int) {
	n := len(dst) / size
	switch size {
	case 2:
		a, b := src[:n], src[n:2*n]
		for i := range a {
			dst[2*i], dst[2*i+1] = a[i], b[i]
		}
	case 4:
		a, b, c, d := src[:n], src[n:2*n], src[2*n:3*n], src[3*n:4*n]
		for i := range a {
			p := dst[4*i : 4*i+4 : 4*i+4]
			p[0], p[1], p[2], p[3] = a[i], b[i], c[i], d[i]
		}
	default:
		for j := range size {
			part := src[j*n : (j+1)*n]
			for i, v := range part {
				dst[i*size+j] = v
			}
		}
	}
	copy(dst[n*size:], src[n*size:])
}

// unshuffleBits puts bits back that lie sorted by their place in the element:
// the lowest bit of all elements, then the next one. A block whose number of
// elements is no multiple of 8 was not shuffled at all.
func unshuffleBits(dst, src []byte, size int, bytes []byte) {
	n := len(dst) / size
	if n%8 != 0 {
		copy(dst, src)
		return
	}
	// First the bits of each byte of the element are joined, eight elements at
	// once: a matrix of 8×8 bits is turned over.
	row := n / 8 // bytes of one bit of all elements
	for j := range size {
		from := src[8*j*row:]
		to := bytes[j*n : (j+1)*n]
		for i := range row {
			m := uint64(from[i]) | uint64(from[i+row])<<8 | uint64(from[i+2*row])<<16 | uint64(from[i+3*row])<<24 |
				uint64(from[i+4*row])<<32 | uint64(from[i+5*row])<<40 | uint64(from[i+6*row])<<48 | uint64(from[i+7*row])<<56
			le.PutUint64(to[8*i:], transpose(m))
		}
	}
	unshuffle(dst[:n*size], bytes[:n*size], size)
	copy(dst[n*size:], src[n*size:])
}

// transpose turns a matrix of 8×8 bits over, a byte a row, by swapping ever
// larger squares across the diagonal.
func transpose(m uint64) uint64 {
	t := (m ^ m>>7) & 0x00aa00aa00aa00aa
	m ^= t ^ t<<7
	t = (m ^ m>>14) & 0x0000cccc0000cccc
	m ^= t ^ t<<14
	t = (m ^ m>>28) & 0x00000000f0f0f0f0
	return m ^ t ^ t<<28
}
