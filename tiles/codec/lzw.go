package codec

import "errors"

// Errors of an LZW stream.
var (
	errLZWShort = errors.New("the codes end")
	errLZWCode  = errors.New("a code that was not defined")
)

const (
	lzwClear   = 256
	lzwEnd     = 257
	lzwMaxBits = 12
)

// unlzw fills dst from an LZW stream of TIFF 6.0 section 13. Strings of the
// table are ranges of dst itself: the string of a code is what was written when
// the code was made and one byte more, so that nothing is allocated or linked.
//
// Files written before 1989 have the bits of a code in the other order and
// widen codes one later, as GIF does; they begin with the byte 0 and a set bit.
func unlzw(dst, src []byte) (int, error) {
	type entry struct{ at, n int32 }
	var table [1 << lzwMaxBits]entry
	old := len(src) >= 2 && src[0] == 0 && src[1]&1 == 1
	early := 1
	if old {
		early = 0
	}
	var acc uint32
	var have uint
	width, next := uint(9), lzwEnd+1
	last := entry{n: 0} // what the code before wrote; none after a clear
	done, at := 0, 0
	for done < len(dst) {
		for have < width {
			if at >= len(src) {
				return done, errLZWShort
			}
			if old {
				acc |= uint32(src[at]) << have
			} else {
				acc = acc<<8 | uint32(src[at])
			}
			at, have = at+1, have+8
		}
		have -= width
		var code int
		if old {
			code = int(acc & (1<<width - 1))
			acc >>= width
		} else {
			code = int(acc >> have & (1<<width - 1))
		}
		switch {
		case code == lzwClear:
			width, next, last = 9, lzwEnd+1, entry{}
			continue
		case code == lzwEnd:
			return done, errLZWShort
		}
		start := done
		switch {
		case code < lzwClear:
			dst[done] = byte(code)
			done++
		case code < next:
			e := table[code]
			done += copy(dst[done:], dst[e.at:e.at+e.n])
		case code == next && last.n > 0 && next < len(table): // the string before and its own first byte
			done += copy(dst[done:], dst[last.at:last.at+last.n])
			if done < len(dst) {
				dst[done] = dst[last.at]
				done++
			}
		default:
			return done, errLZWCode
		}
		if last.n > 0 && next < len(table) {
			table[next] = entry{last.at, last.n + 1}
			next++
		}
		if next+early >= 1<<width && width < lzwMaxBits {
			width++
		}
		last = entry{int32(start), int32(done - start)}
	}
	return done, nil
}
