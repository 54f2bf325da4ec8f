package storage

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"coverslip/annotate"
)

// EmbeddingKey is what embeddings were computed from. Other embeddings of the
// same slide stand beside them.
type EmbeddingKey struct {
	Fingerprint string  // of the slide
	ModelHash   string  // SHA-256 of the encoder, hex
	MPP         float64 // µm per pixel of the patches
	Patch       int     // pixels of a patch's side
	Pixels      string  // what was done to the slide's pixels: "" nothing, "srgb" its colour profile was applied
}

// Embeddings is the vectors of the patches of one slide.
type Embeddings struct {
	Key     EmbeddingKey
	Dim     int
	Boxes   []annotate.Box // of each patch, level-0 pixels
	Vectors []float32      // len(Boxes)*Dim, patch after patch
}

// An embeddings file is
//
//	8 bytes   "CSEMB1\r\n"
//	4 bytes   length of the head
//	4 bytes   CRC-32C of the head
//	head      CBOR: 1 fingerprint, 2 model, 3 mpp, 4 patch, 5 dim, 6 count, 7 pixels (absent when nothing was done to them)
//	chunks    of 256 patches (the last may be shorter): CRC-32C of the rest of
//	          the chunk, then 4 float64 a patch, then dim float32 a patch
//
// and ends there. Integers and floats are little-endian.
const (
	embMagic     = "CSEMB1\r\n"
	embChunk     = 256
	embMaxHead   = 4096
	embMaxDim    = 1 << 16
	embMaxCount  = 1 << 26
	embBoxBytes  = 32
	embHeadStart = len(embMagic) + 8
)

type embHead struct {
	Fingerprint string  `cbor:"1,keyasint"`
	ModelHash   string  `cbor:"2,keyasint"`
	MPP         float64 `cbor:"3,keyasint"`
	Patch       int     `cbor:"4,keyasint"`
	Dim         int     `cbor:"5,keyasint"`
	Count       int     `cbor:"6,keyasint"`
	Pixels      string  `cbor:"7,keyasint,omitempty"`
}

// fileName is <fingerprint>-<first 12 of the model's hash>-<parameters>.emb; the
// parameters end with what was done to the pixels, if anything was.
func (k EmbeddingKey) fileName() (string, error) {
	if k.Fingerprint == "" || len(k.ModelHash) < 12 || k.Patch <= 0 || !(k.MPP > 0) || math.IsInf(k.MPP, 0) {
		return "", fmt.Errorf("embeddings need a slide's fingerprint, a model's hash, an mpp and a patch size; got %+v", k)
	}
	// Both strings come from files of others; a name must not become a path.
	ok := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	for _, s := range []string{k.Fingerprint, k.ModelHash[:12], k.Pixels} {
		if len(s) > 128 || strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
			return "", fmt.Errorf("%q cannot be part of a file name", s)
		}
	}
	name := k.Fingerprint + "-" + k.ModelHash[:12] + "-mpp" + strconv.FormatFloat(k.MPP, 'g', -1, 64) + "-p" + strconv.Itoa(k.Patch)
	if k.Pixels != "" {
		name += "-" + k.Pixels
	}
	return name + ".emb", nil
}

// WriteEmbeddings keeps the vectors in a file of the sidecar folder; a file of
// the same key is replaced as a whole.
func (p *Project) WriteEmbeddings(e *Embeddings) error {
	fail := func(err error) error { return fmt.Errorf("storage: embeddings: %w", err) }
	if p.readOnly {
		return fail(ErrReadOnly)
	}
	name, err := e.Key.fileName()
	if err != nil {
		return fail(err)
	}
	dir := filepath.Join(p.dir, SidecarDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(dir, ".emb-*.tmp")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 1<<20)
	err = writeEmbeddings(w, p.codec, e)
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fail(err)
	}
	if err := p.disk.publish(f.Name(), filepath.Join(dir, name)); err != nil {
		return fail(err)
	}
	return nil
}

