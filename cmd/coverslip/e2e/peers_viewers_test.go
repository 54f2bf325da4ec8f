//go:build e2e

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/annotate/synth"
	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/peertest"
)

// peerPackage is a package of another viewer, pinned: fetched by npm when figures are
// asked for, refused when its bytes are others, and kept in build/peers.
type peerPackage struct {
	name, version string
	sha512        string // of the archive, base64
	file          string // of it that is wanted
}

var (
	openSeadragon = peerPackage{"openseadragon", "6.1.1", "g4iKe2q8B642SaBT3+x4ZF3/8b1TxPPydyjmtrOLgDrlYWMKd9ZXM+1Cb/xa9DVySkvs/7l6HR1nHKfD5F3Tsw==",
		"build/openseadragon/openseadragon.min.js"}
	annotorious = peerPackage{"@annotorious/openseadragon", "3.8.10", "APvir1z3DXRbMnQtR9cUG1dhUHp1MurPfjck626UGMrcIyLB342h8zE5QuU8fSp+QJCaAyrJiYmfo/0T1Tva4g==",
		"dist/annotorious-openseadragon.js"}
)

// script is the wanted file of a package; the test is skipped where it cannot be had.
func (b *bench) script(t *testing.T, p peerPackage) []byte {
	t.Helper()
	kept := filepath.Join(b.dir, strings.NewReplacer("@", "", "/", "-").Replace(p.name)+"-"+p.version+".tgz")
	data, err := os.ReadFile(kept)
	if err != nil {
		data, err = fetchPackage(t.TempDir(), p)
		if err != nil {
			t.Skipf("%s %s cannot be had: %v", p.name, p.version, err)
		}
	}
	if sum := sha512.Sum512(data); base64.StdEncoding.EncodeToString(sum[:]) != p.sha512 {
		t.Fatalf("%s %s: other bytes than those pinned", p.name, p.version)
	}
	b.must(os.WriteFile(kept, data, 0o644))
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	b.must(err)
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s %s: no %s: %v", p.name, p.version, p.file, err)
		}
		if h.Name == "package/"+p.file {
			text, err := io.ReadAll(r)
			b.must(err)
			return text
		}
	}
}

func fetchPackage(dir string, p peerPackage) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", "--ignore-scripts", p.name+"@"+p.version)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm: %w: %.200s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("npm left %v: %w", found, err)
	}
	return os.ReadFile(found[0])
}

// peerPage shows the slide in OpenSeadragon, as large as the window's viewer is, and
// notes when the browser asks for a frame. Its wheel zooms as ours does.
const peerPage = `<!DOCTYPE html><body style="margin:0;background:#222">
<div id="v" style="position:absolute;left:330px;top:60px;width:calc(100vw - 627px);height:calc(100vh - 90px)"></div>
<script src="/openseadragon.js"></script><script src="/annotorious.js"></script><script>
window.times = [];
(function frame(t) { times.push(performance.timeOrigin + performance.now()); requestAnimationFrame(frame); })(0);
window.viewer = OpenSeadragon({id: "v", showNavigationControl: false, zoomPerScroll: 1.25, maxZoomPixelRatio: 8,
  gestureSettingsMouse: {clickToZoom: false},
  tileSources: {width: %d, height: %d, tileSize: 256, tileOverlap: 0, minLevel: 0, maxLevel: %d,
    getTileUrl: (l, x, y) => "/tile/" + (%[3]d - l) + "/" + x + "/" + y}});
window.shown = new Promise(done => viewer.addOnceHandler("open", done));
window.annotate = async n => {
  const list = await (await fetch("/polygons/" + n)).json();
  const anno = AnnotoriousOSD.createOSDAnnotator(viewer, {});
  anno.setAnnotations(list.map((p, i) => { const id = "n" + i, xs = p.map(q => q[0]), ys = p.map(q => q[1]);
    return {id, bodies: [], target: {annotation: id, selector: {type: "POLYGON", geometry: {points: p,
      bounds: {minX: Math.min(...xs), minY: Math.min(...ys), maxX: Math.max(...xs), maxY: Math.max(...ys)}}}}}; }));
  return anno.getAnnotations().length;
};
</script>`

// peerServer serves the page, the scripts, the slide's tiles as they are stored, and
// made-up labels.
func (b *bench) peerServer(t *testing.T) string {
	t.Helper()
	slide, err := formats.Open(context.Background(), b.giant)
	b.must(err)
	t.Cleanup(func() { slide.Close() })
	coded, ok := slide.(interface {
		CodedTile(ctx context.Context, k tiles.Key, dst []byte) ([]byte, error)
	})
	if !ok {
		t.Fatalf("%T gives no tiles as they are stored", slide)
	}
	levels := slide.Levels()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, peerPage, levels[0].Width, levels[0].Height, len(levels)-1)
	})
	for path, p := range map[string]peerPackage{"/openseadragon.js": openSeadragon, "/annotorious.js": annotorious} {
		text := b.script(t, p)
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(text) // the browser may have gone
		})
	}
	mux.HandleFunc("GET /tile/{level}/{col}/{row}", func(w http.ResponseWriter, r *http.Request) {
		l, err1 := strconv.Atoi(r.PathValue("level"))
		col, err2 := strconv.Atoi(r.PathValue("col"))
		row, err3 := strconv.Atoi(r.PathValue("row"))
		if errors.Join(err1, err2, err3) != nil || l < 0 || l >= len(levels) || col >= levels[l].Cols() || row >= levels[l].Rows() {
			http.NotFound(w, r)
			return
		}
		data, err := coded.CodedTile(r.Context(), tiles.Key{Level: l, Col: col, Row: row}, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(data)
	})
	mux.HandleFunc("GET /polygons/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n")) // 0 makes none
		sep := "["
		for o := range synth.Nuclei(n, float64(levels[0].Width), float64(levels[0].Height), make([]annotate.ID, 8), 1) {
			for _, part := range o.ROI.Outline() {
				io.WriteString(w, sep)
				sep = "["
				for _, p := range part.Outer {
					fmt.Fprintf(w, "%s[%g,%g]", sep, p.X, p.Y)
					sep = ","
				}
				io.WriteString(w, "]")
			}
			sep = ","
		}
		io.WriteString(w, "]")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }() // it ends when it is closed
	t.Cleanup(func() { server.Close() })
	return "http://" + l.Addr().String() + "/"
}

