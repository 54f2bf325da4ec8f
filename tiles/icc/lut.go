package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxGrid is the longest side of a colour table; 33 is usual.
const maxGrid = 255

// lut is a profile of tables: curves, a colour table, curves, a matrix, curves
// (lutAToBType, 10.12); what is absent is nil. lut8Type and lut16Type are the
// same with less.
type lut struct {
	a      []curve // of the device's channels
	table  *colourTable
	m      []curve
	matrix *[3][4]float64 // the fourth column is added
	b      []curve
	encode encoding // how the result stands for the connection space
}

// encoding is how numbers of 0 to 1 stand for the connection space.
type encoding int

const (
	encodeXYZ    encoding = iota // 1 stands for 1 + 32767/32768
	encodeLab                    // the whole range stands for 0..100, −128..127
	encodeLabOld                 // of lut16Type: 65280 stands for 100 and 127
)

func (l *lut) xyz(v [3]float64) [3]float64 {
	each(l.a, &v)
	if l.table != nil {
		v = l.table.at(v)
	}
	each(l.m, &v)
	if l.matrix != nil {
		in := v
		for i, row := range l.matrix {
			v[i] = clamp01(row[0]*in[0] + row[1]*in[1] + row[2]*in[2] + row[3])
		}
	}
	each(l.b, &v)
	const most = 1 + 32767.0/32768
	switch l.encode {
	case encodeXYZ:
		return [3]float64{v[0] * most, v[1] * most, v[2] * most}
	case encodeLabOld:
		const old = 65535.0 / 65280
		return labToXYZ([3]float64{100 * v[0] * old, v[1]*65535/256 - 128, v[2]*65535/256 - 128})
	}
	return labToXYZ([3]float64{100 * v[0], 255*v[1] - 128, 255*v[2] - 128})
}

func each(curves []curve, v *[3]float64) {
	for i := range curves {
		v[i] = curves[i].at(v[i])
	}
}

// colourTable is a table of three outputs over a grid of three inputs, the last
// input varying fastest.
type colourTable struct {
	grid  [3]int
	value []float64 // 3 a point
}

func (t *colourTable) point(r, g, b int) []float64 {
	i := 3 * ((r*t.grid[1]+g)*t.grid[2] + b)
	return t.value[i : i+3]
}

// at interpolates by tetrahedra: along the grey axis it stays on the table's own
// greys, which eight-point interpolation does not.
func (t *colourTable) at(v [3]float64) (out [3]float64) {
	var i [3]int
	var f [3]float64
	for k := range v {
		x := clamp01(v[k]) * float64(t.grid[k]-1)
		i[k] = min(int(x), t.grid[k]-2)
		f[k] = x - float64(i[k])
	}
	// Walk from the cell's lower corner to its upper one along the axes in the
	// order of their fractions.
	order := [3]int{0, 1, 2}
	if f[order[0]] < f[order[1]] {
		order[0], order[1] = order[1], order[0]
	}
	if f[order[1]] < f[order[2]] {
		order[1], order[2] = order[2], order[1]
	}
	if f[order[0]] < f[order[1]] {
		order[0], order[1] = order[1], order[0]
	}
	at := i
	weight := 1 - f[order[0]]
	for step := 0; ; step++ {
		for k, p := range t.point(at[0], at[1], at[2]) {
			out[k] += weight * p
		}
		if step == 3 {
			return out
		}
		at[order[step]]++
		weight = f[order[step]]
		if step < 2 {
			weight -= f[order[step+1]]
		}
	}
}

// readLUT reads lut8Type (10.11), lut16Type (10.10) or lutAToBType (10.12) of
// three inputs and three outputs.
func readLUT(b []byte, pcs string) (*lut, error) {
	if len(b) < 32 {
		return nil, errors.New("the table is cut off")
	}
	if b[8] != 3 || b[9] != 3 {
		return nil, fmt.Errorf("a table from %d to %d channels (3 to 3 is read)", b[8], b[9])
	}
	l := &lut{encode: encodeXYZ}
	if pcs == "Lab" {
		l.encode = encodeLab
	}
	switch string(b[:4]) {
	case "mft1":
		return l, l.readOld(b, 1)
	case "mft2":
		if pcs == "Lab" {
			l.encode = encodeLabOld
		}
		return l, l.readOld(b, 2)
	case "mAB ":
		return l, l.readAToB(b)
	}
	return nil, fmt.Errorf("table of type %q", b[:4])
}

