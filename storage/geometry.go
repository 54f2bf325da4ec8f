package storage

import (
	"encoding/binary"
	"errors"
	"math"

	"coverslip/annotate"
)

// The geometry of an object is one string of bytes:
//
//	kind (byte), grid (byte), points, number of polygons (uvarint), then for
//	each polygon its number of rings (uvarint) and its rings, the outer first.
//
// Points and rings are a uvarint count followed by x and y of each point. On
// gridExact a coordinate is its IEEE 754 bits, little-endian. On the other
// grids it is a whole number of steps, written as zig-zag varint of the
// difference from the same coordinate of the point before (of the whole
// geometry). A grid is used only when every coordinate comes back from it bit
// for bit; so nothing ever moves.
const (
	gridExact   byte = 0 // float64
	grid256     byte = 1 // steps of 1/256 pixel: screen input, whole pixels
	gridHundred byte = 2 // steps of 1/100 pixel: what QuPath writes
)

var errGeometry = errors.New("geometry is damaged")

func encodeROI(r annotate.ROI) []byte {
	g := geometryWriter{grid: gridOf(r)}
	g.out = append(make([]byte, 0, 16+3*r.Vertices()), byte(r.Kind), g.grid)
	g.points(r.Points)
	g.count(len(r.Polygons))
	for _, p := range r.Polygons {
		g.count(1 + len(p.Holes))
		g.points(p.Outer)
		for _, h := range p.Holes {
			g.points(h)
		}
	}
	return g.out
}

type geometryWriter struct {
	out  []byte
	grid byte
	x, y int64 // steps of the point before
}

func (g *geometryWriter) count(n int) { g.out = binary.AppendUvarint(g.out, uint64(n)) }

func (g *geometryWriter) points(ps []annotate.Point) {
	g.count(len(ps))
	for _, p := range ps {
		if g.grid == gridExact {
			g.out = binary.LittleEndian.AppendUint64(g.out, math.Float64bits(p.X))
			g.out = binary.LittleEndian.AppendUint64(g.out, math.Float64bits(p.Y))
			continue
		}
		x, y := toSteps(g.grid, p.X), toSteps(g.grid, p.Y)
		g.out = binary.AppendVarint(g.out, x-g.x)
		g.out = binary.AppendVarint(g.out, y-g.y)
		g.x, g.y = x, y
	}
}

func toSteps(grid byte, v float64) int64 {
	if grid == gridHundred {
		return int64(math.Round(v * 100))
	}
	return int64(v * 256)
}

func fromSteps(grid byte, n int64) float64 {
	if grid == gridHundred {
		return float64(n) / 100
	}
	return float64(n) / 256
}

// gridOf is the coarsest grid that holds every coordinate exactly.
func gridOf(r annotate.ROI) byte {
	for _, grid := range []byte{grid256, gridHundred} {
		if onGrid(grid, r.Points) && polygonsOnGrid(grid, r.Polygons) {
			return grid
		}
	}
	return gridExact
}

func polygonsOnGrid(grid byte, ps []annotate.Polygon) bool {
	for _, p := range ps {
		if !onGrid(grid, p.Outer) {
			return false
		}
		for _, h := range p.Holes {
			if !onGrid(grid, h) {
				return false
			}
		}
	}
	return true
}

func onGrid(grid byte, ps []annotate.Point) bool {
	for _, p := range ps {
		if !same(grid, p.X) || !same(grid, p.Y) {
			return false
		}
	}
	return true
}

func same(grid byte, v float64) bool {
	// Far beyond annotate.MaxCoordinate the steps would not fit; NaN fails too.
	if !(math.Abs(v) <= 1<<40) {
		return false
	}
	// The bits are compared, not the numbers: -0 equals 0 and is not the same.
	return math.Float64bits(fromSteps(grid, toSteps(grid, v))) == math.Float64bits(v)
}

func decodeROI(b []byte) (annotate.ROI, error) {
	if len(b) < 2 || b[1] > gridHundred {
		return annotate.ROI{}, errGeometry
	}
	g := geometryReader{in: b[2:], grid: b[1]}
	r := annotate.ROI{Kind: annotate.Kind(b[0]), Points: g.points()}
	if n := g.count(2); n > 0 {
		r.Polygons = make([]annotate.Polygon, n)
	}
	for i := range r.Polygons {
		rings := g.count(1)
		if rings == 0 {
			return annotate.ROI{}, errGeometry
		}
		r.Polygons[i].Outer = g.points()
		if rings > 1 {
			r.Polygons[i].Holes = make([]annotate.Ring, rings-1)
		}
		for k := range r.Polygons[i].Holes {
			r.Polygons[i].Holes[k] = g.points()
		}
	}
	if g.bad || len(g.in) != 0 {
		return annotate.ROI{}, errGeometry
	}
	return r, nil
}

// geometryReader remembers that something was wrong and then yields nothing.
type geometryReader struct {
	in   []byte
	grid byte
	x, y int64
	bad  bool
}

// count reads a number of things of at least least bytes each, so that a
// damaged count cannot ask for more memory than the value has bytes.
func (g *geometryReader) count(least int) int {
	n, k := binary.Uvarint(g.in)
	if k <= 0 || n > uint64(len(g.in)-k)/uint64(least) {
		g.bad, g.in = true, nil
		return 0
	}
	g.in = g.in[k:]
	return int(n)
}

func (g *geometryReader) points() []annotate.Point {
	least := 2
	if g.grid == gridExact {
		least = 16
	}
	n := g.count(least)
	if n == 0 {
		return nil
	}
	ps := make([]annotate.Point, n)
	for i := range ps {
		if g.grid == gridExact {
			ps[i], g.in = exactPoint(g.in), g.in[16:]
			continue
		}
		g.x += g.step()
		g.y += g.step()
		ps[i] = annotate.Point{X: fromSteps(g.grid, g.x), Y: fromSteps(g.grid, g.y)}
	}
	if g.bad {
		return nil
	}
	return ps
}

// exactPoint is the point at the beginning of at least 16 bytes of gridExact.
func exactPoint(b []byte) annotate.Point {
	return annotate.Point{X: math.Float64frombits(binary.LittleEndian.Uint64(b)), Y: math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))}
}

func (g *geometryReader) step() int64 {
	d, k := binary.Varint(g.in)
	if k <= 0 {
		g.bad, g.in = true, nil
		return 0
	}
	g.in = g.in[k:]
	return d
}
