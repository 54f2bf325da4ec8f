package generate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/generate"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
	"coverslip/models/tower"
	"coverslip/models/weights"
)

// reference is what testdata/texts.py wrote of a model.
type reference struct {
	Config  map[string]any `json:"config"`
	Image   int            `json:"image"`
	Start   int64          `json:"start"`
	End     int64          `json:"end"`
	Weights [][]any        `json:"weights"`
	Runs    []struct {
		Picture int            `json:"picture"`
		Options map[string]any `json:"options"`
		Tokens  []int64        `json:"tokens"`
		Score   *float64       `json:"score"`
	} `json:"runs"`
}

func read(t *testing.T, name string) *reference {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "references", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// folder writes the model as a user has it.
func (r *reference) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var list []modeltest.Weight
	for _, w := range r.Weights {
		var shape []int64
		for _, d := range w[1].([]any) {
			shape = append(shape, int64(d.(float64)))
		}
		list = append(list, modeltest.Weight{Name: w[0].(string), Shape: shape, Base: w[2].(float64), Spread: w[3].(float64)})
	}
	modeltest.WriteSafetensors(t, filepath.Join(dir, "model.safetensors"), list)
	return dir
}

// settings are those of one run.
func (r *reference) settings(options map[string]any) generate.Settings {
	s := generate.ReadSettings(tower.Settings(numbers(options)), tower.Settings{})
	s.Start, s.End, s.Pad = []int64{r.Start}, []int64{r.End}, 0
	return s
}

// numbers writes numbers as a JSON decoder that keeps their digits gives them.
func numbers(m map[string]any) map[string]any {
	b, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	s, err := tower.ReadSettings(strings.NewReader(string(b)))
	if err != nil {
		return nil
	}
	return s
}

// picture draws the bytes that texts.py draws.
func picture(i, size int) *image.RGBA {
	h := fnv.New64a()
	fmt.Fprintf(h, "picture%d", i)
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for p := range size * size {
		for c := range 3 {
			v := math.Floor((modeltest.Draw(h.Sum64(), uint64(3*p+c)) + 1) * 128)
			img.Pix[4*p+c] = uint8(min(max(v, 0), 255))
		}
		img.Pix[4*p+3] = 255
	}
	return img
}

// spell is a Words that writes the numbers themselves.
type spell struct{}

func (spell) Decode(ids []int64) string         { return strings.Trim(fmt.Sprint(ids), "[]") }
func (spell) Encode(text string, _ int) []int64 { return nil }

func half(size int) preprocess.Spec {
	return preprocess.Spec{Crop: size, Scale: 1.0 / 255, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}}
}