// readOld reads the two older types of width bytes a number. Their matrix is
// for inputs of XYZ only and is passed over.
func (l *lut) readOld(b []byte, width int) error {
	grid, in, out, at := int(b[10]), 256, 256, 48
	if width == 2 {
		if len(b) < 52 {
			return errors.New("the table is cut off")
		}
		in, out, at = int(binary.BigEndian.Uint16(b[48:])), int(binary.BigEndian.Uint16(b[50:])), 52
	}
	if grid < 2 || in < 2 || out < 2 || in > 4096 || out > 4096 {
		return fmt.Errorf("a table of %d points with curves of %d and %d", grid, in, out)
	}
	points := 3 * grid * grid * grid
	if need := at + width*(3*in+points+3*out); len(b) < need {
		return fmt.Errorf("the table takes %d bytes of %d", need, len(b))
	}
	l.a = oldCurves(b[at:], width, in)
	at += width * 3 * in
	l.table = &colourTable{[3]int{grid, grid, grid}, numbers(b[at:], width, points)}
	at += width * points
	l.b = oldCurves(b[at:], width, out)
	return nil
}

func oldCurves(b []byte, width, n int) []curve {
	out := make([]curve, 3)
	for i := range out {
		out[i].table = numbers(b[width*n*i:], width, n)
	}
	return out
}

// numbers reads n numbers of 0 to 1 of one or two bytes.
func numbers(b []byte, width, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		if width == 1 {
			out[i] = float64(b[i]) / 255
		} else {
			out[i] = float64(binary.BigEndian.Uint16(b[2*i:])) / 65535
		}
	}
	return out
}

func (l *lut) readAToB(b []byte) error {
	part := func(i int) ([]byte, error) {
		at := binary.BigEndian.Uint32(b[12+4*i:])
		if at == 0 {
			return nil, nil
		}
		if uint64(at) >= uint64(len(b)) {
			return nil, errors.New("a part lies behind the table's end")
		}
		return b[at:], nil
	}
	var parts [5][]byte // B curves, matrix, M curves, colour table, A curves
	for i := range parts {
		var err error
		if parts[i], err = part(i); err != nil {
			return err
		}
	}
	for i, dst := range map[int]*[]curve{0: &l.b, 2: &l.m, 4: &l.a} {
		if parts[i] == nil {
			continue
		}
		var err error
		if *dst, err = threeCurves(parts[i]); err != nil {
			return err
		}
	}
	if m := parts[1]; m != nil {
		if len(m) < 48 {
			return errors.New("the matrix is cut off")
		}
		l.matrix = &[3][4]float64{}
		for i := range 9 {
			l.matrix[i/3][i%3] = fixed(m[4*i:])
		}
		for i := range 3 {
			l.matrix[i][3] = fixed(m[36+4*i:])
		}
	}
	if parts[3] == nil {
		return nil
	}
	return l.readTable(parts[3])
}

// threeCurves reads three curves, each padded to four bytes.
func threeCurves(b []byte) ([]curve, error) {
	out := make([]curve, 3)
	for i := range out {
		c, n, err := readCurve(b)
		if err != nil {
			return nil, err
		}
		out[i] = c
		b = b[min((n+3)&^3, len(b)):]
	}
	return out, nil
}

func (l *lut) readTable(b []byte) error {
	if len(b) < 20 {
		return errors.New("the colour table is cut off")
	}
	t := &colourTable{}
	points := 3
	for i := range t.grid {
		t.grid[i] = int(b[i])
		if t.grid[i] < 2 || t.grid[i] > maxGrid {
			return fmt.Errorf("a colour table of %d points", t.grid[i])
		}
		points *= t.grid[i]
	}
	width := int(b[16])
	if width != 1 && width != 2 {
		return fmt.Errorf("a colour table of %d bytes a number", width)
	}
	if len(b) < 20+width*points {
		return errors.New("the colour table is cut off")
	}
	t.value = numbers(b[20:], width, points)
	l.table = t
	return nil
}
