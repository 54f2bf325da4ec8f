package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coverslip/models/onnx"
	"coverslip/tiles/synth"

	bolt "go.etcd.io/bbolt"
)

// step is one line of a script: a command, its exit code, and what standard
// output and standard error must hold. Words may name files of the script's
// folder as $D/...; "!" in front of a wanted text says that it must not be there.
type step struct {
	line string
	code int
	out  []string
	err  []string
}

// play runs the steps in order in folder dir.
func play(t *testing.T, dir string, steps []step) {
	t.Helper()
	for _, s := range steps {
		var out, errs bytes.Buffer
		line := strings.ReplaceAll(s.line, "$D", dir)
		code := run(t.Context(), words(line), &out, &errs)
		if code != s.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", s.line, code, s.code, out.String(), errs.String())
			continue
		}
		check(t, s.line, "output", out.String(), s.out)
		check(t, s.line, "messages", errs.String(), s.err)
	}
}

// words splits a line at spaces; a part in quotes stays together.
func words(line string) []string {
	var all []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}

func check(t *testing.T, line, what, got string, want []string) {
	t.Helper()
	for _, w := range want {
		bad, not := strings.CutPrefix(w, "!")
		if strings.Contains(got, bad) == not {
			t.Errorf("%s: %s must hold %q:\n%s", line, what, w, got)
		}
	}
}

// smallSlide is a generated slide of 1200 × 900 pixels with its truth.
var smallSlide = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "coverslipctl-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "a.svs")
	if _, err := synth.WriteSmall(context.Background(), path, 5); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// workplace is a folder with a good slide and bad files.
func workplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	slide, err := smallSlide()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a.svs": slide, "b.svs": slide, "cut.svs": slide[:len(slide)/2], "empty.svs": nil,
		"notes.svs":                      []byte("Dear colleague,\n"),
		"notes.geojson":                  []byte("Dear colleague,\n"),
		"model/model.onnx":               []byte("no network"),
		"lib.so":                         []byte("#!/bin/sh\n"),
		"garbage.coverslip/project.bolt": bytes.Repeat([]byte("garbage "), 4096),
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "foreign.coverslip"), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "foreign.coverslip", "project.bolt"), 0o600, nil)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestScript_Help(t *testing.T) {
	play(t, t.TempDir(), []step{
		{line: "", code: 2, err: []string{"Usage:"}},
		{line: "--help", code: 0, out: []string{"suggest", "dataset export", "Exit codes"}},
		{line: "help project", code: 0, out: []string{"project new", "project relink", "Example:"}},
		{line: "info --help", code: 0, out: []string{"Usage: coverslipctl info", "Example:"}},
		{line: "project", code: 2, err: []string{"new, add, list"}},
		{line: "project --help", code: 0, out: []string{"project backup"}},
		{line: "dance", code: 2, err: []string{`unknown verb "dance"`}},
		{line: "info", code: 2, err: []string{"takes SLIDE", "--help"}},
		{line: "info a b", code: 2},
		{line: "info --nonsense x", code: 2, err: []string{"nonsense"}},
		{line: "version --json", code: 0, out: []string{`"version": "`, `"go": "go1.`}},
		{line: "--version", code: 0, out: []string{"coverslip "}},
	})
	for _, v := range verbs() {
		var out bytes.Buffer
		if code := run(t.Context(), append(strings.Fields(v.name), "--help"), &out, &out); code != 0 {
			t.Errorf("%s --help: %d", v.name, code)
		}
		for _, part := range []string{"Usage: coverslipctl " + v.name, "--json", "Example:\n  coverslipctl " + v.name} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s --help lacks %q", v.name, part)
			}
		}
	}
}

