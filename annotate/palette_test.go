package annotate

import (
	"image/color"
	"math"
	"strconv"
	"strings"
	"testing"
)

// Linear-light matrices for people who lack one kind of cone, from Machado,
// Oliveira and Fernandes 2009, severity 1.
var (
	deuteranopia = [9]float64{0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881}
	protanopia   = [9]float64{0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998}
	everyCone    = [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
)

// stains is what a slide stained with haematoxylin and eosin shows: pale to
// strong eosin, nuclei, their mixtures, and glass.
var stains = []uint32{0xe8b4cf, 0xd98cb3, 0xf0c8dc, 0xc86fa0, 0x7a4e9c, 0x5b3a87, 0x9c7bb8, 0xb58bc0, 0xf3eef3, 0xdda0c8, 0xa0508c, 0x47306e}

// lab is the CIE 1976 L*a*b* of an sRGB colour (D65) as seen with the cones.
func lab(c color.NRGBA, cones [9]float64) [3]float64 {
	var l, s [3]float64
	for i, v := range []uint8{c.R, c.G, c.B} {
		if f := float64(v) / 255; f <= 0.04045 {
			l[i] = f / 12.92
		} else {
			l[i] = math.Pow((f+0.055)/1.055, 2.4)
		}
	}
	for i := range s {
		s[i] = min(1, max(0, cones[3*i]*l[0]+cones[3*i+1]*l[1]+cones[3*i+2]*l[2]))
	}
	f := func(t float64) float64 {
		if t > 216./24389 {
			return math.Cbrt(t)
		}
		return (24389./27*t + 16) / 116
	}
	x := f((0.4124564*s[0] + 0.3575761*s[1] + 0.1804375*s[2]) / 0.95047)
	y := f(0.2126729*s[0] + 0.7151522*s[1] + 0.0721750*s[2])
	z := f((0.0193339*s[0] + 0.1191920*s[1] + 0.9503041*s[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// deltaE is the CIEDE2000 difference (Sharma, Wu and Dalal 2005).
func deltaE(p, q [3]float64) float64 {
	rad, deg := math.Pi/180, 180/math.Pi
	cm := (math.Hypot(p[1], p[2]) + math.Hypot(q[1], q[2])) / 2
	g := 0.5 * (1 - math.Sqrt(math.Pow(cm, 7)/(math.Pow(cm, 7)+math.Pow(25, 7))))
	a1, a2 := (1+g)*p[1], (1+g)*q[1]
	c1, c2 := math.Hypot(a1, p[2]), math.Hypot(a2, q[2])
	hue := func(a, b float64) float64 { return math.Mod(math.Atan2(b, a)*deg+360, 360) }
	h1, h2 := hue(a1, p[2]), hue(a2, q[2])
	dh, hm := h2-h1, h1+h2
	if c1*c2 == 0 {
		dh = 0
	} else {
		hm /= 2
		if math.Abs(h1-h2) > 180 {
			dh -= math.Copysign(360, dh)
			if h1+h2 < 360 {
				hm += 180
			} else {
				hm -= 180
			}
		}
	}
	dH := 2 * math.Sqrt(c1*c2) * math.Sin(dh/2*rad)
	lm, cm := (p[0]+q[0])/2, (c1+c2)/2
	t := 1 - 0.17*math.Cos((hm-30)*rad) + 0.24*math.Cos(2*hm*rad) + 0.32*math.Cos((3*hm+6)*rad) - 0.2*math.Cos((4*hm-63)*rad)
	l50 := (lm - 50) * (lm - 50)
	sl, sc, sh := 1+0.015*l50/math.Sqrt(20+l50), 1+0.045*cm, 1+0.015*cm*t
	rt := -2 * math.Sqrt(math.Pow(cm, 7)/(math.Pow(cm, 7)+math.Pow(25, 7))) * math.Sin(60*rad*math.Exp(-(hm-275)*(hm-275)/625))
	dl, dc, dhs := (q[0]-p[0])/sl, (c2-c1)/sc, dH/sh
	return math.Sqrt(dl*dl + dc*dc + dhs*dhs + rt*dc*dhs)
}

func TestDeltaE_PublishedPairs(t *testing.T) {
	// From the supplement of Sharma, Wu and Dalal.
	for _, c := range []struct {
		p, q [3]float64
		want float64
	}{
		{[3]float64{50, 2.6772, -79.7751}, [3]float64{50, 0, -82.7485}, 2.0425},
		{[3]float64{50, 2.5, 0}, [3]float64{73, 25, -18}, 27.1492},
		{[3]float64{50, 2.5, 0}, [3]float64{61, -5, 29}, 22.8977},
		{[3]float64{60.2574, -34.0099, 36.2677}, [3]float64{60.4626, -34.1751, 39.4387}, 1.2644},
		{[3]float64{2.0776, 0.0795, -1.1350}, [3]float64{0.9033, -0.0636, -0.5514}, 0.9082},
	} {
		if got := deltaE(c.p, c.q); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%v %v: %v, want %v", c.p, c.q, got, c.want)
		}
	}
}

func TestDefaultPalette_CanBeToldApart(t *testing.T) {
	p := DefaultPalette()
	least := func(cones [9]float64) (float64, string) {
		d, who := math.Inf(1), ""
		for i := range p {
			for k := range i {
				if e := deltaE(lab(p[i].Color, cones), lab(p[k].Color, cones)); e < d {
					d, who = e, p[i].Name+" and "+p[k].Name
				}
			}
		}
		return d, who
	}
	for _, c := range []struct {
		eyes  string
		cones [9]float64
		want  float64
	}{{"all cones", everyCone, 25}, {"deuteranopia", deuteranopia, 15}, {"protanopia", protanopia, 12.5}} {
		d, who := least(c.cones)
		t.Logf("%s: least difference %.1f, of %s", c.eyes, d, who)
		if d < c.want {
			t.Errorf("%s: %s differ by %.1f only", c.eyes, who, d)
		}
	}
	for _, k := range p {
		for _, s := range stains {
			tissue := color.NRGBA{R: uint8(s >> 16), G: uint8(s >> 8), B: uint8(s), A: 255}
			if d := deltaE(lab(k.Color, everyCone), lab(tissue, everyCone)); d < 20 {
				t.Errorf("%s differs from the stain %06x by %.1f only", k.Name, s, d)
			}
		}
	}
}

func TestDefaultPalette_Names(t *testing.T) {
	p := DefaultPalette()
	for i, name := range []string{"Tumour", "Stroma", "Necrosis", "Lymphocytes", "Glands", "Fat", "Vessel", "Artefact", "Other"} {
		c := p.ByKey(strconv.Itoa(i + 1))
		if c == nil || c.Name != name || p.ByName(name) != c || p.ByID(ClassID(name)) != c || c.Color.A != 255 {
			t.Errorf("key %d gives %+v, want %s", i+1, c, name)
		}
	}
	if len(p) != 9 || p.ByID(ID{}) != nil || p.ByName("") != nil || p.ByKey("0") != nil {
		t.Error("the palette answers what it does not have")
	}
	p[0].Retired = true
	if p.ByKey("1") != nil {
		t.Error("a retired class still has its key")
	}
}

// TestPresets_Codes: a mistyped digit of a SNOMED CT code is found by its check digit
// (Verhoeff 1969, as SNOMED's Release File Specification has it).
func TestPresets_Codes(t *testing.T) {
	times := func(a, b int) int { // in the dihedral group of order ten
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return 5 + (a+b)%5
		case b < 5:
			return 5 + (a-b+5)%5
		}
		return (a - b + 10) % 5
	}
	turned := [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	coded := 0
	for _, p := range Presets() {
		for _, c := range p.Classes {
			digits, ok := strings.CutPrefix(c.Code, "SCT ")
			if !ok {
				continue
			}
			coded++
			sum := 0
			for i := range digits {
				d := int(digits[len(digits)-1-i] - '0')
				for range i % 8 {
					d = turned[d]
				}
				sum = times(sum, d)
			}
			if sum != 0 {
				t.Errorf("%s: %s has a digit that is wrong", c.Name, c.Code)
			}
		}
	}
	if coded < 8 {
		t.Errorf("%d classes have a code of SNOMED CT", coded)
	}
}
