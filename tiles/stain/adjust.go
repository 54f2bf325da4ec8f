package stain

import (
	"fmt"
	"image"
	"math"
)

// Show is which stains are drawn.
type Show int

// The ways to draw stains.
const (
	ShowAll    Show = iota // the picture as it is
	ShowFirst              // the first stain alone, in its colour
	ShowSecond             // the second
	ShowThird              // the third, or what is left
)

// Normal is how a slide is brought to the colours of a standard.
type Normal int

// The ways to normalise.
const (
	NormalNone     Normal = iota
	NormalReinhard        // mean and deviation in lαβ, Reinhard 2001
	NormalMacenko         // two stains and how much there is of them, Macenko 2009
)

// Adjust says how a slide in colour is drawn. The zero value of Contrast and Gamma
// counts as 1, so that the zero Adjust changes nothing.
type Adjust struct {
	Brightness float64   `json:"brightness,omitempty"` // added, -1 to 1, where 1 is black to white
	Contrast   float64   `json:"contrast,omitempty"`   // times the distance from the middle grey
	Gamma      float64   `json:"gamma,omitempty"`      // below 1 brightens what is dim
	Show       Show      `json:"show,omitempty"`
	Vectors    [3]Vector `json:"vectors"`          // the stains; used where Show is not ShowAll
	Stains     string    `json:"stains,omitempty"` // what the vectors are called, for people
	Normal     Normal    `json:"normal,omitempty"`
	// Of this slide, as it was measured; used where Normal asks for them.
	Source Stats      `json:"source"`
	Own    [3]Vector  `json:"own"`
	Most   [2]float64 `json:"most"`
}

// IsZero tells whether pixels are drawn as they are.
func (a Adjust) IsZero() bool {
	return a.Brightness == 0 && one(a.Contrast) == 1 && one(a.Gamma) == 1 && a.Show == ShowAll && a.Normal == NormalNone
}

func one(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

// Names of the stains that Vectors holds.
const (
	StainsHE   = "H&E"
	StainsHDAB = "H DAB"
	StainsHED  = "H&E DAB"
	StainsOwn  = "own"
)

// VectorsOf are those of a name; ok is false for StainsOwn and unknown ones.
func VectorsOf(name string) (v [3]Vector, ok bool) {
	switch name {
	case StainsHE:
		return HE(), true
	case StainsHDAB:
		return HDAB(), true
	case StainsHED:
		return HED(), true
	}
	return v, false
}

// StainNames are the names of the three stains of a set.
func StainNames(name string) [3]string {
	switch name {
	case StainsHDAB:
		return [3]string{"Haematoxylin", "DAB", "Rest"}
	case StainsHED:
		return [3]string{"Haematoxylin", "Eosin", "DAB"}
	}
	return [3]string{"Haematoxylin", "Eosin", "Rest"}
}

// painter is an Adjust made ready. It is safe for concurrent use.
type painter struct {
	tone   *[256]byte // nil: as it is
	show   Show
	matrix Matrix
	single *[singleSteps + 1][3]byte // the colour of an amount of the shown stain
	normal Normal
	source Stats
	target Stats
	fit    [2]Vector
	ratio  [2]float64
	stains [2]Vector

	density, od *[256]float64 // of a byte
	light       []byte        // what comes through a density, in steps of 1/perDensity
	logs, pows  []float32     // of Reinhard's method
}

// Tables in place of logarithms and powers, which take most of the time.
const (
	perDensity = 1024 // steps of a density to the base e
	mostDense  = 8    // beyond it is black
	perLog     = 1 << 14
	perPow     = 2048 // steps of a power of ten
	leastPow   = -3.0
	mostPow    = 1.0
)

// tables makes those of normalising.
func (p *painter) tables() {
	switch p.normal {
	case NormalMacenko:
		p.light = make([]byte, mostDense*perDensity+1)
		for i := range p.light {
			p.light[i] = byte(min(255, 240*math.Exp(-float64(i)/perDensity)+0.5))
		}
	case NormalReinhard:
		p.logs = make([]float32, perLog+1)
		for i := range p.logs {
			p.logs[i] = float32(math.Log10(max(float64(i)/perLog, 1.0/512)))
		}
		p.pows = make([]float32, int((mostPow-leastPow)*perPow)+1)
		for i := range p.pows {
			p.pows[i] = float32(math.Pow(10, leastPow+float64(i)/perPow))
		}
	}
}

// log is that of a cone's response, 0 to 1.
func (p *painter) log(v float64) float64 { return float64(p.logs[int(min(v, 1)*perLog+0.5)]) }

// pow is a power of ten.
func (p *painter) pow(v float64) float64 {
	return float64(p.pows[int((min(max(v, leastPow), mostPow)-leastPow)*perPow+0.5)])
}

// singleSteps divide the amounts of a stain from none to singleMost.
const (
	singleSteps = 1<<15 - 1
	singleMost  = 2.0 // logarithms to the base 10⁻⁶
)

// table is a function of every byte.
func table(f func(float64) float64) *[256]float64 {
	var t [256]float64
	for i := range t {
		t[i] = f(float64(i))
	}
	return &t
}

// newPainter prepares to draw; errors name what is wrong with a.
func newPainter(a Adjust) (*painter, error) {
	p := &painter{show: a.Show, normal: a.Normal, source: a.Source, target: reinhardTarget(),
		density: table(func(v float64) float64 { return density(v / 255) }), od: table(func(v float64) float64 { return od(uint8(v)) })}
	c, g := one(a.Contrast), one(a.Gamma)
	if !(c > 0) || !(g > 0) || math.IsInf(c, 0) || math.IsInf(g, 0) || math.IsNaN(a.Brightness) {
		return nil, fmt.Errorf("brightness %g, contrast %g, gamma %g", a.Brightness, a.Contrast, a.Gamma)
	}
	if a.Brightness != 0 || c != 1 || g != 1 {
		p.tone = new([256]byte)
		for i := range p.tone {
			p.tone[i] = byte(math.Round(255 * Tone(a, float64(i)/255)))
		}
	}
	if a.Show < ShowAll || a.Show > ShowThird || a.Normal < NormalNone || a.Normal > NormalMacenko {
		return nil, fmt.Errorf("stain %d, normalisation %d", a.Show, a.Normal)
	}
	var err error
	if a.Show != ShowAll {
		if p.matrix, err = Separation(a.Vectors); err != nil {
			return nil, err
		}
		p.single = new([singleSteps + 1][3]byte)
		for i := range p.single {
			amount := singleMost * float64(i) / singleSteps
			for ch := range 3 {
				light := math.Exp(amount * math.Log(floorOf) * a.Vectors[a.Show-1][ch])
				p.single[i][ch] = byte(math.Round(255 * min(1, light)))
			}
		}
	}
	switch a.Normal {
	case NormalReinhard:
		for i := range 3 {
			if !(a.Source.Dev[i] > 0) {
				return nil, fmt.Errorf("normalising by Reinhard's method: %w", ErrNoStain)
			}
		}
	case NormalMacenko:
		if p.fit, err = twoStains(a.Own); err != nil {
			return nil, fmt.Errorf("normalising by Macenko's method: %w", err)
		}
		h, e, most := macenkoTarget()
		p.stains = [2]Vector{h, e}
		for i := range 2 {
			if !(a.Most[i] > 0) {
				return nil, fmt.Errorf("normalising by Macenko's method: %w", ErrNoStain)
			}
			p.ratio[i] = most[i] / a.Most[i]
		}
	}
	p.tables()
	return p, nil
}

// Check says what is wrong with an Adjust that is to be drawn.
func Check(a Adjust) error {
	_, err := newPainter(a)
	return err
}

// Tone is a channel's value, 0 to 1, drawn with the brightness, contrast and gamma.
func Tone(a Adjust, v float64) float64 {
	v = min(max((v-0.5)*one(a.Contrast)+0.5+a.Brightness, 0), 1)
	return math.Pow(v, one(a.Gamma))
}

// reinhardTarget is the tissue of CMU-1-Small-Region.svs, of OpenSlide's test data,
// as StatsOf measures it in a thumbnail of 1,024 pixels.
func reinhardTarget() Stats {
	return Stats{Mean: [3]float64{-0.6831, -0.0686, 0.0269}, Dev: [3]float64{0.3188, 0.0573, 0.0150}}
}

// paint draws pixels in place; clear ones stay as they are.
func (p *painter) paint(m *image.RGBA) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		row := m.Pix[y*m.Stride : y*m.Stride+4*w]
		switch p.normal {
		case NormalReinhard:
			p.reinhard(row)
		case NormalMacenko:
			p.macenko(row)
		}
		if p.single != nil {
			p.separate(row)
		}
		if p.tone != nil {
			for i := 0; i+4 <= len(row); i += 4 {
				if row[i+3] == 255 {
					row[i], row[i+1], row[i+2] = p.tone[row[i]], p.tone[row[i+1]], p.tone[row[i+2]]
				}
			}
		}
	}
}