func TestScript_Slides(t *testing.T) {
	dir := workplace(t)
	play(t, dir, []step{
		{line: "info $D/a.svs", out: []string{"Aperio", "level 0: 1200 × 900", "0.25 × 0.25"}},
		{line: "info --json $D/a.svs", out: []string{`"mppX": 0.25`, `"fingerprint": "v1-`, `"downsample": 1`}},
		{line: "region $D/a.svs --level 0 --x 100 --y 50 --w 64 --h 32 -o $D/r.png", err: []string{"64 × 32"}},
		{line: "region --json -x -10 -y -10 -w 20 -h 20 -o $D/edge.jpg $D/a.svs", out: []string{`"width": 20`}},
		{line: "region $D/a.svs --level 9 -o $D/x.png", code: 2, err: []string{"has levels 0 to"}},
		{line: "region $D/a.svs --w 0 -o $D/x.png", code: 2, err: []string{"at least 1"}},
		{line: "region $D/a.svs --w 100000 --h 100000 -o $D/x.png", code: 2, err: []string{"too many"}},
		{line: "region $D/a.svs", code: 2, err: []string{"-o FILE is needed"}},
		{line: "region $D/a.svs -o $D/x.bmp", code: 2, err: []string{".png or .jpg"}},
		{line: "region $D/a.svs -o $D/none/x.png", code: 1, err: []string{"Folder none does not exist"}},
		{line: "thumb $D/a.svs --max 300 -o $D/t.png", err: []string{"300 × 225"}},
		{line: "thumb $D/a.svs --max 0 -o $D/t.png", code: 2},
		{line: "associated $D/a.svs label -o $D/l.png"},
		{line: "associated $D/a.svs nothing -o $D/n.png", code: 1, err: []string{"no image of that name", "label"}},
		{line: "bench --tiles 3 --json $D/a.svs", out: []string{`"tiles": 3`}},
		{line: "bench", code: 2, err: []string{"--objects N"}},
		{line: "bench --objects 500 --project $D/many.coverslip", out: []string{"made in", "500 labels", "query of 16000² px", "undo"}},
		{line: "bench --objects 500 --project $D/many.coverslip --json", out: []string{`"objects": 500`, `"sidePixels": 4000`}},

		{line: "info --untrusted $D/a.svs", out: []string{"Aperio", "level 0: 1200 × 900"}},
		{line: "region --untrusted $D/a.svs --w 64 --h 64 -o $D/safe.png", err: []string{"64 × 64"}},
		{line: "thumb --untrusted $D/a.svs --max 64 -o $D/safethumb.png", err: []string{"64"}},
		{line: "associated --untrusted $D/a.svs label -o $D/safeassociated.png", err: []string{"pixels"}},
		{line: "info $D/none.svs", code: 1, err: []string{"none.svs does not exist", "what to do"}, out: []string{}},
		{line: "info $D/notes.svs", code: 1, err: []string{"notes.svs is not a slide that Coverslip can read: it is a text file", "what to do: Choose"}},
		{line: "doctor $D/a.svs", out: []string{"a.svs: Aperio (aperio), 1200 × 900 pixels"}},
		{line: "doctor $D/notes.svs", out: []string{"it is a text file", "aperio", "not a TIFF file", "czi"}},
		{line: "info $D/empty.svs", code: 1, err: []string{"empty.svs"}},
		{line: "info $D/cut.svs", code: 1, err: []string{"cut.svs is damaged", "what to do: Copy"}},
		{line: "thumb $D/cut.svs -o $D/c.png", code: 1, err: []string{"cut.svs"}},
		{line: "region $D/notes.svs -o $D/c.png", code: 1, err: []string{"notes.svs"}},
	})
	for _, name := range []string{"x.png", "c.png", "n.png", "x.bmp"} {
		if there(filepath.Join(dir, name)) {
			t.Errorf("%s was left behind by a failure", name)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".coverslip-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files: %v %v", left, err)
	}
}

func TestScript_Synth(t *testing.T) {
	dir := t.TempDir()
	play(t, dir, []step{
		{line: "synth --size 1400x1024 --seed 3 --out $D/s.svs --json", out: []string{`"seed": 3`, `"truth": "`}},
		{line: "synth --size 1400x1024 --seed 3 --out $D/s.ome.tif --format ome", out: []string{"regions"}},
		{line: "info $D/s.ome.tif", out: []string{"1400 × 1024"}},
		{line: "synth --size 3x3 --out $D/x.svs", code: 2, err: []string{"--size"}},
		{line: "synth --size huge --out $D/x.svs", code: 2, err: []string{"--size"}},
		{line: "synth --out $D/x.svs --format gif", code: 2, err: []string{"svs, ome"}},
		{line: "synth --size 256x256", code: 2, err: []string{"--out"}},
		{line: "synth --size 256x256 --mpp 99 --out $D/x.svs", code: 2, err: []string{"mpp"}},
	})
	first, err := os.ReadFile(filepath.Join(dir, "s.svs"+truthSuffix))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(dir, "s.ome.tif"+truthSuffix))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the same seed must give the same truth, byte for byte: %v", err)
	}
}

