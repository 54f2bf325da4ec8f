package segment_test

import (
	"math/rand/v2"
	"testing"

	"coverslip/models/segment"
)

func maskOf(rows ...string) *segment.Mask {
	m := &segment.Mask{Width: len(rows[0]), Height: len(rows)}
	for _, row := range rows {
		for _, c := range row {
			v := float32(-1)
			if c == '#' {
				v = 1
			}
			m.Logits = append(m.Logits, v)
		}
	}
	return m
}

func TestMask_Rings(t *testing.T) {
	for _, c := range []struct {
		m       *segment.Mask
		areas   []int
		corners []int
	}{
		{maskOf("....", "...."), nil, nil},
		{maskOf("##", "##"), []int{4}, []int{4}},
		{maskOf("###", "#.#", "###"), []int{9, -1}, []int{4, 4}},
		{maskOf("#.", ".#"), []int{1, 1}, []int{4, 4}},
		{maskOf("##.", "###"), []int{5}, []int{6}},
	} {
		rings := c.m.Rings(1)
		if len(rings) != len(c.areas) {
			t.Errorf("%d rings, want %d", len(rings), len(c.areas))
			continue
		}
		for i, r := range rings {
			if r.Area() != c.areas[i] || len(r) != c.corners[i] {
				t.Errorf("ring %d: area %d with %d corners, want %d with %d", i, r.Area(), len(r), c.areas[i], c.corners[i])
			}
		}
	}
	if rings := maskOf("#.##", "..##").Rings(2); len(rings) != 1 || rings[0].Area() != 4 {
		t.Errorf("small ones: %v", rings)
	}
}

// The rings of any mask enclose just its pixels.
func TestMask_Rings_AddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 200 {
		m := &segment.Mask{Width: 1 + r.IntN(20), Height: 1 + r.IntN(20)}
		in := 0
		for range m.Width * m.Height {
			v := float32(r.NormFloat64())
			if v > 0 {
				in++
			}
			m.Logits = append(m.Logits, v)
		}
		sum := 0
		for _, ring := range m.Rings(0) {
			sum += ring.Area()
		}
		if sum != in {
			t.Fatalf("%d × %d: rings enclose %d of %d pixels", m.Width, m.Height, sum, in)
		}
	}
}
