package openslidetest

import (
	"errors"
	"image"
	"strconv"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/native/dl"
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

// Both read the same 1024² regions at unaligned positions, OpenSlide through
// its cache of tiles, we without one.
func BenchmarkPeer_DICOM(b *testing.B) {
	const name = "made/dicom-full-jpeg/level0.dcm"
	needsFour(b, name)
	peer, ours := pair(b, name)
	dst := image.NewRGBA(image.Rect(0, 0, 1024, 1024))
	for who, read := range map[string]func(x, y int) error{
		"coverslip": func(x, y int) error { return tiles.ReadRegion(b.Context(), ours, 0, x, y, dst) },
		"openslide": func(x, y int) error { return peer.ReadRegion(0, x, y, dst) },
	} {
		b.Run(who, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := read(37+(i*389)%1100, 53+(i*521)%1800); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
