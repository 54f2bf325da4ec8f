package dense

import (
	"testing"

	"coverslip/models/onnxfile"
)

// FuzzReceptive: whatever the graph, an answer or a no.
func FuzzReceptive(f *testing.F) {
	f.Add(unet(0).Marshal())
	f.Add(starNet().Marshal())
	broken := unet(64)
	broken.Graph.Nodes[0].Attributes = nil
	broken.Graph.Nodes[2].Attributes[0].Ints = []int64{0, -1}
	f.Add(broken.Marshal())
	f.Add([]byte("\x08\x08"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := onnxfile.Read(b)
		if err != nil {
			return
		}
		if r, ok := Receptive(m); ok && (r.Radius < 0 || r.Step < 1 || r.Radius > maxMargin) {
			t.Errorf("%+v", r)
		}
	})
}
