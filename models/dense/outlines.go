package dense

import "fmt"

// grid32 is a field of plain numbers.
type grid32 struct {
	w, h   int
	values []float32
}

func (g grid32) size() (int, int)    { return g.w, g.h }
func (g grid32) at(x, y int) float64 { return float64(g.values[y*g.w+x]) }

// Outlines outlines where a grid of numbers, row by row, is above zero; a cell is
// one unit wide, its centre at its half. Areas and holes smaller than least are
// left out. It refuses a grid whose size is not that of its numbers.
func Outlines(values []float32, width, height int, least float64) ([]Outline, error) {
	if width < 1 || height < 1 || len(values) != width*height {
		return nil, fmt.Errorf("dense: %d numbers for a grid of %d × %d", len(values), width, height)
	}
	return contours(grid32{width, height, values}, least), nil
}
