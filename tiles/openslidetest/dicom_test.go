package openslidetest

import (
	"errors"
	"image"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coverslip/tiles/dicomwrite"
	"coverslip/tiles/formats"
	"coverslip/tiles/native/dl"
	"coverslip/tiles/peertest"
	"coverslip/tiles/slidetest"
)

// needsFour skips a test where libopenslide does not know DICOM.
func needsFour(t testing.TB, name string) {
	t.Helper()
	probe, err := Open(slidetest.Shared(t, name))
	if errors.Is(err, dl.ErrNotFound) || err != nil && strings.Contains(err.Error(), "not a file that OpenSlide can recognize") {
		t.Skip("needs libopenslide 4:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	probe.Close()
}

// DICOM is read by OpenSlide from 4.0 on.
func TestReadRegion_DICOM_EqualsOpenSlide(t *testing.T) {
	for _, name := range []string{"made/dicom-full-jpeg/level0.dcm", "made/dicom-sparse-jpeg/level1.dcm", "made/dicom-full-j2k/level0.dcm",
		"dicom-boxes/boxes_0.dcm", "dicom-highdicom/sm_image.dcm", "dicom-highdicom/sm_image_numbers.dcm"} {
		t.Run(name, func(t *testing.T) {
			needsFour(t, name)
			peer, ours := pair(t, name)
			sizes, downsamples := peer.Levels()
			if len(sizes) != len(ours.Levels()) {
				t.Fatalf("levels %v and %v", sizes, ours.Levels())
			}
			for level, l := range ours.Levels() {
				if sizes[level] != image.Pt(l.Width, l.Height) || downsamples[level] != l.Downsample {
					t.Errorf("level %d: %v at %v and %+v", level, sizes[level], downsamples[level], l)
				}
				compareLevel(t, peer, ours, level, 8)
			}
			for k, v := range ours.Info().Properties {
				want := peer.Property(k)
				if !strings.HasPrefix(k, "dicom.") || want == "" || want == v {
					continue
				}
				x, errX := strconv.ParseFloat(v, 64) // it writes 17 digits, we as many as needed
				y, errY := strconv.ParseFloat(want, 64)
				if errX != nil || errY != nil || x != y {
					t.Errorf("property %s is %q, OpenSlide says %q", k, v, want)
				}
			}
			for _, k := range []string{"openslide.mpp-x", "openslide.objective-power", "openslide.icc-size", "openslide.vendor"} {
				if got, want := ours.Info().Properties[k], peer.Property(k); got != want {
					t.Errorf("property %s is %q, OpenSlide says %q", k, got, want)
				}
			}
			for _, a := range ours.Info().Associated {
				m, err := peer.Associated(a)
				if err != nil {
					t.Error(err)
					continue
				}
				got, err := ours.AssociatedImage(t.Context(), a)
				if err != nil || string(got.Pix) != string(m.Pix) {
					t.Errorf("%s differs: %v", a, err)
				}
			}
		})
	}
}

// TestPeers_DICOM reads regions of a slide of 20,480² pixels, larger than
// OpenSlide's cache of tiles.
func TestPeers_DICOM(t *testing.T) {
	peertest.Start(t)
	needsFour(t, "made/dicom-full-jpeg/level0.dcm")
	real, err := formats.Open(t.Context(), slidetest.Shared(t, "svs/TCGA-CR-7395-ts1.svs"))
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	jpegs := peertest.Tissue(t, real, 1024, 256, "420")
	const side, tile = 20480, 256
	dir := filepath.Join(t.TempDir(), "dicom")
	s := &dicomwrite.Slide{Levels: []dicomwrite.Level{{Width: side, Height: side, TileWidth: tile, TileHeight: tile, Downsample: 1}},
		MPPX: 0.25, MPPY: 0.25, Seed: "peers", Time: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	err = dicomwrite.Write(t.Context(), dir, s, func(put dicomwrite.Put) error {
		for i := range side / tile * (side / tile) {
			if err := put(0, 0, i%(side/tile), i/(side/tile), jpegs[i*7%len(jpegs)]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ours, peer := pairAt(t, filepath.Join(dir, "level-0.dcm"))
	regions(t, peertest.Case{Name: "region of 1024², DICOM JPEG", Turns: 31, GoalCPU: 3, GoalWall: 3}, ours, peer, 0, 1024, places(ours, 0, 1024, 200))
}
