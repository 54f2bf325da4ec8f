package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/models/encoder"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/preprocess"
	"coverslip/models/vit"
	"coverslip/models/worker"
	"coverslip/storage"
	"coverslip/tiles/formats"
	"coverslip/tiles/peertest"
	"coverslip/tiles/synth"
)

func TestMain(m *testing.M) {
	if worker.IsWorker(os.Args) {
		os.Exit(worker.Main())
	}
	if Inside(os.Getenv) {
		os.Exit(ServeInside(os.Getenv, os.Stdout))
	}
	if path := os.Getenv(exportInside); path != "" {
		exportForever(path)
	}
	os.Exit(m.Run())
}

// peerModels are the sizes that people use, with seeded weights. The first is
// PLIP's, the last that of UNI.
var peerModels = []struct {
	name   string
	config vit.Config
	turns  int
}{
	{"ViT-B/32", vit.Config{Image: 224, Patch: 32, Dim: 768, Depth: 12, Heads: 12, Hidden: 3072, Seed: 1}, 7},
	{"ViT-B/16", vit.Config{Image: 224, Patch: 16, Dim: 768, Depth: 12, Heads: 12, Hidden: 3072, Seed: 1}, 5},
	{"ViT-L/16", vit.Config{Image: 224, Patch: 16, Dim: 1024, Depth: 24, Heads: 16, Hidden: 4096, Seed: 1}, 3},
}

// peerEngine is the library in a process of its own.
func peerEngine(t *testing.T) *worker.Engine {
	t.Helper()
	path, _, err := onnx.Find("")
	if err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	e, err := worker.Start(t.Context(), worker.Options{Library: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// batchTensor is a batch of patches as the network takes them.
func batchTensor(t *testing.T, spec preprocess.Spec, n int) onnx.Tensor {
	t.Helper()
	prep, err := preprocess.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]float32, n*prep.Len())
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 224, 224))
		for k := range img.Pix {
			img.Pix[k] = uint8(k*7 + i)
		}
		if err := prep.Apply(img, data[i*prep.Len():(i+1)*prep.Len()]); err != nil {
			t.Fatal(err)
		}
	}
	return onnx.NewTensor(data, int64(n), 3, 224, 224)
}

// TestPeers_Models measures the way from the slide to the embedding against the
// runtime alone on tensors that are ready, the worker against the runtime in
// this process, and the latter against onnxruntime's own Python binding.
func TestPeers_Models(t *testing.T) {
	peertest.Start(t)
	only := os.Getenv("COVERSLIP_PEERS_MODEL")
	for _, m := range peerModels {
		if only != "" && only != m.name {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			graph, err := vit.Build(m.config)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "model.onnx")
			if err := os.WriteFile(path, graph, 0o600); err != nil {
				t.Fatal(err)
			}
			graph = nil
			apart := peerEngine(t)
			session, err := apart.NewSessionFile(path, onnx.SessionOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			t.Run("slide", func(t *testing.T) { peerSlide(t, m.name, m.config, apart, session, m.turns) })
			t.Run("worker", func(t *testing.T) { peerWorker(t, m.name, m.config, path, session, m.turns) })
			t.Run("python", func(t *testing.T) { peerPython(t, m.name, m.config, path, session, m.turns) })
			t.Run("torch", func(t *testing.T) { peerTorch(t, m.name, m.config, session, m.turns) })
		})
	}
}

// runBatches runs n batches on one session.
func runBatches(s onnx.Model, in onnx.Tensor, n int) error {
	for range n {
		if _, err := s.Run(context.Background(), map[string]onnx.Tensor{"pixel_values": in}); err != nil {
			return err
		}
	}
	return nil
}

