package tiffwrite

// compressLZW13 compresses as TIFF 6.0 section 13 says: codes from 9 to 12 bits, most
// significant bit first, the width growing one code early. Go's compress/lzw
// grows one later and cannot be used.
func compressLZW13(src []byte) []byte {
	const reset, eoi, first, limit = 256, 257, 258, 4094
	var (
		out   = make([]byte, 0, len(src)/2+16)
		acc   uint32
		nbits uint
		width uint = 9
		next       = first
		table      = make(map[uint32]uint16, limit)
	)
	emit := func(code int) {
		acc = acc<<width | uint32(code)
		for nbits += width; nbits >= 8; nbits -= 8 {
			out = append(out, byte(acc>>(nbits-8)))
		}
	}
	emit(reset)
	if len(src) > 0 {
		prefix := int(src[0])
		for _, c := range src[1:] {
			key := uint32(prefix)<<8 | uint32(c)
			if code, ok := table[key]; ok {
				prefix = int(code)
				continue
			}
			emit(prefix)
			table[key] = uint16(next)
			next++
			switch {
			case next == limit:
				emit(reset)
				clear(table)
				next, width = first, 9
			case next == 1<<width:
				width++
			}
			prefix = int(c)
		}
		emit(prefix)
		switch next++; next {
		case limit:
			emit(reset)
			width = 9
		case 1 << width:
			width++
		}
	}
	emit(eoi)
	if nbits > 0 {
		out = append(out, byte(acc<<(8-nbits)))
	}
	return out
}