// wanderBrowser has the browser go the path that the window went.
func (b *bench) wanderBrowser(t *testing.T, url string, width, height, n int) (r run, loaded time.Duration) {
	t.Helper()
	c := startBrowser(t, width, height)
	c.must(t, c.tab, "Page.navigate", map[string]any{"url": url}, nil)
	end := time.Now().Add(time.Minute)
	for ready := false; !ready; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the page does not come")
		}
		c.eval(t, `typeof viewer == "object" && viewer.isOpen()`, &ready)
	}
	if n > 0 {
		from, had := time.Now(), 0
		c.eval(t, fmt.Sprintf("annotate(%d)", n), &had)
		loaded = time.Since(from)
		if had != n {
			t.Fatalf("%d labels of %d", had, n)
		}
	}
	x, y := (330+width-297)/2, (60+height-30)/2
	do := c.byHand(x, y)
	b.must(do(step{}))
	// Its wheel leaves out notches when frames are late: the begin is set instead.
	c.eval(t, fmt.Sprintf("viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(%g), null, true), 0", startScale(width, height)), nil)
	time.Sleep(3 * time.Second)
	path, phases := wander()
	from, err := play(path, do)
	b.must(err)
	time.Sleep(2 * time.Second)
	var times []float64
	c.eval(t, "times", &times)
	var zoom float64
	c.eval(t, "viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(true))", &zoom)
	var list []frame
	for _, at := range times {
		list = append(list, frame{at: time.UnixMicro(int64(at * 1000)), painted: true})
	}
	r.all = tempoOf(between(list, from, from.Add(phases[len(phases)-1].to)))
	if whole := phases[len(phases)-1].to; r.all.frames < 2 { // it stood still all the time
		r.all.gap95, r.all.missed = whole, int(whole/(33*time.Millisecond))
	}
	for _, p := range phases {
		r.phases = append(r.phases, tempoOf(between(list, from.Add(p.from), from.Add(p.to))))
	}
	r.rss, r.pss = memory(c.processes()...)
	t.Logf("peer, scale %.3f at the end: %v; memory %.0f MB in %d processes", zoom, r.all, r.pss, len(c.processes()))
	for i, p := range phases {
		t.Logf("peer, %-5s: %v", p.name, r.phases[i])
	}
	if os.Getenv("COVERSLIP_PEERS_SHOT") != "" {
		var shot struct{ Data []byte }
		c.must(t, c.tab, "Page.captureScreenshot", nil, &shot)
		b.must(os.WriteFile(filepath.Join(b.dir, fmt.Sprintf("peer-%d-%d.png", width, n)), shot.Data, 0o644))
	}
	return r, loaded
}

// startScale is the scale that the window has at the begin of the path: that of the
// whole slide in its part of the window, twelve notches nearer.
func startScale(width, height int) float64 {
	fit := 0.96 * min(float64(width-627)/peertest.GiantWidth, float64(height-90)/peertest.GiantHeight)
	return fit * math.Pow(1.25, 12)
}

// TestPeers_Viewers compares the window with OpenSeadragon, labels in Annotorious, in a
// Chromium that draws by its own software OpenGL: the same slide, path and size.
func TestPeers_Viewers(t *testing.T) {
	b := newBench(t)
	note := fmt.Sprintf("OpenSeadragon %s, Annotorious %s, headless Chromium, SwiftShader", openSeadragon.version, annotorious.version)
	for _, n := range counts(t) {
		if n > 100_000 {
			continue // minutes to load in the peer, if at all
		}
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			b.t = t
			const width, height = 1280, 800
			url := b.peerServer(t)
			peer, loaded := b.wanderBrowser(t, url, width, height, n)
			s, frames := b.window(newDisplay(t, width, height), b.project(n))
			ours := b.wander(s, frames)
			s.quit()
			name := fmt.Sprintf("viewer %d×%d, %d polygons: ", width, height, n)
			add := func(what string, ours, peer float64, unit string, goal float64) {
				peertest.Record(t, peertest.Result{Name: name + what, Ours: ours, Peer: peer, Ratio: peer / max(ours, 1e-3), Unit: unit, Goal: goal, Note: note})
			}
			late, memoryGoal, gap := 1.5, 2.0, 0.0
			if n > 0 {
				late, memoryGoal, gap = 0, 0, 5
			}
			add("late frames", float64(ours.all.missed), float64(peer.all.missed), "thirtieths of a second without a new picture in 10 s", late)
			peertest.Record(t, peertest.Result{Name: name + "frames", Ours: float64(ours.all.frames), Peer: float64(peer.all.frames),
				Ratio: float64(ours.all.frames) / float64(max(1, peer.all.frames)), Unit: "frames in 10 s", Note: note})
			add("memory", ours.pss, peer.pss, "MB", memoryGoal)
			add("between frames, p95", ms(ours.all.gap95), ms(peer.all.gap95), "ms", gap)
			if n > 0 {
				t.Logf("the peer loads the labels in %.1f s", loaded.Seconds())
			}
		})
	}
}
