package storage

import (
	"encoding/hex"
	"testing"

	"coverslip/annotate"
)

// TestFormat_EveryKind holds the bytes of every kind of shape that a tool draws,
// and that they read back as they were; docs/project-format.md says how they come
// about.
func TestFormat_EveryKind(t *testing.T) {
	for name, v := range map[string]struct {
		roi  annotate.ROI
		want string
	}{
		"point":     {annotate.PointAt(3, 4), "01010180" + "0c80" + "1000"},
		"points":    {annotate.ROI{Kind: annotate.KindPoints, Points: []annotate.Point{{X: 1, Y: 2}, {X: 3, Y: 5}}}, "0201028004800880" + "0880" + "0c00"},
		"line":      {annotate.ROI{Kind: annotate.KindLine, Points: []annotate.Point{{X: 0, Y: 0}, {X: 1, Y: 1}}}, "030102000080048004" + "00"},
		"rectangle": {annotate.Rectangle(0, 0, 2, 1), "0401000101040000" + "80080000" + "8004ff0700"},
		"ellipse":   {annotate.Ellipse(0, 0, 2, 1), "0501020000" + "8008800400"},
		"polygon":   {annotate.Area(annotate.Ring{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 0, Y: 1}}), "060100010103000080" + "0400ff038004"},
	} {
		got := encodeROI(v.roi)
		if h := hex.EncodeToString(got); h != v.want {
			t.Errorf("%s: the disk format changed:\n%s, was\n%s", name, h, v.want)
		}
		raw, err := hex.DecodeString(v.want)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeROI(raw); err != nil || !back.Equal(v.roi) {
			t.Errorf("%s: read back as %v: %v", name, back, err)
		}
	}
}
