package dense

import (
	"context"
	"errors"
	"fmt"
	"image"
	"sync"

	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/preprocess"
)

// Info says what a dense model is. It is stored beside all that it finds.
type Info struct {
	Name         string
	Hash         string // sha256 in hex over the model's files, the preprocessing and the reading
	Architecture string
	License      string
	Note         string // a warning to be shown with every result
	Untrained    bool
	MPP          float64 // µm per pixel of the model; 0 = not fixed
	Preprocess   string
	Spec         Spec // with its defaults
	Side         int  // pixels of a tile
	Margin       int  // pixels of it on each side that are not used
	Step         int  // tiles begin at multiples of so many pixels
	Stride       int  // pixels of the model a number of the output
	Guessed      bool // the margin is a guess: seams may show
}

// Options of New.
type Options struct {
	Info  Info
	Side  int    // pixels of a tile; 0 = as the model fixes it, else 512
	Field *Field // what Receptive found; nil = not known
	Input string // name; "" = the only one
}

// Object is what a model found.
type Object struct {
	Class   int     // index of Info().Spec.Classes
	Score   float64 // 0 … 1: of classes the mean probability inside
	Outline Outline // pixels of the model, in the plane of Run's region
}

// Model runs over regions. It is safe for concurrent use; runs take turns.
type Model struct {
	model onnx.Model
	prep  *preprocess.Prep
	info  Info
	input onnx.ValueInfo

	map1, dist, class string // outputs
	cut               int    // pixels that the output lacks on each side

	mu     sync.Mutex // one run at a time has all the threads; protects closed
	closed bool
}

// ErrTooLarge: a region whose result does not fit into memory.
var ErrTooLarge = errors.New("the region is too large for one run of the model")

// Bounds of one run.
const (
	maxPixels     = 1 << 27 // of the output: 0.5 GB of maps
	maxCandidates = 4 << 20 // of a star model
	defSide       = 512
)

// New checks that m is a dense model as o describes it, runs it once, and takes
// it over. On an error it stays the caller's.
func New(ctx context.Context, m onnx.Model, spec preprocess.Spec, o Options) (*Model, error) {
	d := &Model{model: m, info: o.Info}
	if err := o.Info.Spec.Check(); err != nil {
		return nil, fmt.Errorf("dense: %w", err)
	}
	for _, v := range m.Inputs() {
		if len(v.Shape) == 4 && v.Type == onnx.Float32 && (o.Input == "" || v.Name == o.Input) {
			d.input = v
		}
	}
	if d.input.Name == "" || len(m.Inputs()) != 1 {
		return nil, &models.UnsupportedError{File: "model", What: "it does not take one picture and nothing else"}
	}
	side := o.Side
	for i, n := range d.input.Shape {
		if n > 3 && i > 0 {
			if side != 0 && int64(side) != n && o.Side == side {
				return nil, fmt.Errorf("dense: the model takes tiles of %d pixels, not %d", n, side)
			}
			side = int(n)
		}
	}
	if side == 0 {
		side = defSide
	}
	spec.Resize, spec.Exact, spec.Torchvision, spec.Crop = 0, false, false, side
	if c := d.input.Shape; c[3] == 3 && c[1] != 3 {
		spec.NHWC = true
	}
	var err error
	if d.prep, err = preprocess.New(spec); err != nil {
		return nil, err
	}
	d.info.Side, d.info.Preprocess = side, d.prep.Spec().ID()
	return d, d.trial(ctx, o.Field)
}

// trial runs the model on a grey tile and reads off what it gives.
func (d *Model) trial(ctx context.Context, f *Field) error {
	grey := image.NewRGBA(image.Rect(0, 0, d.info.Side, d.info.Side))
	for i := range grey.Pix {
		grey.Pix[i] = 160
	}
	if err := d.outputs(); err != nil {
		return err
	}
	t, err := d.see(ctx, grey)
	if err != nil {
		return fmt.Errorf("dense: the model fails on a grey tile: %w", err)
	}
	s := &d.info.Spec
	channels := t.prob.channels
	if s.Kind == Star {
		if t.prob.channels != 1 || t.dist.channels < 3 || t.dist.channels > 1024 || t.dist.w != t.prob.w || t.dist.h != t.prob.h {
			return &models.UnsupportedError{File: "model", What: fmt.Sprintf("its outputs have %d and %d channels: a star model has one of probability and one a ray", t.prob.channels, t.dist.channels)}
		}
		channels = max(t.class.channels, 1)
	}
	if channels > maxClasses {
		return &models.UnsupportedError{File: "model", What: fmt.Sprintf("%d classes, at most %d", channels, maxClasses)}
	}
	if len(s.Classes) > channels {
		return fmt.Errorf("dense: %d classes are named, the model has %d channels", len(s.Classes), channels)
	}
	*s = s.filled(channels)
	if *s.Background >= channels {
		return fmt.Errorf("dense: the background is channel %d of %d", *s.Background, channels)
	}
	return d.measure(t.prob.w, t.prob.h, f)
}