func peerSlide(t *testing.T, name string, c vit.Config, apart *worker.Engine, session onnx.Model, turns int) {
	scene, err := synth.New(synth.Options{Width: 14000, Height: 14000, Seed: 5, MPP: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "slide.svs")
	if err := synth.Write(t.Context(), scene, path, synth.FormatSVS, nil); err != nil {
		t.Fatal(err)
	}
	slide, err := formats.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer slide.Close()
	sum := sha256.Sum256([]byte(name))
	enc, err := encoder.New(t.Context(), keepOpen{session}, encoder.Options{Name: name, ModelHash: hex.EncodeToString(sum[:]), Prep: c.Spec(), Batch: 8, MPP: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	l := slide.Levels()[0]
	g, err := newGrid(storage.Slide{Width: l.Width, Height: l.Height, MPPX: 0.5, MPPY: 0.5}, 224, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := g.tissueCells(t.Context(), slide)
	if err != nil {
		t.Fatal(err)
	}
	const per = 32
	t.Logf("%d patches with tissue", len(cells))
	s, _ := newProject(t)
	in := batchTensor(t, c.Spec(), 8)
	ours := func(i int) error {
		at := i * per % (len(cells) - per)
		e := &embedding{grid: g, info: enc.Info(), row: map[cell]int{}, stored: &storage.Embeddings{Dim: enc.Info().Dim}}
		err := s.compute(t.Context(), e, slide, enc, cells[at:at+per], 0, per, nil)
		if err == nil && e.report.Embedded != per {
			err = fmt.Errorf("%d of %d patches", e.report.Embedded, per)
		}
		return err
	}
	peer := func(int) error { return runBatches(session, in, per/8) }
	what := "slide to embedding, " + name
	note := "32 patches of 224 pixels at 0.5 µm out of JPEG tiles, to vectors; the peer is the runtime alone on the same number of tensors that are ready"
	recordCPU(t, what, note, apart.PID(), 0.95, ours, peer)
	if os.Getenv("COVERSLIP_PEERS_CPU") == "" { // on a busy machine wall time says nothing
		peertest.Measure(t, peertest.Case{Name: what, Note: note, Turns: turns, GoalWall: 0.95, NoCPU: true, Ours: ours, Peer: peer})
	}
}

// keepOpen is a session that its encoder does not close.
type keepOpen struct{ onnx.Model }

func (keepOpen) Close() error { return nil }

func peerWorker(t *testing.T, name string, c vit.Config, path string, apart onnx.Model, turns int) {
	rt := modeltest.Runtime(t)
	here, err := rt.NewSessionFile(path, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	in := batchTensor(t, c.Spec(), 8)
	peertest.Measure(t, peertest.Case{Name: "worker, " + name, Note: "a batch of 8 in the process for models; the peer is the same in this process",
		Turns: 2*turns + 1, PerTurn: 2, GoalWall: 0.99, NoCPU: true,
		Ours: func(int) error { return runBatches(apart, in, 1) },
		Peer: func(int) error { return runBatches(here, in, 1) }})
}

// asked is a Python program that does its work once a line.
func asked(t *testing.T, script string, args ...string) func(int) error {
	t.Helper()
	python := os.Getenv("COVERSLIP_PYTHON")
	if python == "" {
		python = "python3"
	}
	cmd := exec.Command(python, append([]string{"-c", script}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("needs %s: %v", python, err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "ready") {
		t.Skipf("needs %s with what the script imports: %q %v", python, first, err)
	}
	t.Log(strings.TrimSpace(first))
	return func(int) error {
		if _, err := io.WriteString(in, "go\n"); err != nil {
			return err
		}
		_, err := lines.ReadString('\n')
		return err
	}
}

const pythonORT = `
import sys, numpy as np, onnxruntime as ort
o = ort.SessionOptions()
o.add_session_config_entry("session.intra_op.allow_spinning", "0")
s = ort.InferenceSession(sys.argv[1], o, providers=["CPUExecutionProvider"])
x = np.random.RandomState(0).randn(8, 3, 224, 224).astype(np.float32)
print("ready onnxruntime", ort.__version__, flush=True)
for line in sys.stdin:
    s.run(None, {"pixel_values": x})
    print("done", flush=True)
`

func peerPython(t *testing.T, name string, c vit.Config, path string, apart onnx.Model, turns int) {
	peer := asked(t, pythonORT, path)
	in := batchTensor(t, c.Spec(), 8)
	peertest.Measure(t, peertest.Case{Name: "against onnxruntime for Python, " + name, Note: "a batch of 8; the versions of the libraries are in the log",
		Turns: 2*turns + 1, PerTurn: 2, GoalWall: 0.98, NoCPU: true,
		Ours: func(int) error { return runBatches(apart, in, 1) }, Peer: peer})
}

const pythonTorch = `
import sys, torch, torch.nn as nn, torch.nn.functional as F
patch, dim, depth, heads, hidden = map(int, sys.argv[1:6])
class Block(nn.Module):
    def __init__(s):
        super().__init__()
        s.n1, s.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        s.qkv, s.proj = nn.Linear(dim, 3*dim), nn.Linear(dim, dim)
        s.fc1, s.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
    def forward(s, x):
        b, n, _ = x.shape
        q, k, v = s.qkv(s.n1(x)).reshape(b, n, 3, heads, dim//heads).permute(2, 0, 3, 1, 4)
        x = x + s.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, dim))
        return x + s.fc2(F.gelu(s.fc1(s.n2(x))))
class ViT(nn.Module):
    def __init__(s):
        super().__init__()
        s.embed = nn.Conv2d(3, dim, patch, patch)
        s.pos = nn.Parameter(torch.randn(1, (224//patch)**2+1, dim)*.02)
        s.cls = nn.Parameter(torch.zeros(1, 1, dim))
        s.blocks = nn.Sequential(*[Block() for _ in range(depth)])
        s.norm = nn.LayerNorm(dim)
    def forward(s, x):
        x = s.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([s.cls.expand(len(x), -1, -1), x], 1) + s.pos
        return s.norm(s.blocks(x))[:, 0]
torch.manual_seed(0)
m = ViT().eval()
x = torch.randn(8, 3, 224, 224)
with torch.inference_mode():
    print("ready torch", torch.__version__, "threads", torch.get_num_threads(), flush=True)
    for line in sys.stdin:
        m(x)
        print("done", flush=True)
`

func peerTorch(t *testing.T, name string, c vit.Config, apart onnx.Model, turns int) {
	peer := asked(t, pythonTorch, fmt.Sprint(c.Patch), fmt.Sprint(c.Dim), fmt.Sprint(c.Depth), fmt.Sprint(c.Heads), fmt.Sprint(c.Hidden))
	in := batchTensor(t, c.Spec(), 8)
	peertest.Measure(t, peertest.Case{Name: "against PyTorch on the processor, " + name, Note: "a batch of 8 of a network of the same size, eager, scaled_dot_product_attention",
		Turns: 2*turns + 1, PerTurn: 1, GoalWall: 1.5, NoCPU: true,
		Ours: func(int) error { return runBatches(apart, in, 1) }, Peer: peer})
}
