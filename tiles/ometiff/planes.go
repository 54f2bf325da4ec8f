package ometiff

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// place says where a plane is stored.
type place struct {
	file int32 // index in planeMap.files
	ifd  int32 // directory in that file; -1: nowhere
}

// planeMap says where each plane of an image lies. Channels are counted in
// planes: one of three samples is one.
type planeMap struct {
	c, z, t int
	places  []place
	files   []string // names as the text gives them; "" is the file itself
}

// at is the place of a plane.
func (p *planeMap) at(c, z, t int) place { return p.places[(t*p.z+z)*p.c+c] }

// mapPlanes reads the TiffData of an image with c planes of channels (which may
// be fewer than SizeC, samples of a pixel being in one). own and uuid name the
// file that the text is in, directories is how many it has.
//
// Source: OME-TIFF specification 6.x, "The TiffData element".
func (m *picture) mapPlanes(c, samples int, own, uuid string, directories int) (*planeMap, error) {
	p := &planeMap{c: c, z: m.z, t: m.t, files: []string{""}, places: make([]place, c*m.z*m.t)}
	for i := range p.places {
		p.places[i].ifd = -1
	}
	data := m.data
	if len(data) == 0 {
		data = []tiffData{{ifd: -1, count: -1}}
	}
	byName := map[string]int32{"": 0, own: 0}
	for _, d := range data {
		file, known := byName[d.file]
		if !known && d.uuid != "" && d.uuid == uuid { // renamed, but itself
			file, known = 0, true
		}
		if !known {
			file = int32(len(p.files))
			p.files = append(p.files, d.file)
		}
		byName[d.file] = file
		if d.c >= c { // some writers count samples
			d.c /= samples
		}
		if err := p.fill(d, file, m.order, directories); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// fill enters one TiffData.
func (p *planeMap) fill(d tiffData, file int32, order string, directories int) error {
	if d.z < 0 || d.c < 0 || d.t < 0 || d.z >= p.z || d.c >= p.c || d.t >= p.t {
		return fmt.Errorf("TiffData begins at plane (z %d, c %d, t %d) of an image of %d×%d×%d", d.z, d.c, d.t, p.z, p.c, p.t)
	}
	count := d.count
	switch {
	case count >= 0:
	case d.ifd >= 0:
		count = 1
	case file == 0:
		count = directories
	default: // all of another file: as many as are left, seen when it is opened
		count = len(p.places)
	}
	ifd := max(0, d.ifd)
	sizes := map[byte]int{'Z': p.z, 'C': p.c, 'T': p.t}
	at := map[byte]int{'Z': d.z, 'C': d.c, 'T': d.t}
	for range min(count, len(p.places)) {
		p.places[(at['T']*p.z+at['Z'])*p.c+at['C']] = place{file, int32(min(ifd, tiff.MaxDirectories))}
		ifd++
		more := false
		for i := 0; i < len(order) && !more; i++ { // the next plane, the fastest dimension first
			if at[order[i]]++; at[order[i]] < sizes[order[i]] {
				more = true
			} else {
				at[order[i]] = 0
			}
		}
		if !more {
			break
		}
	}
	return nil
}

// checkOrder says whether order is the letters Z, C and T.
func checkOrder(order string) bool {
	return len(order) == 3 && strings.Contains(order, "Z") && strings.Contains(order, "C") && strings.Contains(order, "T")
}

// renamed takes a file that all planes lie in and that is not there for the file
// itself, which then was renamed; it returns the name that the text gives.
func (p *planeMap) renamed(src *tiles.Source) string {
	if len(p.files) != 2 {
		return ""
	}
	for _, at := range p.places {
		if at.ifd >= 0 && at.file == 0 {
			return ""
		}
	}
	other, err := src.OpenSibling(sibling(p.files[1]))
	if err == nil {
		err = other.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	name := p.files[1]
	p.files = p.files[:1]
	for i := range p.places {
		p.places[i].file = 0
	}
	return name
}

// sibling is a file name of an OME-XML text as tiles.Source takes it. Writers on
// Windows put backslashes, and whole paths of a disk, there, of which the name
// is what is left when the files move; a relative path that leads out of the
// folder stays one that does.
func sibling(name string) string {
	name = strings.ReplaceAll(name, "\\", "/")
	if path.IsAbs(name) || len(name) > 1 && name[1] == ':' {
		name = path.Base(name)
	}
	return path.Clean(name)
}