// measure finds stride, margin and step.
func (d *Model) measure(w, h int, f *Field) error {
	side, i := d.info.Side, &d.info
	switch {
	case w != h || w < 1 || w > side:
		return &models.UnsupportedError{File: "model", What: fmt.Sprintf("it makes %d × %d numbers of %d × %d pixels", w, h, side, side)}
	case side%w == 0:
		i.Stride = side / w
	case (side-w)%2 == 0:
		i.Stride, d.cut = 1, (side-w)/2
	default:
		return &models.UnsupportedError{File: "model", What: fmt.Sprintf("it makes %d numbers of %d pixels, which is neither a step nor a border", w, side)}
	}
	i.Step, i.Margin = i.Spec.Multiple, i.Spec.Margin
	if i.Step == 0 {
		i.Step = 32
		if f != nil {
			i.Step = f.Step
		}
	}
	for i.Step%i.Stride != 0 {
		i.Step *= 2 // of powers of two soon a multiple
		if i.Step > maxMargin {
			return fmt.Errorf("dense: tiles at multiples of %d pixels, of which the model makes one number of %d", i.Spec.Multiple, i.Stride)
		}
	}
	if i.Margin == 0 {
		switch {
		case f != nil && 2*f.Radius+i.Step <= side:
			i.Margin = f.Radius
		default:
			i.Margin, i.Guessed = side/8, true
		}
	}
	i.Margin = max(i.Margin, d.cut)
	i.Margin = (i.Margin + i.Step - 1) / i.Step * i.Step
	if 2*i.Margin+i.Step > side {
		return &models.UnsupportedError{File: "model", What: fmt.Sprintf("tiles of %d pixels leave nothing between margins of %d", side, i.Margin),
			Hint: "state a larger patch_size, or a smaller margin"}
	}
	return nil
}

// Info says what the model is.
func (d *Model) Info() Info { return d.info }

// Computed is what computes the model, and why it is not what was asked for.
func (d *Model) Computed() (onnx.Provider, string) { return d.model.Computed() }

// Close closes the graph; a run in progress is waited for.
func (d *Model) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.model.Close()
}

// outputs finds the outputs by name, or by their shapes.
func (d *Model) outputs() error {
	s := &d.info.Spec
	has := map[string]onnx.ValueInfo{}
	var fit []string
	for _, v := range d.model.Outputs() {
		has[v.Name] = v
		if len(v.Shape) == 4 && (v.Type == onnx.Float32 || v.Type == onnx.Float16) {
			fit = append(fit, v.Name)
		}
	}
	d.map1, d.dist, d.class = s.Output, s.DistOutput, s.ClassOutput
	switch {
	case d.map1 != "":
	case s.Kind == Classes && len(fit) > 0:
		d.map1 = fit[0] // those that follow are deep supervision
	case s.Kind == Star && len(fit) >= 2:
		d.map1, d.dist = fit[0], fit[1]
		if c := has[d.map1].Shape; c[1] != 1 && c[3] != 1 { // the probability has one channel
			d.map1, d.dist = d.dist, d.map1
		}
	default:
		return &models.UnsupportedError{File: "model", What: "it has no output with a number for every pixel"}
	}
	for _, name := range []string{d.map1, d.dist, d.class} {
		if v, ok := has[name]; name != "" && (!ok || len(v.Shape) != 4) {
			return &models.UnsupportedError{File: "model", What: fmt.Sprintf("it has no output %q with a number for every pixel", name)}
		}
	}
	return nil
}

// plane is one output of a tile: channel by channel, row by row.
type plane struct {
	data           []float32
	channels, w, h int
	last           bool // channels are the last dimension
}

func (p *plane) at(c, x, y int) float32 {
	if p.last {
		return p.data[(y*p.w+x)*p.channels+c]
	}
	return p.data[(c*p.h+y)*p.w+x]
}

// seen is what the model says of a tile.
type seen struct{ prob, dist, class plane }

// see runs the model over a tile.
func (d *Model) see(ctx context.Context, tile *image.RGBA) (seen, error) {
	var t seen
	data := make([]float32, d.prep.Len())
	if err := d.prep.Apply(tile, data); err != nil {
		return t, err
	}
	side := int64(d.info.Side)
	shape := []int64{1, 3, side, side}
	if d.prep.Spec().NHWC {
		shape = []int64{1, side, side, 3}
	}
	names := []string{d.map1}
	for _, name := range []string{d.dist, d.class} {
		if name != "" {
			names = append(names, name)
		}
	}
	out, err := d.model.RunOutputs(ctx, map[string]onnx.Tensor{d.input.Name: onnx.NewTensor(data, shape...)}, names)
	if err != nil {
		return t, err
	}
	for name, p := range map[string]*plane{d.map1: &t.prob, d.dist: &t.dist, d.class: &t.class} {
		if name == "" {
			continue
		}
		if *p, err = d.planeOf(out[name]); err != nil {
			return t, fmt.Errorf("dense: output %q: %w", name, err)
		}
	}
	return t, nil
}

func (d *Model) planeOf(t onnx.Tensor) (plane, error) {
	data, ok := t.Data.([]float32)
	if half, is := t.Data.([]onnx.Half); is {
		ok = true
		data = make([]float32, len(half))
		for i, h := range half {
			data[i] = h.Float32()
		}
	}
	s := t.Shape
	if !ok || len(s) != 4 || s[0] != 1 || len(data) == 0 {
		return plane{}, fmt.Errorf("%s of shape %v is no map", t.Type(), s)
	}
	p := plane{data: data, channels: int(s[1]), h: int(s[2]), w: int(s[3]), last: d.info.Spec.ChannelsLast}
	if p.last || s[3] < s[1] && s[1] == s[2] { // as TensorFlow writes it
		p = plane{data: data, h: int(s[1]), w: int(s[2]), channels: int(s[3]), last: true}
	}
	return p, nil
}
