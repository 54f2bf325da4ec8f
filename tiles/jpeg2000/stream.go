package jpeg2000

import (
	"encoding/binary"
	"slices"
)

// part is one tile-part.
type part struct {
	tile   int
	header []byte // marker segments between SOT and SOD
	body   []byte
	packed []byte // its packet headers of PPM
}

// stream is a codestream taken apart.
type stream struct {
	Header
	main  params
	parts []part // in the order of their tiles, then of the stream
	ppm   bool   // packet headers stand in the main header
}

// segment splits b behind its first marker segment.
func segment(b []byte) (marker uint16, body, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, nil, damaged("a marker segment is cut off")
	}
	marker, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if marker < 0xff00 || n < 2 || 2+n > len(b) {
		return 0, nil, nil, damaged("marker segment %#04x of %d bytes, of which %d are there", marker, n, len(b)-2)
	}
	return marker, b[4 : 2+n], b[2+n:], nil
}

// indexed is a piece of PPM or PPT with its place.
type indexed struct {
	z    byte
	data []byte
}

func joined(list []indexed) []byte {
	if len(list) == 1 {
		return list[0].data
	}
	slices.SortStableFunc(list, func(a, b indexed) int { return int(a.z) - int(b.z) })
	var out []byte
	for _, i := range list {
		out = append(out, i.data...)
	}
	return out
}

// read takes a codestream apart: the main header into s, the tile-parts into
// slices of cs. Nothing is decoded. T.800 annex A.
func (s *stream) read(cs []byte, h Header) error {
	s.Header, s.main, s.parts, s.ppm = h, params{}, s.parts[:0], false
	var ppm []indexed
	p := cs[2:]
	for {
		if len(p) >= 2 && binary.BigEndian.Uint16(p) == markSOT {
			break
		}
		marker, body, rest, err := segment(p)
		if err != nil {
			return err
		}
		switch marker {
		case markCAP:
			return unsupported("extended capabilities (HTJ2K)")
		case markPPM:
			if len(body) < 1 {
				return damaged("packed packet headers are cut off")
			}
			ppm = append(ppm, indexed{body[0], body[1:]})
		case markEOC, markSOD:
			return damaged("main header ends in marker %#04x", marker)
		default:
			if err := s.main.apply(marker, body, s.Components, false); err != nil {
				return err
			}
		}
		p = rest
	}
	for c := range s.Components {
		if s.main.comps[c].rank == 0 || s.main.comps[c].quant.rank == 0 {
			return damaged("coding style or quantisation of component %d is missing", c)
		}
	}
	if err := s.tileParts(p); err != nil {
		return err
	}
	if ppm != nil {
		s.ppm = true
		if err := s.spread(joined(ppm)); err != nil {
			return err
		}
	}
	slices.SortStableFunc(s.parts, func(a, b part) int { return a.tile - b.tile })
	return nil
}

// tileParts lists the tile-parts from the first SOT on.
func (s *stream) tileParts(p []byte) error {
	for len(p) >= 2 && binary.BigEndian.Uint16(p) != markEOC {
		const sot = 12 // bytes of SOT: marker, length 10, tile, part's length, index, count
		if len(p) < sot || binary.BigEndian.Uint32(p) != markSOT<<16|sot-2 {
			if len(s.parts) > 0 && binary.BigEndian.Uint16(p) != markSOT {
				return nil // bytes behind the last tile-part: padding of a container
			}
			return damaged("a tile-part's header is cut off")
		}
		tile, n := int(binary.BigEndian.Uint16(p[4:])), int(binary.BigEndian.Uint32(p[6:]))
		if int64(tile) >= s.Tiles {
			return damaged("tile-part of tile %d of %d", tile, s.Tiles)
		}
		if n == 0 { // up to the end of the codestream
			n = len(p)
			if binary.BigEndian.Uint16(p[n-2:]) == markEOC {
				n -= 2
			}
		}
		if n < sot+2 || n > len(p) {
			return damaged("tile %d is cut off: a tile-part of %d bytes, of which %d are there", tile, n, len(p))
		}
		head, rest := p[sot:n], p[sot:n]
		for {
			if len(rest) >= 2 && binary.BigEndian.Uint16(rest) == markSOD {
				break
			}
			var err error
			if _, _, rest, err = segment(rest); err != nil {
				return err
			}
		}
		s.parts = append(s.parts, part{tile: tile, header: head[:len(head)-len(rest)], body: rest[2:]})
		p = p[n:]
	}
	if len(s.parts) == 0 {
		return damaged("codestream without tiles")
	}
	return nil
}

// spread gives each tile-part its packet headers of PPM, T.800 A.7.4.
func (s *stream) spread(ppm []byte) error {
	for i := range s.parts {
		if len(ppm) < 4 {
			return damaged("packed packet headers of tile-part %d are missing", i)
		}
		n := int64(binary.BigEndian.Uint32(ppm))
		if n > int64(len(ppm)-4) {
			return damaged("packed packet headers are cut off")
		}
		s.parts[i].packed, ppm = ppm[4:4+n], ppm[4+n:]
	}
	return nil
}

// tileHeaders reads the tile-part headers of one tile into p, which is a copy
// of the main header's parameters. It returns the packet headers of PPT.
func (s *stream) tileHeaders(p *params, parts []part) ([]byte, error) {
	var ppt []indexed
	inherited := true
	for _, t := range parts {
		for b := t.header; len(b) > 0; {
			marker, body, rest, err := segment(b)
			if err != nil {
				return nil, err
			}
			switch marker {
			case markPPT:
				if len(body) < 1 {
					return nil, damaged("packed packet headers are cut off")
				}
				ppt = append(ppt, indexed{body[0], body[1:]})
			case markPOC:
				if inherited {
					p.changes, inherited = nil, false
				}
				fallthrough
			default:
				if err := p.apply(marker, body, s.Components, true); err != nil {
					return nil, err
				}
			}
			b = rest
		}
	}
	if ppt == nil {
		return nil, nil
	}
	return joined(ppt), nil
}