const rectangles = `{"type":"FeatureCollection","features":[
{"type":"Feature","id":"0190c1e4-7d5c-7000-8000-000000000001","geometry":{"type":"Polygon","coordinates":[[[0,0],[500,0],[500,500],[0,500],[0,0]]]},"properties":{"objectType":"annotation","classification":{"name":"Tumour","color":[200,0,0]}}},
{"type":"Feature","id":"0190c1e4-7d5c-7000-8000-000000000002","geometry":{"type":"Polygon","coordinates":[[[600,300],[1100,300],[1100,800],[600,800],[600,300]]]},"properties":{"objectType":"annotation","classification":{"name":"New class","color":[0,0,200]}}}]}`

func TestScript_Project(t *testing.T) {
	dir := workplace(t)
	if err := os.WriteFile(filepath.Join(dir, "r.geojson"), []byte(rectangles), 0o644); err != nil {
		t.Fatal(err)
	}
	play(t, dir, []step{
		{line: `project new --name "My study" $D/p.coverslip --author Ada`, out: []string{"My study"}},
		{line: "project new $D/p.coverslip", code: 1, err: []string{"Project p.coverslip is there already"}},
		{line: "project list $D/p.coverslip", out: []string{"My study: 0 slide(s)"}},
		{line: "queue --project $D/p.coverslip", code: 1, err: []string{"no such slide"}},
		{line: "project add --json --patient P1 --case C1 $D/p.coverslip $D/a.svs", out: []string{`"patient": "P1"`, `"width": 1200`}},
		{line: "project add $D/p.coverslip $D/b.svs", out: []string{"a.svs"}}, // the same bytes
		{line: "project add $D/p.coverslip $D/cut.svs", code: 1, err: []string{"cut.svs"}},
		{line: "project add --mpp -3 $D/p.coverslip $D/a.svs", code: 2},
		{line: "project list --json $D/p.coverslip", out: []string{`"name": "a.svs"`, `"missing": false`}},
		{line: "project check $D/p.coverslip", out: []string{"sound"}},

		{line: "annotations import --project $D/p.coverslip --format geojson $D/r.geojson", out: []string{"2 object(s) added", "1 class(es) new"}},
		{line: "annotations import --project $D/p.coverslip $D/r.geojson", out: []string{"0 object(s) added", "2 left out"}},
		{line: "annotations import --project $D/p.coverslip --format shapefile $D/r.geojson", code: 2, err: []string{"geojson", "asap"}},
		{line: "annotations import --project $D/p.coverslip --format coco $D/r.geojson", code: 1, err: []string{"no list of annotations"}},
		{line: "annotations formats", out: []string{"asap", "Aperio ImageScope XML", "holds every shape"}},
		{line: "annotations export --project $D/p.coverslip --format asap $D/out.xml", out: []string{"2 object(s)"}, err: []string{"the identifiers of 2 objects are not written"}},
		{line: "annotations import --project $D/p.coverslip $D/out.xml", out: []string{"2 object(s) added"}},
		{line: "annotations export --project $D/p.coverslip --lossless --format asap $D/no.xml", code: 1, err: []string{"nothing was written", "GeoJSON"}},
		{line: "annotations export --project $D/p.coverslip $D/out.ndpa", code: 1, err: []string{"--answer centre="}},
		{line: "annotations export --project $D/p.coverslip --answer centre=0,0 $D/out.ndpa", out: []string{"4 object(s)"}},
		{line: "annotations import --project $D/p.coverslip $D/notes.geojson", code: 1, err: []string{"notes.geojson is not a usable GeoJSON"}},
		{line: "annotations list --project $D/p.coverslip", out: []string{"4 label(s)", "New class"}},
		{line: "annotations list --json --project $D/p.coverslip", out: []string{`"class":"Tumour"`}},
		{line: "annotations export --project $D/p.coverslip $D/out.geojson", out: []string{"4 object(s)"}},
		{line: "annotations export --project $D/p.coverslip --slide zebra $D/out2.geojson", code: 1, err: []string{"no such slide"}},

		{line: "dataset export --project $D/p.coverslip --out $D/set --patch 64 --mpp 0.5", out: []string{"patches from 1 slide"}},
		{line: "dataset export --project $D/p.coverslip --out $D/set", code: 1, err: []string{"exists and is not empty"}},
		{line: "dataset export --project $D/p.coverslip --out $D/s2 --splits 1,2", code: 2, err: []string{"--splits"}},
		{line: "dataset export --project $D/p.coverslip", code: 2, err: []string{"--out"}},

		{line: "evaluate --project $D/p.coverslip", out: []string{"nothing to judge"}},
		{line: "decide accept --project $D/p.coverslip", code: 2, err: []string{"--above"}},
		{line: "decide accept --help", out: []string{"--above SCORE", "!(default -1)"}},
		{line: "decide accept --project $D/p.coverslip --above 7", code: 2, err: []string{"from 0 to 1"}},
		{line: "demo --out $D/demo --slide $D/cut.svs", code: 1, err: []string{"cut.svs"}},
		{line: "project list $D/demo/cut.coverslip", code: 1, err: []string{"does not exist"}},
		{line: "decide accept --project $D/p.coverslip zzz", code: 2, err: []string{"not an identifier"}},
		{line: "decide accept --project $D/p.coverslip 0190c1e4-7d5c-7000-8000-000000000001", code: 1, err: []string{"Only a model's suggestion"}},
		{line: "decide reject --project $D/p.coverslip 0190c1e4-7d5c-7000-8000-000000000009", code: 1, err: []string{"not on the slide"}},

		{line: "audit verify --project $D/p.coverslip --json", out: []string{`"sound": true`, `"firstBad": 0`}},
		{line: "audit export --project $D/p.coverslip $D/log.jsonl", out: []string{"record(s)"}},
		{line: "project backup $D/p.coverslip $D/p.backup", out: []string{"backed up"}},
		{line: "project compact $D/p.coverslip", out: []string{"compacted"}},

		{line: "project list $D/foreign.coverslip", code: 1, err: []string{"foreign.coverslip is not a Coverslip project"}},
		{line: "project check $D/garbage.coverslip", code: 1, err: []string{"garbage.coverslip"}},
		{line: "project list $D/none.coverslip", code: 1, err: []string{"does not exist"}},
		{line: "project list $D/a.svs", code: 1, err: []string{"a.svs is not a Coverslip project"}},
		{line: "project backup $D/p.coverslip $D/p.coverslip/project.bolt", code: 1, err: []string{"onto itself"}},
		{line: "project list", code: 2},
		{line: "annotations list", code: 2, err: []string{"--project DIR is needed"}},
	})
	var line struct{ Op, Author string }
	b, err := os.ReadFile(filepath.Join(dir, "log.jsonl"))
	if err != nil || json.Unmarshal(bytes.SplitN(b, []byte("\n"), 2)[0], &line) != nil || line.Author != "Ada" {
		t.Errorf("first line of the log: %s %v", b, err)
	}
}