func writeEmbeddings(w io.Writer, c *codec, e *Embeddings) error {
	n := len(e.Boxes)
	if e.Dim < 1 || e.Dim > embMaxDim || n > embMaxCount || len(e.Vectors) != n*e.Dim {
		return fmt.Errorf("%d vectors of %d numbers for %d patches", len(e.Vectors), e.Dim, n)
	}
	head, err := c.enc.Marshal(embHead{e.Key.Fingerprint, e.Key.ModelHash, e.Key.MPP, e.Key.Patch, e.Dim, n, e.Key.Pixels})
	if err != nil {
		return err
	}
	if len(head) > embMaxHead {
		return fmt.Errorf("a head of %d bytes", len(head))
	}
	out := append([]byte(embMagic), make([]byte, 8)...)
	binary.LittleEndian.PutUint32(out[8:], uint32(len(head)))
	binary.LittleEndian.PutUint32(out[12:], crc32.Checksum(head, castagnoli))
	if _, err := w.Write(append(out, head...)); err != nil {
		return err
	}
	for from := 0; from < n; from += embChunk {
		to := min(n, from+embChunk)
		chunk := make([]byte, 4, 4+(to-from)*(embBoxBytes+4*e.Dim))
		for _, b := range e.Boxes[from:to] {
			for _, v := range [4]float64{b.MinX, b.MinY, b.MaxX, b.MaxY} {
				chunk = binary.LittleEndian.AppendUint64(chunk, math.Float64bits(v))
			}
		}
		for _, v := range e.Vectors[from*e.Dim : to*e.Dim] {
			chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
		}
		binary.LittleEndian.PutUint32(chunk, crc32.Checksum(chunk[4:], castagnoli))
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// ReadEmbeddings reads what WriteEmbeddings kept; ErrNoEmbeddings when there is
// nothing of that key, a *DamageError when the file is not whole. Damaged or
// missing embeddings are computed anew; nothing else depends on them.
func (p *Project) ReadEmbeddings(k EmbeddingKey) (*Embeddings, error) {
	fail := func(err error) (*Embeddings, error) { return nil, fmt.Errorf("storage: embeddings: %w", err) }
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
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	e, err := readEmbeddings(f, st.Size(), p.codec)
	if err != nil {
		return fail(located(path, err))
	}
	if e.Key != k {
		// The name holds only the beginning of the model's hash.
		return fail(ErrNoEmbeddings)
	}
	return e, nil
}

// readEmbHead reads what stands before the first chunk, and where that begins.
// The length of the file is known to be right before anything is allocated.
func readEmbHead(r io.ReaderAt, size int64, c *codec) (h embHead, at int64, err error) {
	start := make([]byte, embHeadStart)
	if _, err := r.ReadAt(start, 0); err != nil || string(start[:8]) != embMagic {
		return h, 0, broken("it does not begin as an embeddings file")
	}
	n := int64(binary.LittleEndian.Uint32(start[8:]))
	if n > embMaxHead || n > size-int64(embHeadStart) {
		return h, 0, broken("its head is said to have %d bytes", n)
	}
	raw := make([]byte, n)
	if _, err := r.ReadAt(raw, int64(embHeadStart)); err != nil && err != io.EOF {
		return h, 0, err
	}
	if crc32.Checksum(raw, castagnoli) != binary.LittleEndian.Uint32(start[12:]) || c.dec.Unmarshal(raw, &h) != nil {
		return h, 0, broken("its head is not readable")
	}
	if h.Dim < 1 || h.Dim > embMaxDim || h.Count < 0 || h.Count > embMaxCount {
		return h, 0, broken("it speaks of %d vectors of %d numbers", h.Count, h.Dim)
	}
	each, chunks := int64(embBoxBytes+4*h.Dim), int64((h.Count+embChunk-1)/embChunk)
	at = int64(embHeadStart) + n
	if want := at + 4*chunks + each*int64(h.Count); size != want {
		return h, 0, broken("it has %d bytes instead of %d", size, want)
	}
	return h, at, nil
}

func readEmbeddings(r io.ReaderAt, size int64, c *codec) (*Embeddings, error) {
	h, at, err := readEmbHead(r, size, c)
	if err != nil {
		return nil, err
	}
	each := int64(embBoxBytes + 4*h.Dim)
	e := &Embeddings{Key: EmbeddingKey{h.Fingerprint, h.ModelHash, h.MPP, h.Patch, h.Pixels}, Dim: h.Dim,
		Boxes: make([]annotate.Box, h.Count), Vectors: make([]float32, h.Count*h.Dim)}
	buf := make([]byte, 4+embChunk*each)
	for from := 0; from < h.Count; from += embChunk {
		to := min(h.Count, from+embChunk)
		b := buf[:4+int64(to-from)*each]
		if _, err := r.ReadAt(b, at); err != nil && err != io.EOF {
			return nil, err
		}
		at += int64(len(b))
		if crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b) {
			return nil, broken("the checksum of patches %d to %d does not match", from, to-1)
		}
		e.fill(from, to, b[4:])
	}
	return e, nil
}

func (e *Embeddings) fill(from, to int, b []byte) {
	f64 := func() float64 {
		v := math.Float64frombits(binary.LittleEndian.Uint64(b))
		b = b[8:]
		return v
	}
	for i := from; i < to; i++ {
		e.Boxes[i] = annotate.Box{MinX: f64(), MinY: f64(), MaxX: f64(), MaxY: f64()}
	}
	for i := from * e.Dim; i < to*e.Dim; i++ {
		e.Vectors[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
}
