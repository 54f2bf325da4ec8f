package tiles

import (
	"cmp"
	"math"
	"slices"
)

// Scene is what a person looks at and where the picture is going. Positions are
// level-0 pixels.
type Scene struct {
	Seen           Region  // what the window shows
	Level          int     // the level it is drawn from
	FocusX, FocusY float64 // where the person looks: the pointer, else the middle
	VelX, VelY     float64 // level-0 pixels per second by which Seen moves
	Zooming        int     // > 0 while the picture grows, < 0 while it shrinks
}

const (
	// A picture of an eighth of the detail of all that is missing costs a
	// sixteenth of the work; below so many missing tiles it comes too late to help.
	roughFrom = 9
	roughStep = 2

	aheadSeconds = 0.35 // of movement are read ahead
	aheadMost    = 1.0  // windows, at most
	topTiles     = 16   // a coarsest level of more is not wished whole
)

// Plan lists the tiles to be read for a scene, the most urgent first: the
// coarsest level, so that there is something to draw everywhere; a rough picture
// where much is missing; what is seen, nearest the focus first; then, for when
// nothing of that is missing, where the picture is going, a ring around it, and
// the level where a zoom leads. there tells which tiles need no reading. The
// list is appended to dst.
func Plan(levels []Level, s Scene, there func(Key) bool, dst []Key) []Key {
	if s.Level < 0 || s.Level >= len(levels) {
		return dst
	}
	p := planner{levels: levels, there: there, list: dst, seen: map[Key]bool{}}
	top := len(levels) - 1
	if l := levels[top]; l.Cols()*l.Rows() <= topTiles {
		p.add(Visible(levels, top, Region{W: float64(levels[0].Width), H: float64(levels[0].Height)}))
	}
	fine := p.missing(Visible(levels, s.Level, s.Seen))
	p.nearest(fine, s.Level, s.FocusX, s.FocusY)
	if rough := min(s.Level+roughStep, top); len(fine) >= roughFrom && rough > s.Level {
		p.add(Visible(levels, rough, s.Seen))
	}
	p.add(fine)
	if going, ok := s.going(); ok {
		p.add(Visible(levels, s.Level, going))
	}
	l := levels[s.Level]
	ring := s.Seen
	ring.X -= float64(l.TileWidth) * l.Downsample
	ring.Y -= float64(l.TileHeight) * l.Downsample
	ring.W += 2 * float64(l.TileWidth) * l.Downsample
	ring.H += 2 * float64(l.TileHeight) * l.Downsample
	if s.Zooming > 0 && s.Level > 0 { // a zoom ends on half of what is seen
		p.add(Visible(levels, s.Level-1, Region{
			X: (s.Seen.X + s.FocusX) / 2, Y: (s.Seen.Y + s.FocusY) / 2, W: s.Seen.W / 2, H: s.Seen.H / 2}))
	}
	p.add(Visible(levels, s.Level, ring))
	if s.Level < top {
		around := s.Seen
		if s.Zooming < 0 { // twice as much will be seen
			around = Region{X: s.Seen.X - s.Seen.W/2, Y: s.Seen.Y - s.Seen.H/2, W: 2 * s.Seen.W, H: 2 * s.Seen.H}
		}
		p.add(Visible(levels, s.Level+1, around))
	}
	return p.list
}

// going is what the window will show within aheadSeconds, as one rectangle with
// what it shows now.
func (s *Scene) going() (Region, bool) {
	dx, dy := s.VelX*aheadSeconds, s.VelY*aheadSeconds
	if math.IsNaN(dx) || math.IsNaN(dy) || math.Hypot(dx, dy) < 1 {
		return Region{}, false
	}
	dx = min(max(dx, -aheadMost*s.Seen.W), aheadMost*s.Seen.W)
	dy = min(max(dy, -aheadMost*s.Seen.H), aheadMost*s.Seen.H)
	r := s.Seen
	r.X, r.W = r.X+min(dx, 0), r.W+math.Abs(dx)
	r.Y, r.H = r.Y+min(dy, 0), r.H+math.Abs(dy)
	return r, true
}

// planner gathers a list without doubles.
type planner struct {
	levels []Level
	there  func(Key) bool
	list   []Key
	seen   map[Key]bool
}

func (p *planner) add(keys []Key) {
	for _, k := range keys {
		if !p.seen[k] {
			p.seen[k] = true
			if !p.there(k) {
				p.list = append(p.list, k)
			}
		}
	}
}

// missing is the keys that need reading, in place.
func (p *planner) missing(keys []Key) []Key {
	return slices.DeleteFunc(keys, p.there)
}

// nearest sorts tiles of a level by their distance from a place in level-0
// pixels.
func (p *planner) nearest(keys []Key, level int, x, y float64) {
	l := p.levels[level]
	w := float64(l.TileWidth) * float64(p.levels[0].Width) / float64(l.Width)
	h := float64(l.TileHeight) * float64(p.levels[0].Height) / float64(l.Height)
	distance := func(k Key) float64 {
		dx, dy := (float64(k.Col)+0.5)*w-x, (float64(k.Row)+0.5)*h-y
		return dx*dx + dy*dy
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return cmp.Compare(distance(a), distance(b)) })
}
