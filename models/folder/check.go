package folder

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"time"

	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// Report is the verdict on a model folder, for people and for JSON.
type Report struct {
	Path        string   `json:"path"`
	File        string   `json:"file,omitempty"`
	Bytes       int64    `json:"bytes,omitempty"`
	SHA256      string   `json:"sha256,omitempty"` // of the model file and its external weights
	Described   bool     `json:"described"`        // there is a model.json
	Kind        Kind     `json:"kind,omitempty"`
	Known       string   `json:"known_as,omitempty"` // name in the catalogue
	Access      string   `json:"access,omitempty"`   // of the weights: open, or gated by their makers
	Makes       string   `json:"architecture,omitempty"`
	Weights     int64    `json:"weights,omitempty"`         // numbers, when the folder holds them
	PrepFrom    string   `json:"preprocess_from,omitempty"` // the file that states it, the catalogue, or a guess
	Pooling     string   `json:"pooling,omitempty"`
	Classes     []string `json:"classes,omitempty"`
	Text        string   `json:"text,omitempty"`      // the text side's architecture; empty when there is none
	Tokenizer   string   `json:"tokenizer,omitempty"` // of texts
	Templates   []string `json:"templates,omitempty"` // of its makers
	Writes      string   `json:"writes,omitempty"`    // architecture of the part that writes texts; empty when there is none
	WritesBy    string   `json:"writes_by,omitempty"` // settings of its search
	Dense       string   `json:"dense,omitempty"`     // of a model that says something of every pixel, how it is run
	Name        string   `json:"name,omitempty"`
	License     string   `json:"license,omitempty"`
	Producer    string   `json:"producer,omitempty"`
	Operators   string   `json:"operators,omitempty"` // operator sets, such as "17, com.microsoft 1"
	Nodes       int      `json:"nodes,omitempty"`
	External    []string `json:"external,omitempty"`
	Inputs      []string `json:"inputs,omitempty"`
	Outputs     []string `json:"outputs,omitempty"`
	Preprocess  string   `json:"preprocess,omitempty"`
	PatchSize   int      `json:"patch_size,omitempty"`
	MPP         float64  `json:"mpp,omitempty"`
	Dim         int      `json:"dim,omitempty"`
	Runtime     string   `json:"runtime,omitempty"` // version; empty when there is none
	PatchesASec float64  `json:"patches_per_second,omitempty"`
	SelfTest    []Result `json:"self_test,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
	Problem     string   `json:"problem,omitempty"`      // why it cannot be used; empty when it can
	Err         error    `json:"-"`                      // the same as an error
	Encoder     string   `json:"encoder_hash,omitempty"` // what embeddings are kept under
}

// Result is one line of the self-test.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// OK says whether the model can be used and passed its self-test.
func (r *Report) OK() bool {
	return r.Err == nil && !slices.ContainsFunc(r.SelfTest, func(t Result) bool { return !t.OK })
}

// Check inspects a model folder or file and, when ONNX Runtime is found, runs
// a self-test. Without it the report says so in Warnings.
func Check(path string) Report {
	library, _, err := onnx.Find("")
	if err != nil {
		return CheckWith(nil, path)
	}
	rt, err := onnx.Load(library)
	if err != nil {
		return CheckWith(nil, path)
	}
	r := CheckWith(rt, path)
	if err := rt.Close(); err != nil && r.Err == nil {
		r.fail(err)
	}
	return r
}

// CheckWith is Check with a runtime of the caller's; nil skips the self-test.
func CheckWith(rt onnx.Engine, path string) Report {
	r := Report{Path: path}
	w, noWriter := findWriter(path)
	if noWriter == nil && w.alone() {
		return checkWriter(rt, w, path)
	}
	s, err := find(path)
	if err != nil {
		r.fail(err)
		return r
	}
	r.describe(s)
	if s.denseSpec() != nil {
		r.checkDense(rt, s)
		return r
	}
	o, err := s.options()
	if err != nil {
		r.fail(err)
		return r
	}
	r.SHA256 = s.sum
	r.Name, r.License, r.MPP = o.Name, o.License, o.MPP
	r.Preprocess, r.PatchSize = o.Prep.ID(), o.Prep.Crop
	if o.Patch > 0 {
		r.PatchSize = o.Patch
	}
	r.describeLibrary(s)
	if o.Note != "" {
		r.Warnings = append(r.Warnings, o.Note)
	}
	if o.Untrained {
		r.Warnings = append(r.Warnings, "the weights are random: the model is untrained")
	}
	if s.graph != nil && dynamic(s.graph) {
		r.Warnings = append(r.Warnings, "quantised while it runs: patches are fed one by one, so that they do not influence each other")
	}
	if rt == nil {
		r.Warnings = append(r.Warnings, "not tried out: ONNX Runtime is not installed")
		return r
	}
	r.Runtime = rt.Version()
	if w := rt.Warning(); w != "" {
		r.Warnings = append(r.Warnings, w)
	}
	e, err := s.open(rt)
	if err != nil {
		r.fail(err)
		return r
	}
	r.Encoder, r.Dim = e.Info().Hash, e.Info().Dim
	r.selfTest(e)
	if err := e.Close(); err != nil {
		r.fail(err)
	}
	if r.Text != "" {
		r.textTest(rt, path)
	}
	switch {
	case noWriter == nil:
		r.writes(rt, w)
	case !errors.Is(noWriter, models.ErrNoModel):
		r.Warnings = append(r.Warnings, "it cannot write: "+noWriter.Error())
	}
	return r
}

func (r *Report) fail(err error) {
	r.Err, r.Problem = err, err.Error()
}

// describe copies what the file says about itself.
func (r *Report) describe(s *source) {
	r.File, r.Bytes, r.SHA256, r.Described = s.file, s.size, s.sum, s.desc != nil
	r.External = s.files
	if s.graph == nil {
		return
	}
	r.Producer = s.graph.Producer
	for i, o := range s.graph.Opsets {
		if i > 0 {
			r.Operators += ", "
		}
		if o.Domain != "" {
			r.Operators += o.Domain + " "
		}
		r.Operators += fmt.Sprint(o.Version)
	}
	s.graph.Graph.Walk(func(*onnxfile.Node) bool { r.Nodes++; return true })
	for _, v := range realInputs(&s.graph.Graph) {
		r.Inputs = append(r.Inputs, fmt.Sprintf("%s %s%v", v.Name, onnx.ElementType(v.Type), v.Dims))
	}
	for _, v := range s.graph.Graph.Outputs {
		r.Outputs = append(r.Outputs, fmt.Sprintf("%s %s%v", v.Name, onnx.ElementType(v.Type), v.Dims))
	}
}

// selfTestTime is enough for the largest encoders on a slow processor.
const selfTestTime = 5 * time.Minute

var errTooSlow = errors.New("the self-test took longer than five minutes")

// selfTest feeds patches of which something is known.
func (r *Report) selfTest(e models.Encoder) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), selfTestTime, errTooSlow)
	defer cancel()
	size := e.Info().PatchSize
	white, pink, checks := paint(size, 0), paint(size, 1), paint(size, 2)
	start := time.Now()
	together, err := e.Encode(ctx, []*image.RGBA{white, pink, checks})
	r.add("runs", err, fmt.Sprintf("embeddings of %d numbers", e.Info().Dim))
	if err != nil {
		return
	}
	r.PatchesASec = 3 / time.Since(start).Seconds()
	alone, err := e.Encode(ctx, []*image.RGBA{checks})
	if err == nil {
		var again [][]float32
		if again, err = e.Encode(ctx, []*image.RGBA{checks}); err == nil && !slices.Equal(again[0], alone[0]) {
			err = errors.New("the same patch gave two different embeddings: the model is random when it runs")
		}
	}
	r.add("repeats", err, "the same bits twice")
	if alone != nil {
		err = nil
		if c := models.Dot(alone[0], together[2]); c < 0.99999 {
			err = fmt.Errorf("a patch's embedding changes with its batch (cosine %.6f)", c)
		}
	}
	r.add("does not look at neighbours", err, "alone as in a batch")
	err = nil
	if c := models.Dot(together[0], together[2]); c > 0.999999 {
		err = fmt.Errorf("glass and a strong pattern have the same embedding (cosine %.6f)", c)
	}
	r.add("tells patches apart", err, fmt.Sprintf("cosine of glass and a pattern: %.3f", models.Dot(together[0], together[2])))
}

func (r *Report) add(name string, err error, detail string) {
	if err != nil {
		detail = err.Error()
	}
	r.SelfTest = append(r.SelfTest, Result{Name: name, OK: err == nil, Detail: detail})
}

// paint makes glass, pink tissue, or purple checks.
func paint(size, kind int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for i := range size * size {
		p := img.Pix[4*i : 4*i+4]
		x, y := i%size, i/size
		switch {
		case kind == 0:
			p[0], p[1], p[2] = 243, 243, 243
		case kind == 2 && (x/8+y/8)%2 == 0:
			p[0], p[1], p[2] = 90, 50, 130
		default:
			p[0], p[1], p[2] = 225, 160, 200
		}
		p[3] = 255
	}
	return img
}
