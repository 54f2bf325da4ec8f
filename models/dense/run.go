package dense

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"coverslip/models"
)

// Reader gives the pixels of a rectangle of the model's plane, which may reach
// beyond the region and beyond the slide. It is called from one goroutine at a
// time, and is asked for the next tile while the model looks at one.
type Reader func(ctx context.Context, r image.Rectangle) (*image.RGBA, error)

// Run finds the objects in a region of the model's plane, whose origin is the
// slide's upper left corner. told hears of tiles done. Memory is bounded by the
// region: four bytes a number of the output, or the candidates of a star model;
// ErrTooLarge says that it would be too much. It stops soon after ctx is
// cancelled and returns its cause.
func (d *Model) Run(ctx context.Context, region image.Rectangle, read Reader, told func(done, total int)) ([]Object, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("dense: %w", models.ErrClosed)
	}
	s := d.info.Stride
	out := image.Rect(floorDiv(region.Min.X, s), floorDiv(region.Min.Y, s), -floorDiv(-region.Max.X, s), -floorDiv(-region.Max.Y, s))
	if region.Empty() || out.Dx() > 1<<24 || out.Dy() > 1<<24 || out.Dx()*out.Dy() > maxPixels {
		return nil, fmt.Errorf("%w: %d × %d pixels, at most %d million", ErrTooLarge, region.Dx(), region.Dy(), maxPixels*s*s>>20)
	}
	var take func(t seen, at, use image.Rectangle) error
	var finish func() ([]Object, error)
	if d.info.Spec.Kind == Star {
		take, finish = d.stars(ctx, out)
	} else {
		take, finish = d.classes(ctx, out)
	}
	if err := d.tiles(ctx, region, out, read, take, told); err != nil {
		return nil, err
	}
	return finish()
}

// floorDiv is a/b rounded down.
func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}

// place is one tile: what is read, and what of its output is used.
type place struct {
	tile image.Rectangle // pixels of the model
	use  image.Rectangle // numbers of the output
}

// plan lists the tiles of a region. They begin at multiples of Step.
func (d *Model) plan(region, out image.Rectangle) []place {
	i := d.info
	step := (i.Side - 2*i.Margin) / i.Step * i.Step
	x0, y0 := floorDiv(region.Min.X, i.Step)*i.Step, floorDiv(region.Min.Y, i.Step)*i.Step
	var all []place
	for y := y0; y < region.Max.Y; y += step {
		for x := x0; x < region.Max.X; x += step {
			at := image.Pt(x-i.Margin, y-i.Margin)
			use := image.Rect(x/i.Stride, y/i.Stride, (x+step)/i.Stride, (y+step)/i.Stride)
			if x < 0 || y < 0 { // multiples of Stride, so exact
				use = image.Rect(floorDiv(x, i.Stride), floorDiv(y, i.Stride), floorDiv(x+step, i.Stride), floorDiv(y+step, i.Stride))
			}
			if use = use.Intersect(out); !use.Empty() {
				all = append(all, place{image.Rectangle{Min: at, Max: at.Add(image.Pt(i.Side, i.Side))}, use})
			}
		}
	}
	return all
}

