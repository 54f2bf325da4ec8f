package arrays

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var two = Matrix{Name: "embeddings", Cols: 3, Data: []float32{1, 2, 3, -4, 0.5, 1e9}}

// The bytes that numpy.save writes for the same array, version 1.26.
func TestWriteNPY_AsNumPy(t *testing.T) {
	var b bytes.Buffer
	if err := WriteNPY(&b, two); err != nil {
		t.Fatal(err)
	}
	want := "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028322c2033292c207d"
	got := hex.EncodeToString(b.Bytes())
	if len(b.Bytes()) != 128+24 || got[:len(want)] != want || b.Bytes()[127] != '\n' {
		t.Errorf("%d bytes: %s", b.Len(), got)
	}
}

func TestWrite_PythonReadsThem(t *testing.T) {
	py := os.Getenv("COVERSLIP_PYTHON")
	if py == "" {
		py = "python3"
	}
	if exec.Command(py, "-c", "import numpy, safetensors.numpy").Run() != nil {
		t.Skip("no python with numpy and safetensors (COVERSLIP_PYTHON)")
	}
	var npy, st bytes.Buffer
	other := Matrix{Name: "a", Cols: 1, Data: []float32{7}}
	if err := errors.Join(WriteNPY(&npy, two), WriteSafetensors(&st, []Matrix{two, other}, map[string]string{"mpp": "0.5"})); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.npy"), filepath.Join(dir, "b.safetensors")
	if err := errors.Join(os.WriteFile(a, npy.Bytes(), 0o644), os.WriteFile(b, st.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	script := `
import sys, numpy as np, safetensors.numpy as st
from safetensors import safe_open
want = np.array([[1,2,3],[-4,.5,1e9]], np.float32)
a = np.load(sys.argv[1]); assert a.dtype == np.float32 and (a == want).all()
t = st.load_file(sys.argv[2]); assert (t['embeddings'] == want).all() and t['a'].tolist() == [[7.]]
assert safe_open(sys.argv[2], 'np').metadata() == {'mpp': '0.5'}
`
	if out, err := exec.Command(py, "-c", script, a, b).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWrite_Refuses(t *testing.T) {
	bad := Matrix{Name: "x", Cols: 2, Data: make([]float32, 3)}
	if err := WriteNPY(&bytes.Buffer{}, bad); !errors.Is(err, ErrShape) {
		t.Errorf("npy: %v", err)
	}
	if err := WriteSafetensors(&bytes.Buffer{}, []Matrix{two, two}, nil); err == nil {
		t.Error("two tensors of one name were taken")
	}
}
