package storage

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
)

// This file reads bbolt's file format (version 2) with ReadAt, without mapping
// it into memory: a mapped file that is shorter or other than its pages say
// ends in a fault of the processor, a read one in an error. Layout: bbolt
// v1.5.0, internal/common/{meta,page,bucket}.go. Integers are in the order of
// the machine that wrote them.

const (
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	pageHeadSize = 16
	elemSize     = 16 // of branch and of leaf elements
	metaSize     = 64
	bucketHead   = 16

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10

	leafIsBucket = 0x01
	noFreelist   = math.MaxUint64
	maxDepth     = 64
)

var order = binary.NativeEndian

// pageFile is a bolt file seen as pages.
type pageFile struct {
	r        io.ReaderAt
	size     int64
	pageSize int64
	root     uint64 // page of the root bucket
	free     uint64 // page of the freelist
	high     uint64 // first page beyond the used ones
	txid     uint64
}

// readPages finds the newest valid meta page. It answers ErrNotProject for a
// file that is no bolt file at all.
func readPages(r io.ReaderAt, size int64) (*pageFile, error) {
	if size == 0 {
		return nil, broken("it is empty (0 bytes)")
	}
	first := make([]byte, pageHeadSize+metaSize)
	n, err := r.ReadAt(first, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	magic := n >= pageHeadSize+4 && order.Uint32(first[pageHeadSize:]) == boltMagic
	best := &pageFile{r: r, size: size}
	// The second meta page lies after the first; when that is damaged, so is
	// its page size, and the usual ones are tried.
	sizes := []int64{4096, 8192, 16384, 65536, 1024, 2048, 32768}
	if magic {
		sizes = append([]int64{int64(order.Uint32(first[pageHeadSize+8:]))}, sizes...)
		best.meta(first[:n])
	}
	for _, s := range sizes {
		if s < 512 || s > 1<<20 || s+int64(len(first)) > size {
			continue
		}
		second := make([]byte, len(first))
		if _, err := r.ReadAt(second, s); err != nil {
			return nil, err
		}
		if order.Uint32(second[pageHeadSize:]) == boltMagic && int64(order.Uint32(second[pageHeadSize+8:])) == s {
			magic = true
			best.meta(second)
		}
	}
	switch {
	case !magic:
		return nil, fmt.Errorf("it is no BoltDB file: %w", ErrNotProject)
	case best.pageSize == 0:
		return nil, broken("neither of its two meta pages is valid")
	}
	return best, nil
}

// meta takes over the meta page if it is valid and newer.
func (f *pageFile) meta(page []byte) {
	if len(page) < pageHeadSize+metaSize {
		return
	}
	m := page[pageHeadSize:]
	sum := fnv.New64a()
	sum.Write(m[:56])
	pageSize := int64(order.Uint32(m[8:]))
	if order.Uint32(m) != boltMagic || order.Uint32(m[4:]) != boltVersion || order.Uint64(m[56:]) != sum.Sum64() ||
		pageSize < 512 || pageSize > 1<<20 || pageSize&(pageSize-1) != 0 {
		return
	}
	if txid := order.Uint64(m[48:]); f.pageSize == 0 || txid > f.txid {
		f.pageSize, f.txid = pageSize, txid
		f.root, f.free, f.high = order.Uint64(m[16:]), order.Uint64(m[32:]), order.Uint64(m[40:])
	}
}

// checkLength finds a file that was cut.
func (f *pageFile) checkLength() error {
	if f.high > uint64(math.MaxInt64/f.pageSize) || int64(f.high)*f.pageSize > f.size {
		return broken("it is cut: %d bytes of at least %d", f.size, f.high*uint64(f.pageSize))
	}
	return nil
}

// read gets a whole page with its overflow and checks its head.
func (f *pageFile) read(id uint64, want uint16) ([]byte, error) {
	if id < 2 || id >= f.high {
		return nil, broken("page %d is outside the file's %d pages", id, f.high)
	}
	head := make([]byte, pageHeadSize)
	if _, err := f.r.ReadAt(head, int64(id)*f.pageSize); err != nil {
		return nil, broken("page %d cannot be read: %v", id, err)
	}
	flags, over := order.Uint16(head[8:]), uint64(order.Uint32(head[12:]))
	if order.Uint64(head) != id {
		return nil, broken("page %d says it is page %d", id, order.Uint64(head))
	}
	if flags&want == 0 {
		return nil, broken("page %d has the wrong type %#x", id, flags)
	}
	if over >= f.high-id {
		return nil, broken("page %d runs over the end of the file", id)
	}
	b := make([]byte, int64(over+1)*f.pageSize)
	if _, err := f.r.ReadAt(b, int64(id)*f.pageSize); err != nil {
		return nil, broken("page %d cannot be read: %v", id, err)
	}
	return b, nil
}

// freelist is the pages that may be used again.
func (f *pageFile) freelist() ([]uint64, error) {
	if f.free == noFreelist {
		return nil, nil
	}
	b, err := f.read(f.free, flagFreelist)
	if err != nil {
		return nil, err
	}
	n, at := uint64(order.Uint16(b[10:])), uint64(pageHeadSize)
	if n == 0xFFFF {
		n, at = order.Uint64(b[at:]), at+8
	}
	if n > (uint64(len(b))-at)/8 {
		return nil, broken("the list of free pages (%d entries) is longer than its page", n)
	}
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = order.Uint64(b[at+8*uint64(i):])
		if ids[i] < 2 || ids[i] >= f.high || (i > 0 && ids[i] <= ids[i-1]) {
			return nil, broken("the list of free pages holds page %d at place %d", ids[i], i)
		}
	}
	return ids, nil
}