// parts loads the graphs that tower writes.
func parts(t *testing.T, r *reference, change func(rt onnx.Engine, p *generate.Parts, w *tower.Writer, o onnx.SessionOptions)) generate.Parts {
	t.Helper()
	rt := modeltest.Runtime(t)
	dir := r.folder(t)
	set, err := weights.Open(dir, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	w, err := tower.Captioner(set, tower.Settings(numbers(r.Config)))
	if err != nil {
		t.Fatal(err)
	}
	o := onnx.SessionOptions{Threads: 1, DataFolder: dir}
	var p generate.Parts
	for _, part := range []struct {
		graph []byte
		at    *onnx.Model
	}{{w.Encoder, &p.Encoder}, {w.Decoder, &p.First}} {
		if *part.at, err = rt.NewSession(part.graph, o); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(rt, &p, w, o)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func captioner(t *testing.T, r *reference, p generate.Parts, s generate.Settings) *generate.Captioner {
	t.Helper()
	c, err := generate.New(p, spell{}, half(r.Image), generate.Info{Name: "tiny", Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCaptioner_EqualsTransformers: the tokens of transformers' generate, with
// and without the cache, greedy and by beams.
func TestCaptioner_EqualsTransformers(t *testing.T) {
	for _, name := range []string{"vit_gpt2", "vit_bert", "blip"} {
		t.Run(name, func(t *testing.T) {
			r := read(t, name)
			p, ended := parts(t, r, nil), 0
			for _, run := range r.Runs {
				c := captioner(t, r, p, r.settings(run.Options))
				if !c.Info().Cache {
					t.Fatal("it has no cache")
				}
				for _, without := range []bool{false, true} {
					got, err := c.Caption(t.Context(), picture(run.Picture, r.Image), generate.Options{NoCache: without})
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got.Tokens, run.Tokens) {
						t.Errorf("picture %d, %v, without cache %v:\n%v, transformers\n%v", run.Picture, run.Options, without, got.Tokens, run.Tokens)
					}
					if run.Score != nil && math.Abs(got.Score-*run.Score) > 1e-4 {
						t.Errorf("picture %d, %v: score %v, transformers %v", run.Picture, run.Options, got.Score, *run.Score)
					}
					if !got.Generated {
						t.Error("a text that is not marked as generated")
					}
				}
				if run.Tokens[len(run.Tokens)-1] == r.End {
					ended++
				}
			}
			if ended == 0 || ended == len(r.Runs) {
				t.Errorf("%d of %d texts end: the test sees one kind only", ended, len(r.Runs))
			}
		})
	}
}

// firstOf is a decoder without a past made of one with it, as decoder_model.onnx
// is: the past is of length zero. It gives no cache when plain.
func firstOf(t *testing.T, b []byte, plain bool) *onnxfile.Model {
	t.Helper()
	m, err := onnxfile.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	var in []onnxfile.Value
	var nodes []onnxfile.Node
	for _, v := range m.Graph.Inputs {
		if !strings.HasPrefix(v.Name, "past_key_values.") {
			in = append(in, v)
			continue
		}
		batch, shape := v.Name+".n", v.Name+".shape"
		if len(nodes) == 0 {
			m.Graph.Initialisers = append(m.Graph.Initialisers, whole("zero", 0), whole("one", 1))
		}
		m.Graph.Initialisers = append(m.Graph.Initialisers, whole(v.Name+".rest", v.Dims[1].Size, 0, v.Dims[3].Size))
		nodes = append(nodes,
			onnxfile.Node{Op: "Shape", Inputs: []string{"input_ids"}, Outputs: []string{v.Name + ".ids"}},
			onnxfile.Node{Op: "Slice", Inputs: []string{v.Name + ".ids", "zero", "one", "zero"}, Outputs: []string{batch}},
			onnxfile.Node{Op: "Concat", Inputs: []string{batch, v.Name + ".rest"}, Outputs: []string{shape}, Attributes: []onnxfile.Attribute{onnxfile.Int("axis", 0)}},
			onnxfile.Node{Op: "ConstantOfShape", Inputs: []string{shape}, Outputs: []string{v.Name}})
	}
	m.Graph.Inputs, m.Graph.Nodes = in, append(nodes, m.Graph.Nodes...)
	if plain {
		m.Graph.Outputs = slices.DeleteFunc(m.Graph.Outputs, func(v onnxfile.Value) bool { return strings.HasPrefix(v.Name, "present") })
	}
	return m
}

func whole(name string, v ...int64) onnxfile.Tensor {
	var raw []byte
	for _, x := range v {
		for s := 0; s < 64; s += 8 {
			raw = append(raw, byte(uint64(x)>>s))
		}
	}
	return onnxfile.Tensor{Name: name, Type: onnxfile.Int64, Dims: []int64{int64(len(v))}, Raw: raw}
}

// merged is decoder_model_merged.onnx as Optimum makes it of the two: one graph
// that does either, as use_cache_branch says, over the same weights.
func merged(t *testing.T, b []byte) *onnxfile.Model {
	t.Helper()
	next, err := onnxfile.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	first := firstOf(t, b, false)
	out := &onnxfile.Model{IRVersion: next.IRVersion, Opsets: next.Opsets}
	out.Graph.Name, out.Graph.Inputs = "merged", append(slices.Clone(next.Graph.Inputs), onnxfile.Value{Name: "use_cache_branch", Type: onnxfile.Bool, Dims: []onnxfile.Dim{onnxfile.Fixed(1)}})
	out.Graph.Outputs, out.Graph.Initialisers = next.Graph.Outputs, first.Graph.Initialisers
	branch := func(g onnxfile.Graph, mark string) *onnxfile.Graph {
		names := map[string]string{}
		for i := range g.Nodes {
			for j, name := range g.Nodes[i].Outputs {
				names[name] = mark + name
				g.Nodes[i].Outputs[j] = mark + name
			}
		}
		for i := range g.Nodes {
			for j, name := range g.Nodes[i].Inputs {
				if to, ok := names[name]; ok {
					g.Nodes[i].Inputs[j] = to
				}
			}
		}
		g.Inputs, g.Initialisers = nil, nil
		g.Outputs = slices.Clone(g.Outputs)
		for i := range g.Outputs {
			g.Outputs[i].Name = mark + g.Outputs[i].Name
		}
		return &g
	}
	var gives []string
	for _, v := range next.Graph.Outputs {
		gives = append(gives, v.Name)
	}
	out.Graph.Nodes = []onnxfile.Node{{Op: "If", Inputs: []string{"use_cache_branch"}, Outputs: gives, Attributes: []onnxfile.Attribute{
		{Name: "then_branch", Kind: onnxfile.KindGraph, Graph: branch(next.Graph, "next.")},
		{Name: "else_branch", Kind: onnxfile.KindGraph, Graph: branch(first.Graph, "first.")},
	}}}
	return out
}

// TestCaptioner_Layouts: the same tokens from each of the ways in which a
// decoder is exported.
func TestCaptioner_Layouts(t *testing.T) {
	r := read(t, "vit_gpt2")
	for _, layout := range []string{"decoder without a cache", "decoder and decoder with past", "decoder merged"} {
		t.Run(layout, func(t *testing.T) {
			p := parts(t, r, func(rt onnx.Engine, p *generate.Parts, w *tower.Writer, o onnx.SessionOptions) {
				var m *onnxfile.Model
				switch layout {
				case "decoder without a cache":
					if err := p.First.Close(); err != nil {
						t.Fatal(err)
					}
					m = firstOf(t, w.Decoder, true)
				case "decoder and decoder with past":
					p.Next, m = p.First, firstOf(t, w.Decoder, false)
				default:
					if err := p.First.Close(); err != nil {
						t.Fatal(err)
					}
					m = merged(t, w.Decoder)
				}
				var err error
				if p.First, err = rt.NewSession(m.Marshal(), o); err != nil {
					t.Fatal(err)
				}
			})
			for _, i := range []int{8, 9, 4, 11} {
				run := r.Runs[i]
				c := captioner(t, r, p, r.settings(run.Options))
				if c.Info().Cache == (layout == "decoder without a cache") {
					t.Errorf("cache: %v", c.Info().Cache)
				}
				for _, without := range []bool{false, true} {
					got, err := c.Caption(t.Context(), picture(run.Picture, r.Image), generate.Options{NoCache: without})
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got.Tokens, run.Tokens) {
						t.Errorf("%v, without cache %v: %v, not %v", run.Options, without, got.Tokens, run.Tokens)
					}
				}
			}
		})
	}
}

func TestCaptioner_Caption_TellsStopsAndRefuses(t *testing.T) {
	r := read(t, "vit_gpt2")
	c := captioner(t, r, parts(t, r, nil), r.settings(map[string]any{"max_length": 12, "min_length": 9}))
	var told []string
	got, err := c.Caption(t.Context(), picture(0, r.Image), generate.Options{Told: func(s string) { told = append(told, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) < 2 || told[len(told)-1] != got.Text {
		t.Errorf("told %q of %q", told, got.Text)
	}
	if short, err := c.Caption(t.Context(), picture(0, r.Image), generate.Options{MaxLength: 4, Beams: 2}); err != nil || len(short.Tokens) > 4 {
		t.Errorf("at most four tokens: %v, %v", short.Tokens, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	_, err = c.Caption(ctx, picture(0, r.Image), generate.Options{Told: func(string) { cancel(why) }})
	if !errors.Is(err, why) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := c.Caption(t.Context(), image.NewRGBA(image.Rect(0, 0, 4, 5)), generate.Options{}); !errors.Is(err, models.ErrPatch) {
		t.Errorf("oblong: %v", err)
	}
	if _, err := c.Caption(t.Context(), picture(0, r.Image), generate.Options{Beams: 99}); !errors.Is(err, generate.ErrSettings) {
		t.Errorf("99 beams: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Caption(t.Context(), picture(0, r.Image), generate.Options{}); !errors.Is(err, models.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
