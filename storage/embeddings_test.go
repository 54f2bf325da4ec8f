package storage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coverslip/annotate"
)

func someEmbeddings(n, dim int) *Embeddings {
	e := &Embeddings{Key: EmbeddingKey{"v1-0123abcd", "0123456789abcdef0123", 0.5, 224, ""}, Dim: dim}
	for i := range n {
		e.Boxes = append(e.Boxes, annotate.Box{MinX: float64(i), MinY: rand.Float64(), MaxX: float64(i) + 448, MaxY: 448})
	}
	for range n * dim {
		e.Vectors = append(e.Vectors, rand.Float32())
	}
	return e
}

func TestEmbeddings_RoundTrip(t *testing.T) {
	p, _ := newProject(t)
	for _, n := range []int{0, 1, 255, 256, 257, 1000} {
		e := someEmbeddings(n, 7)
		if err := p.WriteEmbeddings(e); err != nil {
			t.Fatal(err)
		}
		got, err := p.ReadEmbeddings(e.Key)
		if err != nil || got.Key != e.Key || got.Dim != 7 || !slices.Equal(got.Boxes, e.Boxes) || !slices.Equal(got.Vectors, e.Vectors) {
			t.Fatal(n, err)
		}
	}
	key := someEmbeddings(0, 1).Key
	for _, k := range []EmbeddingKey{{key.Fingerprint, "0123456789ab" + "ffff", 0.5, 224, ""}, {key.Fingerprint, key.ModelHash, 0.5, 224, "srgb"}, {key.Fingerprint, key.ModelHash, 0.25, 224, ""}, {"v1-other", key.ModelHash, 0.5, 224, ""}} {
		if _, err := p.ReadEmbeddings(k); !errors.Is(err, ErrNoEmbeddings) {
			t.Errorf("%+v: %v", k, err)
		}
	}
	for _, k := range []EmbeddingKey{{}, {"../../etc", key.ModelHash, 0.5, 224, ""}, {"a", "short", 0.5, 224, ""}, {"a", key.ModelHash, 0.5, 224, "../x"}, {"a", "../../../../../", 0.5, 224, ""}, {"a", key.ModelHash, 0, 224, ""}} {
		if _, err := p.ReadEmbeddings(k); err == nil || errors.Is(err, ErrNoEmbeddings) {
			t.Errorf("%+v: %v", k, err)
		}
	}
	bad := someEmbeddings(3, 4)
	bad.Vectors = bad.Vectors[:11]
	if err := p.WriteEmbeddings(bad); err == nil {
		t.Error("too few vectors were written")
	}
	if left, _ := filepath.Glob(filepath.Join(p.Dir(), SidecarDir, ".emb-*")); len(left) != 0 {
		t.Error("left behind:", left)
	}
}

func TestEmbeddings_Damage(t *testing.T) {
	p, _ := newProject(t)
	e := someEmbeddings(300, 5)
	if err := p.WriteEmbeddings(e); err != nil {
		t.Fatal(err)
	}
	name, err := e.Key.fileName()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.Dir(), SidecarDir, name)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var d *DamageError
		if _, err := p.ReadEmbeddings(e.Key); !errors.As(err, &d) || d.Path != path {
			t.Errorf("%s: %v", what, err)
		}
	}
	try("longer", append(bytes.Clone(good), 0))
	try("empty", nil)
	for range 60 {
		i := rand.IntN(len(good))
		try("cut", good[:i])
		b := bytes.Clone(good)
		b[i] ^= 1 << rand.IntN(8)
		try("a flipped bit", b)
	}
}

func FuzzReadEmbeddings(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int{0, 2, 300} {
		var b bytes.Buffer
		if err := writeEmbeddings(&b, c, someEmbeddings(n, 3)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := readEmbeddings(bytes.NewReader(b), int64(len(b)), c)
		if err == nil && len(e.Vectors) != len(e.Boxes)*e.Dim {
			t.Fatal("sizes do not fit")
		}
	})
}

func BenchmarkEmbeddings_10k(b *testing.B) {
	p, _ := newProject(b)
	e := someEmbeddings(10_000, 384)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.WriteEmbeddings(e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.ReadEmbeddings(e.Key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestEmbeddingRows_EqualTheWhole(t *testing.T) {
	p, _ := newProject(t)
	for _, n := range []int{1, 256, 257, 700} {
		e := someEmbeddings(n, 7)
		if err := p.WriteEmbeddings(e); err != nil {
			t.Fatal(err)
		}
		r, err := p.OpenEmbeddingRows(e.Key)
		if err != nil {
			t.Fatal(err)
		}
		if r.Len() != n || r.Dim() != 7 {
			t.Errorf("%d rows of %d", r.Len(), r.Dim())
		}
		v := make([]float32, 7)
		for i := range n {
			if err := r.Read(i, v); err != nil || !slices.Equal(v, e.Vectors[7*i:7*i+7]) {
				t.Fatalf("row %d of %d: %v %v", i, n, v, err)
			}
		}
		if r.Read(n, v) == nil || r.Read(-1, v) == nil || r.Read(0, v[:3]) == nil {
			t.Error("a row that is not there was read")
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	other := someEmbeddings(1, 7).Key
	other.Patch = 99
	if _, err := p.OpenEmbeddingRows(other); !errors.Is(err, ErrNoEmbeddings) {
		t.Errorf("no file: %v", err)
	}
}
