package dicomwrite

import (
	"crypto/sha256"
	"math/big"
	"strings"

	"github.com/google/uuid"
)

// uids makes the identifiers of one slide: the same name gives the same one.
type uids struct{ seed string }

func newUIDs(seed string) uids {
	if seed == "" {
		seed = uuid.NewString()
	}
	return uids{seed}
}

// of is an identifier under 2.25, a UUID as a decimal number (PS3.5 B.2).
func (u uids) of(name string) string {
	sum := sha256.Sum256([]byte(u.seed + "\x00" + name))
	id := sum[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8, made by a rule of our own (RFC 9562)
	return "2.25." + new(big.Int).SetBytes(id).String()
}

// plain keeps a text in what a VR of letters may hold: no control characters, no
// backslash, at most n runes.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\\' || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > n {
		s = strings.TrimSpace(string(r[:n]))
	}
	return s
}
