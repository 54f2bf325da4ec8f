package encoder

import (
	"context"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
)

func TestFastest(t *testing.T) {
	const mb = 1 << 20
	trials := []Trial{{1, 10, 100 * mb}, {4, 14, 200 * mb}, {8, 15, 300 * mb}, {16, 15.2, 600 * mb}}
	for _, c := range []struct {
		name    string
		had     int
		ceiling int64
		want    int
	}{
		{"noise does not change what it has", 8, 0, 8},
		{"the fastest", 1, 0, 16},
		{"of those that fit", 1, 350 * mb, 8},
		{"what it has does not fit", 16, 250 * mb, 4},
		{"nothing fits", 8, mb, 1},
		{"what it has was not measured", 32, 0, 16},
	} {
		if got := fastest(trials, c.had, c.ceiling); got.Batch != c.want {
			t.Errorf("%s: batch %d, not %d", c.name, got.Batch, c.want)
		}
	}
}

func TestEncoder_Calibrate(t *testing.T) {
	rt := modeltest.Runtime(t)
	for name, c := range map[string]struct {
		batch onnxfile.Dim
		fixed int
	}{"free": {onnxfile.Free("n"), 0}, "fixed": {onnxfile.Fixed(4), 4}} {
		e, err := New(context.Background(), session(t, rt, build(c.batch, false, pixels)), Options{Prep: preprocess.Spec{Crop: side, Scale: 1}})
		if err != nil {
			t.Fatal(err)
		}
		had, asked := e.Batch(), int64(0)
		got, err := e.Calibrate(context.Background(), CalibrateOptions{Budget: 30 * time.Second, Peak: func() int64 { asked++; return asked }})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e.Batch() != got.Batch || got.PerSecond <= 0 || got.Peak <= 0 {
			t.Errorf("%s: the encoder has batches of %d after %+v", name, e.Batch(), got)
		}
		if want := map[bool]int{true: 5, false: 1}[c.fixed == 0]; len(got.Trials) != want {
			t.Errorf("%s: %d trials: %+v", name, len(got.Trials), got.Trials)
		}
		var own Trial
		for _, tr := range got.Trials {
			if tr.PerSecond <= 0 {
				t.Errorf("%s: batch %d was not measured", name, tr.Batch)
			}
			if tr.Batch == had {
				own = tr
			}
		}
		if got.PerSecond < own.PerSecond {
			t.Errorf("%s: %g a second was chosen over %g of the batch it had", name, got.PerSecond, own.PerSecond)
		}
	}
}

func TestEncoder_Calibrate_Cancelled(t *testing.T) {
	rt := modeltest.Runtime(t)
	e, err := New(context.Background(), session(t, rt, build(onnxfile.Free("n"), false, pixels)), Options{Prep: preprocess.Spec{Crop: side, Scale: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Calibrate(ctx, CalibrateOptions{}); err == nil {
		t.Error("a calibration that was cancelled gave no error")
	}
	if e.Batch() != defaultBatch {
		t.Errorf("it left batches of %d", e.Batch())
	}
}