func TestScript_MovedSlide(t *testing.T) {
	dir := workplace(t)
	away := filepath.Join(dir, "archive")
	if err := os.Mkdir(away, 0o755); err != nil {
		t.Fatal(err)
	}
	play(t, dir, []step{
		{line: "project new $D/p.coverslip"},
		{line: "project add $D/p.coverslip $D/a.svs"},
	})
	if err := os.Rename(filepath.Join(dir, "a.svs"), filepath.Join(away, "renamed.svs")); err != nil {
		t.Fatal(err)
	}
	play(t, dir, []step{
		{line: "project list $D/p.coverslip", out: []string{"MISSING"}},
		{line: "project relink $D/p.coverslip $D/model", out: []string{"0 slide(s) found, 1 still missing"}},
		{line: "project relink $D/p.coverslip $D/archive", out: []string{"1 slide(s) found, 0 still missing"}},
		{line: "project list $D/p.coverslip", out: []string{"!MISSING"}},
		{line: "project relink $D/p.coverslip $D/nowhere", code: 1, err: []string{"nowhere does not exist"}},
	})
}

func TestCase16_Script_WorkingCopy(t *testing.T) {
	dir := workplace(t)
	play(t, dir, []step{
		{line: "project new $D/p.coverslip"},
		{line: "project take $D/p.coverslip $D/copy.coverslip", out: []string{"the working copy of", "p.coverslip"}},
		{line: "project take $D/p.coverslip $D/copy.coverslip", code: 1, err: []string{"there already"}},
		{line: "project send $D/copy.coverslip", out: []string{"0 commit(s) sent back"}},
		{line: "project add $D/copy.coverslip $D/a.svs"},
		{line: "project send --json $D/copy.coverslip", out: []string{`"commits": 1`}},
		{line: "project list $D/p.coverslip", out: []string{"a.svs", "!MISSING"}},
		{line: "project send $D/p.coverslip", code: 1, err: []string{"no working copy"}},
		{line: "project add --case B $D/p.coverslip $D/a.svs"},
		{line: "project send $D/copy.coverslip", code: 1, err: []string{"changed meanwhile"}},
	})
}

