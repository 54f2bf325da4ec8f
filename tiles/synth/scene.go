package synth

import (
	"image"
	"math"
	"sync"
)

// Scene is one planned slide. Its methods are safe for concurrent use.
type Scene struct {
	o           Options
	seed        uint64
	noiseSeed   uint32
	w, h        float32 // µm
	mpp         float32
	pieces      []piece
	plan        grid
	occupied    []bool // a plan cell that may hold anything but glass
	glands      []tube
	vessels     []tube
	tubes       *buckets
	fold        *fold
	strokes     []stroke
	specks      []speck
	stains      stains
	scanner     scanner
	glass       *image.RGBA // periodic picture of empty glass
	tables      textures
	fibreCos    float32
	fibreSin    float32
	nestScale   float32 // µm between septa, about
	septum      float32 // width of septa, 1 is usual
	holeScale   float32 // µm, of lumina in the tumour
	holeLevel   float32 // the higher the fewer lumina
	pleomorphic float32 // 0.6..1.4: how unlike the tumour's nuclei are
	glandRough  float32 // how uneven the outlines of glands are
	goblet      float32 // share of gland cells with a drop of mucin
	inflamed    float32 // density of scattered lymphocytes, 1 is usual
	buffers     *sync.Pool
}

type textures struct {
	grain *texture // features of 2 to 4 texels
	clump *texture // of 8 texels
	bump  *texture // of 8 texels, smooth
	cloud *texture // of 32 texels
	fibre *texture // 64 long, 8 across
}

// New plans a slide: it decides where everything lies and draws nothing. It
// takes a fraction of a second whatever the size.
func New(o Options) (*Scene, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Scene{o: o, seed: mix(uint64(o.Seed) ^ 0x5EED), mpp: float32(o.MPP)}
	s.w, s.h = float32(float64(o.Width)*o.MPP), float32(float64(o.Height)*o.MPP)
	r := random(s.seed)
	s.noiseSeed = uint32(r.bits())
	s.fibreSin, s.fibreCos = sincos(r.between(0, math.Pi))
	s.nestScale = r.between(150, 240)
	s.septum = r.between(0.6, 1.3)
	s.holeScale = r.between(45, 75)
	s.holeLevel = r.between(0.30, 0.75)
	s.pleomorphic = r.between(0.7, 1.25)
	s.goblet = r.between(0, 0.5)
	s.glandRough = r.between(0.12, 0.19)
	s.inflamed = r.between(0.5, 1.6)
	s.stains = stainsBySeed(&r, o.Stain)
	s.scanner = scannerBySeed(&r, s.mpp)
	t := uint32(r.bits())
	parallel(5, func(i int) {
		switch i {
		case 0:
			s.tables.grain = newTexture(t+10, 256, 256, [2]int32{4, 4}, [2]int32{2, 2})
		case 1:
			s.tables.clump = newTexture(t+20, 256, 256, [2]int32{8, 8}, [2]int32{4, 4})
		case 4:
			s.tables.bump = newTexture(t+50, 256, 256, [2]int32{8, 8})
		case 2:
			s.tables.cloud = newTexture(t+30, 256, 256, [2]int32{32, 32}, [2]int32{16, 16}, [2]int32{8, 8})
		case 3:
			s.tables.fibre = newTexture(t+40, 1024, 256, [2]int32{64, 8}, [2]int32{64, 4}, [2]int32{32, 8})
		}
	})
	s.makePlan(&r)
	s.glass = s.makeGlass()
	s.buffers = &sync.Pool{New: func() any { return &tile{} }}
	return s, nil
}

// Options says what the scene was made from, with the defaults filled in.
func (s *Scene) Options() Options { return s.o }

// markOccupied notes which cells of the plan hold anything but glass, with a
// margin for everything that bends and overhangs.
func (s *Scene) markOccupied() {
	g := &s.plan
	s.occupied = make([]bool, g.w*g.h)
	for i := range g.v {
		s.occupied[i] = g.v[i][fTissue] > -75
	}
	mark := func(x0, y0, x1, y1 float32) {
		for y := max(int(y0/g.step)-1, 0); y <= min(int(y1/g.step)+1, g.h-1); y++ {
			for x := max(int(x0/g.step)-1, 0); x <= min(int(x1/g.step)+1, g.w-1); x++ {
				s.occupied[y*g.w+x] = true
			}
		}
	}
	for i := range s.strokes {
		st := &s.strokes[i]
		for _, p := range st.line {
			mark(p[0]-st.reach(), p[1]-st.reach(), p[0]+st.reach(), p[1]+st.reach())
		}
	}
	for _, k := range s.specks {
		mark(k.x-k.reach(), k.y-k.reach(), k.x+k.reach(), k.y+k.reach())
	}
}

// empty reports whether the rectangle in µm is glass and nothing else.
func (s *Scene) empty(x0, y0, x1, y1 float32) bool {
	g := &s.plan
	for y := max(int(y0/g.step)-1, 0); y <= min(int(y1/g.step)+1, g.h-1); y++ {
		for x := max(int(x0/g.step)-1, 0); x <= min(int(x1/g.step)+1, g.w-1); x++ {
			if s.occupied[y*g.w+x] {
				return false
			}
		}
	}
	return true
}

// most is an upper bound of a planned field over the rectangle in µm.
func (s *Scene) most(f int, x0, y0, x1, y1 float32) float32 {
	const bend = 20 // how far a site looks beside itself
	g := &s.plan
	best := float32(-1e6)
	for y := max(int((y0-bend)/g.step), 0); y <= min(int((y1+bend)/g.step)+1, g.h-1); y++ {
		for x := max(int((x0-bend)/g.step), 0); x <= min(int((x1+bend)/g.step)+1, g.w-1); x++ {
			best = max(best, g.v[y*g.w+x][f])
		}
	}
	return best
}