// separate leaves one stain.
func (p *painter) separate(row []byte) {
	j := int(p.show) - 1
	a, b, c := p.matrix[0][j], p.matrix[1][j], p.matrix[2][j]
	const perAmount = singleSteps / singleMost
	for i := 0; i+4 <= len(row); i += 4 {
		if row[i+3] != 255 {
			continue
		}
		amount := p.density[row[i]]*a + p.density[row[i+1]]*b + p.density[row[i+2]]*c
		at := min(max(amount*perAmount+0.5, 0), singleSteps)
		t := &p.single[int(at)]
		row[i], row[i+1], row[i+2] = t[0], t[1], t[2]
	}
}

// macenko draws the two stains in those of the standard. What the two do not
// explain is left out, as in the method.
func (p *painter) macenko(row []byte) {
	for i := 0; i+4 <= len(row); i += 4 {
		if row[i+3] != 255 {
			continue
		}
		d := Vector{p.od[row[i]], p.od[row[i+1]], p.od[row[i+2]]}
		h := max(0, p.fit[0].dot(d)) * p.ratio[0]
		e := max(0, p.fit[1].dot(d)) * p.ratio[1]
		for ch := range 3 {
			d := h*p.stains[0][ch] + e*p.stains[1][ch]
			row[i+ch] = p.light[int(min(d, mostDense)*perDensity+0.5)]
		}
	}
}

// reinhard gives tissue the mean and the deviation of the standard.
func (p *painter) reinhard(row []byte) {
	for i := 0; i+4 <= len(row); i += 4 {
		q := row[i : i+4 : i+4]
		share := 0.0
		if q[3] == 255 {
			share = tissueShare(q)
		}
		if share == 0 {
			continue
		}
		lab := toLAB(p.log, float64(q[0])/255, float64(q[1])/255, float64(q[2])/255)
		for c := range 3 {
			lab[c] = (lab[c]-p.source.Mean[c])*p.target.Dev[c]/p.source.Dev[c] + p.target.Mean[c]
		}
		r, g, b := fromLAB(p.pow, lab)
		for c, v := range [3]float64{r, g, b} {
			q[c] = byte(math.Round(255*min(max(v, 0), 1)*share + float64(q[c])*(1-share)))
		}
	}
}
