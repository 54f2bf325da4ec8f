package storage

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"coverslip/annotate"
)

// skimmer reads of an object's body what a Brief holds and steps over the rest,
// twenty times as fast as reading all of it. It knows the CBOR that this program
// writes (RFC 8949 §4.2.1); what looks otherwise is read in the usual way.
type skimmer struct {
	codec    *codec
	measured bool
	author   string // of the object before: most have the same
	in       []byte
	odd      bool // something is not as this program writes it
}

var errShort = errors.New("value is too short")

// skim fills o with what is known of the object.
func (s *skimmer) skim(id annotate.ID, body []byte, o *annotate.Brief) error {
	if len(body) < boxBytes {
		return errShort
	}
	*o = annotate.Brief{ID: id}
	s.in, s.odd = body[boxBytes:], false
	s.object(o)
	if s.odd || len(s.in) != 0 {
		whole, err := s.codec.readObject(id, body)
		if err != nil {
			return err
		}
		*o = annotate.BriefOf(whole)
	}
	if s.measured {
		side := func(i int) float64 {
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:])))
		}
		o.Box = annotate.Box{MinX: side(0), MinY: side(1), MaxX: side(2), MaxY: side(3)}
	}
	return nil
}

// Major types of CBOR, RFC 8949 §3.1.
const (
	cborUint  = 0
	cborNeg   = 1
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborTag   = 6
	cborMore  = 7 // simple values and floats
)

// head reads the head of an item: its major type, the five low bits of its first
// byte, and its argument.
func (s *skimmer) head() (major, low byte, arg uint64) {
	if len(s.in) == 0 {
		s.odd = true
		return 0, 0, 0
	}
	major, low = s.in[0]>>5, s.in[0]&31
	s.in = s.in[1:]
	if low < 24 {
		return major, low, uint64(low)
	}
	n := 1 << (low - 24)
	if low > 27 || len(s.in) < n {
		s.odd, s.in = true, nil
		return 0, 0, 0
	}
	for _, b := range s.in[:n] {
		arg = arg<<8 | uint64(b)
	}
	s.in = s.in[n:]
	return major, low, arg
}

// take reads the argument of an item that must be of the major type.
func (s *skimmer) take(major byte) uint64 {
	m, _, arg := s.head()
	if m != major {
		s.odd = true
		return 0
	}
	return arg
}

// bytes reads a string of bytes or of text; it is a part of the body.
func (s *skimmer) bytes(major byte) []byte {
	n := s.take(major)
	if s.odd || n > uint64(len(s.in)) {
		s.odd, s.in = true, nil
		return nil
	}
	b := s.in[:n]
	s.in = s.in[n:]
	return b
}

// skip steps over an item of any type.
func (s *skimmer) skip(depth int) {
	major, _, arg := s.head()
	if s.odd || depth > 8 {
		s.odd = true
		return
	}
	switch major {
	case cborBytes, cborText:
		if arg > uint64(len(s.in)) {
			s.odd = true
			return
		}
		s.in = s.in[arg:]
	case cborMap, cborArray:
		if arg > uint64(len(s.in)) {
			s.odd = true
			return
		}
		if major == cborMap {
			arg *= 2
		}
		for ; arg > 0 && !s.odd; arg-- {
			s.skip(depth + 1)
		}
	case cborTag:
		s.odd = true
	}
}

func (s *skimmer) bool() bool {
	major, low, _ := s.head()
	if major != cborMore || low != 20 && low != 21 {
		s.odd = true
	}
	return low == 21
}

func (s *skimmer) float() float64 {
	major, low, arg := s.head()
	switch {
	case major != cborMore:
	case low == 26:
		return float64(math.Float32frombits(uint32(arg)))
	case low == 27:
		return math.Float64frombits(arg)
	case low == 25: // half precision, RFC 8949 appendix D
		exp, mant := int(arg>>10&31), float64(arg&1023)
		v := math.Ldexp(mant, -24)
		if exp == 31 {
			break
		}
		if exp > 0 {
			v = math.Ldexp(mant+1024, exp-25)
		}
		if arg&0x8000 != 0 {
			v = -v
		}
		return v
	}
	s.odd = true
	return 0
}

// time reads an instant.
func (s *skimmer) time() time.Time {
	if s.take(cborArray) != 2 {
		s.odd = true
		return time.Time{}
	}
	major, _, sec := s.head()
	nano := s.take(cborUint)
	if s.odd || major > cborNeg || sec > math.MaxInt64 || nano > 999_999_999 {
		s.odd = true
		return time.Time{}
	}
	if major == cborNeg {
		return time.Unix(-1-int64(sec), int64(nano)).UTC()
	}
	return time.Unix(int64(sec), int64(nano)).UTC()
}

// object reads the fields of objectV1.
func (s *skimmer) object(o *annotate.Brief) {
	var created time.Time
	for n := s.take(cborMap); n > 0 && !s.odd; n-- {
		switch s.take(cborUint) {
		case 1:
			o.Kind = annotate.ObjectKind(s.take(cborUint))
		case 2:
			s.roi(o, s.bytes(cborBytes))
		case 3:
			class, err := toID(s.bytes(cborBytes))
			if s.odd = s.odd || err != nil; !s.odd {
				o.Class = class
			}
		case 4, 5:
			o.Named = len(s.bytes(cborText)) > 0 || o.Named
		case 6:
			o.Locked = s.bool()
		case 7:
			created = s.time()
		case 8:
			o.Changed = s.time()
		case 9:
			s.provenance(o)
		case 10:
			s.review(o)
		case 11:
			s.skip(0)
		default:
			s.odd = true
		}
	}
	if o.Changed.IsZero() {
		o.Changed = created
	}
}

func (s *skimmer) roi(o *annotate.Brief, b []byte) {
	if s.odd {
		return
	}
	var ok bool
	if s.measured {
		o.Shape, o.Area, ok = areaOf(b)
	} else if ok = len(b) > 1; ok {
		o.Shape = annotate.Kind(b[0])
	}
	s.odd = !ok
}

func (s *skimmer) provenance(o *annotate.Brief) {
	for n := s.take(cborMap); n > 0 && !s.odd; n-- {
		switch s.take(cborUint) {
		case 1:
			if name := s.bytes(cborText); string(name) != s.author {
				s.author = string(name)
			}
			o.Author = s.author
		case 4:
			o.Untrained = s.bool()
		case 6:
			o.Score = s.float()
		case 7:
			o.Margin = s.float()
		default:
			s.skip(0)
		}
	}
}

func (s *skimmer) review(o *annotate.Brief) {
	for n := s.take(cborMap); n > 0 && !s.odd; n-- {
		if s.take(cborUint) == 1 {
			o.Decision = annotate.Decision(s.take(cborUint))
		} else {
			s.skip(0)
		}
	}
}
