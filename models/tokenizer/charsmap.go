package tokenizer

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
)

// charsmap is SentencePiece's compiled table of replacements, as tokenizer.json
// keeps it: the length of a tree in bytes, the tree as units of a double array
// (darts-clone), and the replacements, each with a zero at its end.
type charsmap struct {
	units []uint32
	texts []byte
}

func newCharsmap(b []byte) (*charsmap, error) {
	if len(b) == 0 {
		return &charsmap{}, nil
	}
	if len(b) < 4 {
		return nil, wrong("its table of replacements has %d bytes", len(b))
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n%4 != 0 || n > int64(len(b)-4) {
		return nil, wrong("its tree of replacements has %d bytes of %d", n, len(b))
	}
	m := &charsmap{texts: b[4+n:], units: make([]uint32, n/4)}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(b[4+4*i:])
	}
	return m, nil
}

// replacement is what stands for the shortest beginning of s that is in the tree.
func (m *charsmap) replacement(s string) (string, bool) {
	if len(m.units) == 0 {
		return "", false
	}
	at := offsetOf(m.units[0])
	for i := range len(s) {
		at ^= uint32(s[i])
		if s[i] == 0 || int64(at) >= int64(len(m.units)) {
			return "", false
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(s[i]) {
			return "", false
		}
		at ^= offsetOf(unit)
		if unit>>8&1 == 0 {
			continue
		}
		if int64(at) >= int64(len(m.units)) {
			return "", false
		}
		from := int64(m.units[at] & (1<<31 - 1))
		if from > int64(len(m.texts)) {
			return "", false
		}
		text := m.texts[from:]
		if end := bytes.IndexByte(text, 0); end >= 0 {
			text = text[:end]
		}
		return string(text), true
	}
	return "", false
}

func offsetOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// apply replaces letter by letter. Letters with their marks that are short are
// looked up together first, as the library tokenizers does.
func (m *charsmap) apply(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		n := cluster(s)
		part := s[:n]
		s = s[n:]
		if len(part) < 6 {
			if text, ok := m.replacement(part); ok {
				b.WriteString(text)
				continue
			}
		}
		for len(part) > 0 {
			_, k := utf8.DecodeRuneInString(part)
			if text, ok := m.replacement(part[:k]); ok {
				b.WriteString(text)
			} else {
				b.WriteString(part[:k])
			}
			part = part[k:]
		}
	}
	return b.String()
}

// cluster is the length of the first letter with what belongs to it, by the
// rules of Unicode's annex 29 that matter below six bytes: marks, joiners and
// CR LF belong to what is before them, Hangul's parts to one another.
func cluster(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if r == '\r' && strings.HasPrefix(s[n:], "\n") {
		return n + 1
	}
	if unicode.IsControl(r) {
		return n
	}
	for n < len(s) {
		next, k := utf8.DecodeRuneInString(s[n:])
		if !extends(next) && !sameSyllable(r, next) {
			break
		}
		r, n = next, n+k
	}
	return n
}

// extends says whether a letter belongs to the one before it.
func extends(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) || r == 0x200c || r == 0x200d || 0x1f3fb <= r && r <= 0x1f3ff ||
		0xff9e <= r && r <= 0xff9f
}

// sameSyllable is rules 6 to 8 of annex 29.
func sameSyllable(a, b rune) bool {
	lead := func(r rune) bool { return 0x1100 <= r && r <= 0x115f || 0xa960 <= r && r <= 0xa97c }
	vowel := func(r rune) bool { return 0x1160 <= r && r <= 0x11a7 || 0xd7b0 <= r && r <= 0xd7c6 }
	tail := func(r rune) bool { return 0x11a8 <= r && r <= 0x11ff || 0xd7cb <= r && r <= 0xd7fb }
	whole := func(r rune) bool { return 0xac00 <= r && r <= 0xd7a3 }
	open := func(r rune) bool { return whole(r) && (r-0xac00)%28 == 0 }
	switch {
	case lead(a):
		return lead(b) || vowel(b) || whole(b)
	case open(a) || vowel(a):
		return vowel(b) || tail(b)
	case whole(a) || tail(a):
		return tail(b)
	}
	return false
}
