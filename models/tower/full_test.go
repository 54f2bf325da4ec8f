package tower

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/weights"
)

// TestFullSize_EqualsAndOutruns takes folders that testdata/fullsize.py made
// (COVERSLIP_FULLSIZE names the folder of them): models of their real size
// with seeded weights. It prints how long each takes to be ready and how fast
// its graph is beside the one of torch.onnx.
func TestFullSize_EqualsAndOutruns(t *testing.T) {
	root := os.Getenv("COVERSLIP_FULLSIZE")
	if root == "" {
		t.Skip("needs COVERSLIP_FULLSIZE, the folder that testdata/fullsize.py wrote")
	}
	rt := modeltest.Runtime(t)
	found, err := filepath.Glob(filepath.Join(root, "*", "reference.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no folders in %s: %v", root, err)
	}
	for _, f := range found {
		dir := filepath.Dir(f)
		t.Run(filepath.Base(dir), func(t *testing.T) { checkFullSize(t, rt, dir) })
	}
}

func checkFullSize(t *testing.T, rt *onnx.Runtime, dir string) {
	b, err := os.ReadFile(filepath.Join(dir, "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want [][]float64
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	c, err := os.Open(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := ReadSettings(c)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	w, err := weights.Open(dir, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	tower, err := Vision(w, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	graph := time.Since(start)
	ours, err := rt.NewSession(tower.Model, onnx.SessionOptions{DataFolder: dir, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSession(t, ours)
	ready := time.Since(start)
	side := int64(tower.Image)
	one := onnx.NewTensor(pixelsOf(1, tower.Image), 1, 3, side, side)
	compare(t, rows(t, ours, one, tower), want)
	t.Logf("%s: %d M weights, graph of %d kB in %v, ready in %v", tower.Architecture, w.Count()/1e6, len(tower.Model)/1000, graph.Round(time.Millisecond), ready.Round(time.Millisecond))
	export := filepath.Join(dir, "export.onnx")
	if _, err := os.Stat(export); err != nil {
		return
	}
	theirs, err := rt.NewSessionFile(export, onnx.SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSession(t, theirs)
	compare(t, rows(t, theirs, one, tower), want)
	const batch = 4
	many := onnx.NewTensor(pixelsOf(batch, tower.Image), batch, 3, side, side)
	// In turns, and by processor time: the machine is not ours alone.
	least := [2]time.Duration{time.Hour, time.Hour}
	for range 3 {
		for i, s := range []onnx.Model{ours, theirs} {
			start := processorTime(t)
			rows(t, s, many, tower)
			least[i] = min(least[i], processorTime(t)-start)
		}
	}
	t.Logf("%.2f s of processor a patch, torch.onnx's graph %.2f: ratio %.3f", least[0].Seconds()/batch, least[1].Seconds()/batch, least[1].Seconds()/least[0].Seconds())
}

func closeSession(t *testing.T, s onnx.Model) {
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func rows(t *testing.T, s onnx.Model, in onnx.Tensor, tower *Tower) [][]float32 {
	t.Helper()
	out, err := s.Run(context.Background(), map[string]onnx.Tensor{tower.Input: in})
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Of[float32](out[tower.Output])
	if err != nil {
		t.Fatal(err)
	}
	n := len(data) / tower.Dim
	list := make([][]float32, n)
	for i := range list {
		list[i] = data[i*tower.Dim : (i+1)*tower.Dim]
	}
	return list
}