// tiles reads, runs and hands over every tile; the next is read meanwhile.
func (d *Model) tiles(ctx context.Context, region, out image.Rectangle, read Reader, take func(t seen, at, use image.Rectangle) error, told func(done, total int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := d.plan(region, out)
	type picture struct {
		img *image.RGBA
		err error
	}
	pictures := make(chan picture)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, p := range all {
			img, err := read(ctx, p.tile)
			select {
			case pictures <- picture{img, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() { <-ended }()
	defer cancel()
	for n, p := range all {
		if told != nil {
			told(n, len(all))
		}
		var next picture
		select {
		case next = <-pictures:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if next.err != nil {
			return next.err
		}
		t, err := d.see(ctx, next.img)
		if err != nil {
			return err
		}
		// The output's numbers of the tile, in the plane of the output.
		from := image.Pt(floorDiv(p.tile.Min.X+d.cut, d.info.Stride), floorDiv(p.tile.Min.Y+d.cut, d.info.Stride))
		at := image.Rectangle{Min: from, Max: from.Add(image.Pt(t.prob.w, t.prob.h))}
		if !p.use.In(at) {
			return fmt.Errorf("dense: the model gives %d × %d numbers for one tile, other than before", t.prob.w, t.prob.h)
		}
		if err := take(t, at, p.use); err != nil {
			return err
		}
	}
	if told != nil {
		told(len(all), len(all))
	}
	return context.Cause(ctx)
}

// canvas is what is kept of a map of classes.
type canvas struct {
	r      image.Rectangle // numbers of the output
	class  []uint8         // the channel
	prob   []uint8         // its probability, of 255
	margin []uint16        // how far it is from another class, of 65535
}

// classes collects maps of classes.
func (d *Model) classes(ctx context.Context, out image.Rectangle) (func(t seen, at, use image.Rectangle) error, func() ([]Object, error)) {
	n := out.Dx() * out.Dy()
	c := &canvas{r: out, class: make([]uint8, n), prob: make([]uint8, n), margin: make([]uint16, n)}
	s := d.info.Spec
	take := func(t seen, at, use image.Rectangle) error {
		if t.prob.channels != len(s.Classes) {
			return fmt.Errorf("dense: the model gives %d channels, before it gave %d", t.prob.channels, len(s.Classes))
		}
		p := make([]float64, t.prob.channels)
		for y := use.Min.Y; y < use.Max.Y; y++ {
			for x := use.Min.X; x < use.Max.X; x++ {
				for k := range p {
					p[k] = float64(t.prob.at(k, x-at.Min.X, y-at.Min.Y))
				}
				class, prob, margin := s.judge(p)
				i := (y-out.Min.Y)*out.Dx() + x - out.Min.X
				c.class[i], c.prob[i], c.margin[i] = class, uint8(math.Round(255*prob)), uint16(math.Round(65535*margin))
			}
		}
		return nil
	}
	return take, func() ([]Object, error) { return d.outline(ctx, c) }
}

// nothing is the class of what belongs to none.
const nothing = 255

// judge says which channel a pixel belongs to, its probability, and by how much
// it wins. p is changed.
func (s Spec) judge(p []float64) (class uint8, prob, margin float64) {
	switch s.Activation {
	case Softmax:
		most, sum := slices.Max(p), 0.0
		for i, v := range p {
			p[i] = math.Exp(v - most)
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
	case Sigmoid:
		for i, v := range p {
			p[i] = 1 / (1 + math.Exp(-v))
		}
	}
	top, second := -1, -1
	for i, v := range p {
		switch {
		case math.IsNaN(v):
			return nothing, 0, 0
		case top < 0 || v > p[top]:
			top, second = i, top
		case second < 0 || v > p[second]:
			second = i
		}
	}
	clamp := func(v float64) float64 { return math.Min(math.Max(v, 0), 1) }
	margin = 1.0
	if second >= 0 {
		margin = p[top] - p[second]
	}
	switch {
	case top == *s.Background:
		return nothing, clamp(p[top]), clamp(margin)
	case p[top] <= s.Threshold && s.Threshold > 0:
		return nothing, clamp(p[top]), clamp(s.Threshold - p[top])
	case s.Threshold > 0:
		margin = math.Min(margin, p[top]-s.Threshold)
	}
	return uint8(top), clamp(p[top]), clamp(margin)
}

// level is the field of one class on a canvas.
type level struct {
	*canvas
	of uint8
}

func (l level) size() (int, int) { return l.r.Dx(), l.r.Dy() }

func (l level) at(x, y int) float64 {
	i := y*l.r.Dx() + x
	v := float64(l.margin[i]) + 0.5 // no pixel is on the line itself
	if l.class[i] != l.of {
		return -v
	}
	return v
}

// outline makes objects of a canvas.
func (d *Model) outline(ctx context.Context, c *canvas) ([]Object, error) {
	var there [256]bool
	for _, k := range c.class {
		there[k] = true
	}
	s := float64(d.info.Stride)
	var found []Object
	for k := range nothing {
		if !there[k] {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		for _, o := range contours(level{c, uint8(k)}, d.info.Spec.LeastArea/(s*s)) {
			sum, n := 0, 0
			o.spans(func(y, x0, x1 int) {
				for x := max(x0, 0); x < min(x1, c.r.Dx()) && y >= 0 && y < c.r.Dy(); x++ {
					if i := y*c.r.Dx() + x; c.class[i] == uint8(k) {
						sum, n = sum+int(c.prob[i]), n+1
					}
				}
			})
			found = append(found, Object{Class: k, Score: float64(sum) / float64(255*max(n, 1)), Outline: o.placed(c.r.Min, s)})
		}
	}
	return found, nil
}

// placed brings an outline from a canvas into the model's plane.
func (o Outline) placed(origin image.Point, stride float64) Outline {
	move := func(r Ring) Ring {
		for i, p := range r {
			r[i] = Point{(p.X + float64(origin.X)) * stride, (p.Y + float64(origin.Y)) * stride}
		}
		return r
	}
	move(o.Outer)
	for _, h := range o.Holes {
		move(h)
	}
	return o
}

// stars collects candidates of a star model.
func (d *Model) stars(ctx context.Context, out image.Rectangle) (func(t seen, at, use image.Rectangle) error, func() ([]Object, error)) {
	var all []star
	s, stride := d.info.Spec, float64(d.info.Stride)
	take := func(t seen, at, use image.Rectangle) error {
		rays := t.dist.channels
		if t.dist.w != t.prob.w || t.dist.h != t.prob.h || d.class != "" && (t.class.w != t.prob.w || t.class.h != t.prob.h) {
			return fmt.Errorf("dense: maps of different sizes")
		}
		for y := use.Min.Y; y < use.Max.Y; y++ {
			for x := use.Min.X; x < use.Max.X; x++ {
				tx, ty := x-at.Min.X, y-at.Min.Y
				p := float64(t.prob.at(0, tx, ty))
				if s.Activation == Sigmoid {
					p = 1 / (1 + math.Exp(-p))
				}
				if !(p > s.Threshold) || p > 1.001 {
					continue
				}
				if len(all) >= maxCandidates {
					return fmt.Errorf("%w: more than %d million pixels may be in an object", ErrTooLarge, maxCandidates>>20)
				}
				o := star{x: float64(x)*stride + 0.5, y: float64(y)*stride + 0.5, score: math.Min(p, 1), rays: make([]float32, rays)}
				for k := range rays {
					v := t.dist.at(k, tx, ty)
					if !(v > 1e-3) { // as stardist does with what no object can have
						v = 1e-3
					}
					o.rays[k] = min(v, maxMargin)
				}
				o.class = t.classAt(tx, ty, *s.Background)
				all = append(all, o)
			}
		}
		return nil
	}
	return take, func() ([]Object, error) {
		kept, rings, err := suppress(all, s.Overlap, func(int) error { return context.Cause(ctx) })
		if err != nil {
			return nil, err
		}
		var found []Object
		for i, o := range kept {
			if math.Abs(rings[i].Area()) >= s.LeastArea {
				found = append(found, Object{Class: int(o.class), Score: o.score, Outline: Outline{Outer: rings[i]}})
			}
		}
		return found, nil
	}
}

// classAt is the likeliest class but the background of a star model; 0 of one
// without classes.
func (t seen) classAt(x, y, background int) uint8 {
	best := -1
	for k := range t.class.channels {
		if k != background && (best < 0 || t.class.at(k, x, y) > t.class.at(best, x, y)) {
			best = k
		}
	}
	return uint8(max(best, 0))
}