func TestScript_RuntimeAndModel(t *testing.T) {
	dir := workplace(t)
	play(t, dir, []step{
		{line: "project new $D/p.coverslip"},
		{line: "project add $D/p.coverslip $D/a.svs"},
		{line: "embed --project $D/p.coverslip --onnx $D/none.so", code: 1, err: []string{"ONNX Runtime", "coverslipctl setup"}},
		{line: "embed --project $D/p.coverslip --onnx $D/lib.so", code: 1, err: []string{"ONNX Runtime", "coverslipctl setup"}},
		{line: "suggest --project $D/p.coverslip", code: 1, err: []string{"too few labels"}},
		{line: "suggest --project $D/p.coverslip --min-score 7", code: 2},
		{line: "suggest --project $D/p.coverslip --patch -3", code: 2, err: []string{"--patch"}},
		{line: "embed --project $D/p.coverslip --mpp NaN", code: 2, err: []string{"--mpp"}},
		{line: "setup --check --onnx $D/lib.so", code: 1, err: []string{"ONNX Runtime"}},
		{line: "setup --from $D/notes.svs", code: 1, err: []string{"notes.svs"}},
		{line: "setup --from $D/none.tgz", code: 1, err: []string{"none.tgz"}},
		{line: "model check $D/model", code: 1, err: []string{"what to do"}},
		{line: "model check $D/none", code: 1, err: []string{"none"}},
		{line: "model segment --project $D/p.coverslip --region 1,2,3 $D/none", code: 2, err: []string{"X,Y,W,H"}},
		{line: "model segment --project $D/p.coverslip --min-score 7 $D/none", code: 2},
		{line: "model segment --project $D/p.coverslip --onnx $D/none.so $D/model", code: 1, err: []string{"ONNX Runtime"}},
		{line: "model caption --project $D/p.coverslip --at 10,10 $D/none", code: 2, err: []string{"--generate is needed", "coverslipctl captions"}},
		{line: "model caption --project $D/p.coverslip --generate $D/none", code: 2, err: []string{"--at X,Y"}},
		{line: "model caption --project $D/p.coverslip --generate --at 10,10 --onnx $D/none.so $D/model", code: 1, err: []string{"ONNX Runtime"}},
		{line: "doctor --onnx $D/lib.so", out: []string{"ONNX Runtime", "coverslipctl setup", "JPEG"}},
		{line: "doctor --json", out: []string{`"findings"`}},
	})
}

