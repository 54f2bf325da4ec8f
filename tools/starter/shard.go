package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// shard is some patches, written as four arrays and a text.
type shard struct{ patches []patch }

// write makes NAME-images.npy (n,112,112,3), NAME-look.npy, NAME-zone.npy and
// NAME-nuclei.npy (n,14,14), all of bytes, and at last NAME.jsonl.
func (s *shard) write(name string) error {
	var images, look, zone, nuclei, lines bytes.Buffer
	for i := range s.patches {
		p := &s.patches[i]
		for k := 0; k < len(p.img.Pix); k += 4 {
			images.Write(p.img.Pix[k : k+3])
		}
		look.Write(p.truth.look)
		zone.Write(p.truth.zone)
		nuclei.Write(p.truth.nuclei)
		b, err := json.Marshal(&p.truth)
		if err != nil {
			return fmt.Errorf("patch %d: %w", i, err)
		}
		lines.Write(append(b, '\n'))
	}
	n := len(s.patches)
	for _, a := range []struct {
		what  string
		data  []byte
		shape []int
	}{{"images", images.Bytes(), []int{n, side, side, 3}}, {"look", look.Bytes(), []int{n, cells, cells}},
		{"zone", zone.Bytes(), []int{n, cells, cells}}, {"nuclei", nuclei.Bytes(), []int{n, cells, cells}}} {
		if err := os.WriteFile(name+"-"+a.what+".npy", append(npyHeader(a.shape), a.data...), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(name+".jsonl", lines.Bytes(), 0o644)
}

// npyHeader begins a file of bytes in NumPy's format, version 1.0
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
func npyHeader(shape []int) []byte {
	var dims []string
	for _, d := range shape {
		dims = append(dims, fmt.Sprint(d))
	}
	text := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }", strings.Join(dims, ", "))
	for (10+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	return append([]byte("\x93NUMPY\x01\x00"+string([]byte{byte(len(text)), byte(len(text) >> 8)})), text...)
}
