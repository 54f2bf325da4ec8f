package window

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"

	"coverslip/app"
	"coverslip/models/modeltest"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
)

// darkModel is a folder of a model that takes for "Dark" what is dark in red.
func darkModel(t *testing.T) string {
	t.Helper()
	if _, _, err := onnx.Find(""); err != nil {
		t.Skipf("needs ONNX Runtime: %v", err)
	}
	b := onnxfile.NewBuilder("dark")
	x := b.Input("image", onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(3), onnxfile.Fixed(64), onnxfile.Fixed(64))
	y := b.Op("Conv", []string{x, b.Weights("w", []float32{0, 0, 0, -40, 0, 0}, 2, 3, 1, 1), b.Weights("b", []float32{0, 40 * 135.0 / 255}, 2)}, onnxfile.Ints("kernel_shape", 1, 1))
	b.Output("logits", y, onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(2), onnxfile.Fixed(64), onnxfile.Fixed(64))
	dir := filepath.Join(t.TempDir(), "dark")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), b.Model("test").Marshal(), 0o644); err != nil {
		t.Fatal(err)
	}
	modeltest.WriteFile(t, dir, "coverslip.json", `{"name": "Dark", "patch_size": 64, "mpp": 4, "mean": [0,0,0], "std": [1,1,1], "dense": {"kind": "classes", "classes": ["nothing", "Dark"], "least_area": 100}}`)
	return dir
}

// TestWindow_RunDenseModel: what a dense model finds in the view waits in the
// queue; the command that runs it again is there from then on.
func TestWindow_RunDenseModel(t *testing.T) {
	s := newStage(t, Options{}).withSlide()
	dir := darkModel(t)
	if s.cmds.CanDo("suggest.denseAgain") || !s.cmds.CanDo("suggest.dense") {
		t.Error("the commands are not as they should be at first")
	}
	s.showModel(dir, app.ModelReport{Name: "Dark", Dense: "classes", Runtime: "1.28.2", Encoder: "abc"})
	_, buttons := s.dialogOf(t)
	test.Tap(buttons["Run over the region"])
	s.settle()
	open := s.Window.open
	if n := s.session.QueueLen(open.Item.ID); n == 0 {
		t.Fatalf("nothing waits; problem %q, status %q", s.problem.title.value, s.status.said)
	}
	for _, o := range s.session.Queue(open.Item.ID) {
		if o.By.Model != "Dark" || o.IsLabel() {
			t.Errorf("%+v", o.By)
		}
	}
	if s.session.Palette().ByName("Dark") == nil {
		t.Error("the model's class is not in the palette")
	}
	if !s.cmds.CanDo("suggest.denseAgain") {
		t.Error("it cannot be run again")
	}
	s.run("suggest.denseAgain")
	s.settle()
	if words := s.problem.title.value; strings.Contains(words, "cannot") {
		t.Errorf("again: %q", words)
	}
	s.run("edit.undo")
	s.run("edit.undo")
	s.settle()
	if n := s.session.QueueLen(open.Item.ID); n != 0 {
		t.Errorf("%d wait after two undos", n)
	}
}