// The whole way with the real runtime; skipped where it is not installed.
func TestScript_WholeWay(t *testing.T) {
	if _, _, err := onnx.Find(""); err != nil {
		t.Skip("ONNX Runtime is not installed:", err)
	}
	lib, _, err := onnx.Find("")
	if err != nil {
		t.Fatal(err)
	}
	dir := workplace(t) // moves the user's cache, and so the installed runtime, out of sight
	if err := os.WriteFile(filepath.Join(dir, "r.geojson"), []byte(rectangles), 0o644); err != nil {
		t.Fatal(err)
	}
	play(t, dir, []step{
		{line: "project new $D/p.coverslip --author Ada"},
		{line: "project add $D/p.coverslip $D/a.svs"},
		{line: "annotations import --project $D/p.coverslip $D/r.geojson"},
		{line: "embed --project $D/p.coverslip --patch 64 --onnx " + lib, out: []string{"untrained", "embedded now"}},
		{line: "embed --project $D/p.coverslip --patch 64 --json --onnx " + lib, out: []string{`"embedded": 0`, `"untrained": true`}},
		{line: "suggest --project $D/p.coverslip --patch 64 --onnx " + lib, out: []string{"suggestions by", "2 classes"}},
		{line: "queue --project $D/p.coverslip --max 2", out: []string{"margin"}},
		{line: "queue --project $D/p.coverslip --order mixed --max 1 --json --coverage 0.9 --calibration", out: []string{`"scoreNow"`}, err: []string{"held out"}},
		{line: "queue --project $D/p.coverslip --order place --band 0-1 --max 1", out: []string{"lies between"}},
		{line: "queue --project $D/p.coverslip --order best", code: 2, err: []string{"there are uncertain"}},
		{line: "queue --project $D/p.coverslip --accept-rest", code: 2, err: []string{"needs a rule"}},
		{line: "queue --project $D/p.coverslip --band 0.7-0.2", code: 2, err: []string{"between 0 and 1"}},
		{line: "search --project $D/p.coverslip --patch 64 --slide a.svs --at 300,300 --max 3 --onnx " + lib, out: []string{"Like the patch", "patches on 1 slide"}},
		{line: "search --project $D/p.coverslip --patch 64 --words \"no stroma\" --onnx " + lib, code: 1, err: []string{"do not understand"}},
		{line: "search --project $D/p.coverslip", code: 2, err: []string{"give one of"}},
		{line: "decide accept --project $D/p.coverslip --above 0 --json", out: []string{`"decided": `, `!"decided": 0`}},
		{line: "queue --project $D/p.coverslip", out: []string{"!margin"}},
		{line: "evaluate --project $D/p.coverslip --json", out: []string{`"accuracy": 1`}},
		{line: "annotations export --project $D/p.coverslip $D/o.geojson"},
		{line: "dataset export --project $D/p.coverslip --patch 64 --out $D/set --json", out: []string{`"patches"`}},
		{line: "audit verify --project $D/p.coverslip", out: []string{"record(s)"}},
	})
	b, err := os.ReadFile(filepath.Join(dir, "o.geojson"))
	if err != nil || !bytes.Contains(b, []byte("coverslip.model")) || !bytes.Contains(b, []byte("coverslip.decision")) {
		t.Errorf("the export lacks the model's provenance: %v", err)
	}
}

func TestRun_Cancelled_LaterCodeAndNothingLeft(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"synth", "--size", "512x512", "--out", filepath.Join(dir, "x.svs")}, &out, &errs)
	if code != exitLater || !strings.Contains(errs.String(), "Stopped") {
		t.Errorf("code %d: %s", code, errs.String())
	}
	if there(filepath.Join(dir, "x.svs")) {
		t.Error("a half slide was left")
	}
}

func TestRun_LockedProject_LaterCode(t *testing.T) {
	dir := workplace(t)
	play(t, dir, []step{{line: "project new $D/p.coverslip"}})
	var p projectFlags
	s, err := p.openDir(filepath.Join(dir, "p.coverslip"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	play(t, dir, []step{{line: "project list $D/p.coverslip", code: exitLater, err: []string{"open in another"}}})
}

func TestParse_FlagsAnywhere(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"info", "--", "--json"}, &out, &errs); code != exitFail || !strings.Contains(errs.String(), "--json") {
		t.Errorf("after -- everything is a name: %d %s", code, errs.String())
	}
	if errors.Is(wrongUsage("x"), context.Canceled) {
		t.Error("a usage error is nothing else")
	}
}
