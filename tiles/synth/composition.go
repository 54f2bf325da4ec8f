package synth

// Content is what lies at a place of the slide, as it looks there.
type Content uint8

// What may lie at a place. Septa of a tumour are stroma here and tumour in the
// zones; a gland is its epithelium and lumen, its zone the stroma around too.
const (
	Glass Content = iota
	TumourNest
	Connective
	Necrotic
	Lymphoid
	Glandular
	Fatty
	Vascular
	Inked  // under a pen mark
	Folded // in a fold
	Contents
)

// Composition is what a square of the slide holds, on a raster of Cells by
// Cells squares, row by row.
type Composition struct {
	Cells   int
	Look    []Content // what is seen in the middle of a cell
	Zone    []Content // what an annotator would call the area around it
	Nuclei  []uint16  // whose middle lies in a cell
	Kinds   [Debris + 1]int
	Brown   int     // nuclei in the brown of an immunohistochemical stain
	Lumina  float64 // share of the cells that are lumina between tumour cells
	Blood   float64 // share of the cells in vessels full of blood
	Mucin   float64 // share of the gland cells of this slide with a drop of mucin
	Loose   float64 // mean looseness of connective tissue, −1 dense … 1 loose
	Touched bool    // dust lies here
}

// Compose says what the square of size level-0 pixels at (x, y) holds, seen on
// cells by cells places. It is pure and safe for concurrent use.
func (s *Scene) Compose(x, y, size float64, cells int) Composition {
	n := cells * cells
	c := Composition{Cells: cells, Look: make([]Content, n), Zone: make([]Content, n), Nuclei: make([]uint16, n), Mucin: float64(s.goblet)}
	x0, y0, w := float32(x*s.o.MPP), float32(y*s.o.MPP), float32(size*s.o.MPP)
	step := w / float32(cells)
	folded, inked := s.artefactsNear(x0+w/2, y0+w/2, w)
	connective := 0
	for j := range cells {
		for i := range cells {
			px, py := x0+(float32(i)+0.5)*step, y0+(float32(j)+0.5)*step
			k := j*cells + i
			p := s.site(px, py)
			tube := s.tubes.hit(px, py, 0)
			c.Zone[k] = p.zone()
			c.Look[k] = p.look(tube)
			switch {
			case c.Look[k] == TumourNest && p[fHole] > 0:
				c.Lumina += 1 / float64(n)
			case c.Look[k] == Vascular && tube.fill > 0.3:
				c.Blood += 1 / float64(n)
			case c.Look[k] == Connective:
				c.Loose += float64(p[fLoose])
				connective++
			}
			if folded && p[fTissue] > 0 && s.inFold(px, py) {
				c.Look[k], c.Zone[k] = Folded, Folded
			}
			if inked && s.inInk(px, py) {
				c.Look[k], c.Zone[k] = Inked, Inked
			}
		}
	}
	if connective > 0 {
		c.Loose /= float64(connective)
	}
	s.nucleiIn(x0, y0, x0+w, y0+w, func(q *nucleus) {
		i, j := min(int((q.x-x0)/step), cells-1), min(int((q.y-y0)/step), cells-1)
		c.Nuclei[j*cells+i]++
		c.Kinds[q.kind]++
		if s.brown(q) {
			c.Brown++
		}
	})
	for _, k := range s.specks {
		c.Touched = c.Touched || k.x+k.r > x0 && k.y+k.r > y0 && k.x-k.r < x0+w && k.y-k.r < y0+w
	}
	return c
}

// ContentAt is the zone at a level-0 pixel, artefacts left out: enough to
// choose places by.
func (s *Scene) ContentAt(x, y float64) Content {
	px, py := float32(x*s.o.MPP), float32(y*s.o.MPP)
	p := s.site(px, py)
	if t := s.tubes.hit(px, py, 0); t != nil && t.vessel && p[fTissue] > 0 {
		return Vascular
	}
	return p.zone()
}

// Artefacts are places on the middle of pen marks and folds, in level-0 pixels.
func (s *Scene) Artefacts() (pens, folds []Point) {
	for i := range s.strokes {
		for _, p := range s.strokes[i].line {
			pens = append(pens, s.point(p[0], p[1]))
		}
	}
	if s.fold != nil {
		for i, p := range s.fold.line {
			f := s.site(p[0], p[1])
			if s.fold.width(float32(i)/float32(len(s.fold.line)-1)) > 2 && f[fTissue] > 5 {
				folds = append(folds, s.point(p[0], p[1]))
			}
		}
	}
	return pens, folds
}

// zone is the class of a site, as the truth's regions have it.
func (f *site) zone() Content {
	switch {
	case f[fTissue] <= 0:
		return Glass
	case f[fNecrosis] > 0:
		return Necrotic
	case f[fLymph] > 0:
		return Lymphoid
	case f[fTumour] > 0:
		return TumourNest
	case f[fFat] > 0:
		return Fatty
	case f[fGland] > 0:
		return Glandular
	}
	return Connective
}

// look is what is seen at a site on which the tube, or none, lies.
func (f *site) look(t *tube) Content {
	z := f.zone()
	switch {
	case z == Glass:
	case t != nil && t.vessel:
		return Vascular
	case t != nil:
		return Glandular
	case z == TumourNest && f[fNest] <= 0, z == Glandular, z == Fatty && !f.lobular():
		return Connective
	}
	return z
}

// artefactsNear says which artefacts may lie within a square of the width w µm
// around a place.
func (s *Scene) artefactsNear(x, y, w float32) (folded, inked bool) {
	if s.fold != nil {
		d, _ := nearest(s.fold.line, x, y)
		folded = absolute(d) < s.fold.half+w
	}
	for i := range s.strokes {
		d, _ := nearest(s.strokes[i].line, x, y)
		inked = inked || absolute(d) < s.strokes[i].half+w
	}
	return folded, inked
}

func (s *Scene) inFold(x, y float32) bool {
	d, at := nearest(s.fold.line, x, y)
	return absolute(d) < s.fold.width(at)
}

func (s *Scene) inInk(x, y float32) bool {
	for i := range s.strokes {
		if d, _ := nearest(s.strokes[i].line, x, y); absolute(d) < s.strokes[i].half {
			return true
		}
	}
	return false
}

// brown says whether a nucleus takes the brown of the section's marker: the
// share Positive of the nuclei of tumour and epithelium, half as many
// lymphocytes, and hardly any other.
func (s *Scene) brown(n *nucleus) bool {
	if !s.o.Stain.Brown {
		return false
	}
	share := float32(s.o.Stain.Positive)
	switch n.kind {
	case Tumour, Mitosis, Epithelium:
	case Lymphocyte:
		share *= 0.5
	default:
		share *= 0.05
	}
	return float32(mix(uint64(n.seed)^0xDAB)>>40)*(1.0/(1<<24)) < share
}