// walk visits every page that can be reached and checks that the tree is one:
// page heads, elements inside their page, keys in order, no page twice or both
// used and free.
func (f *pageFile) walk() error {
	free, err := f.freelist()
	if err != nil {
		return err
	}
	w := walker{file: f, used: make([]bool, f.high)}
	for _, id := range free {
		w.used[id] = true
	}
	if f.free != noFreelist {
		if err := w.take(f.free, 0); err != nil {
			return err
		}
	}
	return w.page(f.root, nil, nil, 0)
}

type walker struct {
	file *pageFile
	used []bool // by page: reached already, or free
}

func (w *walker) take(id, over uint64) error {
	for ; ; id++ {
		if id >= uint64(len(w.used)) {
			return broken("page %d is outside the file's %d pages", id, len(w.used))
		}
		if w.used[id] {
			return broken("page %d is used twice or marked free", id)
		}
		w.used[id] = true
		if over == 0 {
			return nil
		}
		over--
	}
}

// page checks the page and all below it; its keys lie in [low, high).
func (w *walker) page(id uint64, low, high []byte, depth int) error {
	if depth > maxDepth {
		return broken("the tree is deeper than %d pages", maxDepth)
	}
	b, err := w.file.read(id, flagBranch|flagLeaf)
	if err != nil {
		return err
	}
	if err := w.take(id, uint64(len(b))/uint64(w.file.pageSize)-1); err != nil {
		return err
	}
	if order.Uint16(b[8:])&flagBranch != 0 {
		return w.branch(id, b, low, high, depth)
	}
	return w.leaf(id, b, low, high, depth)
}

func (w *walker) branch(id uint64, b, low, high []byte, depth int) error {
	n := int(order.Uint16(b[10:]))
	if n == 0 {
		return broken("branch page %d is empty", id)
	}
	keys := make([][]byte, n)
	below := make([]uint64, n)
	for i := range n {
		at := pageHeadSize + i*elemSize
		if at+elemSize > len(b) {
			return broken("branch page %d: element %d is outside the page", id, i)
		}
		var ok bool
		keys[i], ok = cut(b, at, uint64(order.Uint32(b[at:])), uint64(order.Uint32(b[at+4:])))
		if !ok {
			return broken("branch page %d: key %d is outside the page", id, i)
		}
		below[i] = order.Uint64(b[at+8:])
	}
	if err := inOrder(id, keys, low, high); err != nil {
		return err
	}
	for i, child := range below {
		top := high
		if i+1 < n {
			top = keys[i+1]
		}
		if err := w.page(child, keys[i], top, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(id uint64, b, low, high []byte, depth int) error {
	n := int(order.Uint16(b[10:]))
	keys := make([][]byte, n)
	for i := range n {
		at := pageHeadSize + i*elemSize
		if at+elemSize > len(b) {
			return broken("leaf page %d: element %d is outside the page", id, i)
		}
		pos, ksize, vsize := uint64(order.Uint32(b[at+4:])), uint64(order.Uint32(b[at+8:])), uint64(order.Uint32(b[at+12:]))
		key, ok := cut(b, at, pos, ksize)
		value, ok2 := cut(b, at, pos+ksize, vsize)
		if !ok || !ok2 {
			return broken("leaf page %d: entry %d is outside the page", id, i)
		}
		keys[i] = key
		if order.Uint32(b[at:])&leafIsBucket == 0 {
			continue
		}
		if err := w.bucket(id, value, depth); err != nil {
			return err
		}
	}
	return inOrder(id, keys, low, high)
}

// bucket follows a nested bucket: a page of its own, or one inside the value.
func (w *walker) bucket(id uint64, value []byte, depth int) error {
	if len(value) < bucketHead {
		return broken("leaf page %d: a bucket of %d bytes", id, len(value))
	}
	if root := order.Uint64(value); root != 0 {
		return w.page(root, nil, nil, depth+1)
	}
	inline := value[bucketHead:]
	if len(inline) < pageHeadSize || order.Uint16(inline[8:])&flagLeaf == 0 {
		return broken("leaf page %d: a bucket inside it is damaged", id)
	}
	if depth > maxDepth {
		return broken("buckets are nested too deep")
	}
	return w.leaf(id, inline, nil, nil, depth+1)
}

// cut is b[at+pos : at+pos+n] when that lies in b.
func cut(b []byte, at int, pos, n uint64) ([]byte, bool) {
	from := uint64(at) + pos
	if from > uint64(len(b)) || n > uint64(len(b))-from {
		return nil, false
	}
	return b[from : from+n], true
}

func inOrder(id uint64, keys [][]byte, low, high []byte) error {
	for i, k := range keys {
		if (i > 0 && string(keys[i-1]) >= string(k)) || (i == 0 && string(k) < string(low)) {
			return broken("page %d: key %d is out of order", id, i)
		}
	}
	if n := len(keys); n > 0 && high != nil && string(keys[n-1]) >= string(high) {
		return broken("page %d: its last key belongs to another page", id)
	}
	return nil
}
