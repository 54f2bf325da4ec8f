package tiles

import (
	"math"
	"strconv"
	"strings"
)

// Bounds of a believable MPP, µm per level-0 pixel: oil immersion with a large
// zoom to a flat-bed scanner of 1270 dpi. The defaults of image programs (72,
// 96, 300 dpi) lie far outside.
const (
	minMPP = 0.02
	maxMPP = 20
)

// SaneMPP says whether v can be the µm per level-0 pixel of a slide. A wrong
// number is worse than none: measurements and models would trust it.
func SaneMPP(v float64) bool { return v >= minMPP && v <= maxMPP }

// ParseNumber reads a decimal number as scanners write it, with a point or a
// comma; ok is false for anything else, infinite or not a number.
func ParseNumber(s string) (v float64, ok bool) {
	s = strings.TrimSpace(s)
	if strings.Count(s, ",") == 1 && !strings.Contains(s, ".") {
		s = strings.Replace(s, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, false
	}
	return v, true
}
