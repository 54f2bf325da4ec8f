package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// EmbeddingRows reads single vectors of an embeddings file, for those who keep
// something smaller of all of them in memory. It is safe for concurrent use.
type EmbeddingRows struct {
	f     *os.File
	dim   int
	count int
	first int64 // of the first chunk
}

// OpenEmbeddingRows opens the embeddings of a key; ErrNoEmbeddings when there are
// none. Only ReadEmbeddings looks at the checksums of the vectors.
func (p *Project) OpenEmbeddingRows(k EmbeddingKey) (*EmbeddingRows, error) {
	fail := func(err error) (*EmbeddingRows, error) {
		return nil, fmt.Errorf("storage: embeddings: %w", err)
	}
	name, err := k.fileName()
	if err != nil {
		return fail(err)
	}
	path := filepath.Join(p.dir, SidecarDir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(ErrNoEmbeddings)
	}
	if err != nil {
		return fail(err)
	}
	st, err := f.Stat()
	if err == nil {
		var h embHead
		var at int64
		if h, at, err = readEmbHead(f, st.Size(), p.codec); err == nil {
			if (EmbeddingKey{h.Fingerprint, h.ModelHash, h.MPP, h.Patch, h.Pixels}) == k {
				return &EmbeddingRows{f: f, dim: h.Dim, count: h.Count, first: at}, nil
			}
			err = ErrNoEmbeddings
		}
	}
	return fail(errors.Join(located(path, err), f.Close()))
}

// Len is the number of vectors.
func (r *EmbeddingRows) Len() int { return r.count }

// Dim is their length.
func (r *EmbeddingRows) Dim() int { return r.dim }

// Read reads vector i into v, which is Dim long.
func (r *EmbeddingRows) Read(i int, v []float32) error {
	if i < 0 || i >= r.count || len(v) != r.dim {
		return fmt.Errorf("storage: embeddings: vector %d of %d into %d numbers", i, r.count, len(v))
	}
	each := int64(embBoxBytes + 4*r.dim)
	chunk := i / embChunk
	boxes := int64(min(embChunk, r.count-chunk*embChunk)) * embBoxBytes
	at := r.first + int64(chunk)*(4+embChunk*each) + 4 + boxes + int64(i%embChunk)*int64(4*r.dim)
	b := make([]byte, 4*r.dim)
	if _, err := r.f.ReadAt(b, at); err != nil && err != io.EOF {
		return fmt.Errorf("storage: embeddings: vector %d: %w", i, err)
	}
	for j := range v {
		v[j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:]))
	}
	return nil
}

// Close closes the file.
func (r *EmbeddingRows) Close() error { return r.f.Close() }
