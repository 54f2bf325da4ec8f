package zarr

import (
	"encoding/json"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"coverslip/tiles"
	"coverslip/tiles/kept"
	"coverslip/tiles/tiff"
)

// array is one array of a store: a level of a picture.
type array struct {
	src     *tiles.Source
	kept    *kept.Kept[keptKey]
	path    string // of its folder, relative to the store; "." for the store's own
	shape   []int
	chunk   []int // of a chunk; of an inner one where chunks are sharded
	strides []int // elements between neighbours of a chunk along each axis
	grid    []int // chunks along each axis
	kind    element
	steps   []step // that packed a chunk, the first one first
	shard   *shard // nil: a chunk is a file
	fill    float64
	keys    keys
	keep    bool         // a chunk serves several tiles or planes
	seen    atomic.Int64 // ns since 1970 when the metadata were last seen to be there
}

// element is the type of an array's elements.
type element struct {
	letter byte // u, i, f; b is a truth of one byte
	size   int  // bytes
	big    bool // the highest byte first
}

// keys makes the names of chunks.
type keys struct {
	prefix    string // "c" in version 3
	separator string
}

// name of the chunk at an index of a grid.
func (k keys) name(index []int) string {
	var b strings.Builder
	b.WriteString(k.prefix)
	for i, v := range index {
		if i > 0 || k.prefix != "" {
			b.WriteString(k.separator)
		}
		b.WriteString(strconv.Itoa(v))
	}
	return b.String()
}

// elements is the number of elements of a chunk.
func (a *array) elements() int {
	n := 1
	for _, c := range a.chunk {
		n *= c
	}
	return n
}

// bytes is the size of a chunk.
func (a *array) bytes() int { return a.elements() * a.kind.size }

// meta2 is .zarray of Zarr 2.
type meta2 struct {
	Format     int                   `json:"zarr_format"`
	Shape      []int64               `json:"shape"`
	Chunks     []int64               `json:"chunks"`
	Type       json.RawMessage       `json:"dtype"`
	Compressor *struct{ ID string }  `json:"compressor"`
	Fill       json.RawMessage       `json:"fill_value"`
	Order      string                `json:"order"`
	Filters    []struct{ ID string } `json:"filters"`
	Separator  string                `json:"dimension_separator"`
}

// parse2 reads the metadata of an array of Zarr 2.
func parse2(data []byte, at string) (*array, error) {
	var m meta2
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &tiles.FormatError{Format: name, What: "metadata of array " + at, Err: err}
	}
	if m.Format != 2 {
		return nil, unsupported("", "Zarr format %d of array %s", m.Format, at)
	}
	a := &array{path: at, keys: keys{separator: "."}}
	switch m.Separator {
	case "", ".":
	case "/":
		a.keys.separator = "/"
	default:
		return nil, bad("array %s: dimension separator %q", at, clip(m.Separator))
	}
	for _, f := range m.Filters {
		return nil, unsupported("write the array without filters", "filter %q of array %s", clip(f.ID), at)
	}
	if m.Compressor != nil {
		s, err := packing(m.Compressor.ID, at)
		if err != nil {
			return nil, err
		}
		a.steps = []step{s}
	}
	var text string
	if err := json.Unmarshal(m.Type, &text); err != nil {
		return nil, unsupported("", "structured elements of array %s", at)
	}
	var err error
	if a.kind, err = elementOf2(text, at); err != nil {
		return nil, err
	}
	if err := a.setShape(m.Shape, m.Chunks); err != nil {
		return nil, err
	}
	switch m.Order {
	case "C", "":
		a.setStrides(nil)
	case "F":
		order := make([]int, len(a.chunk))
		for i := range order {
			order[i] = len(order) - 1 - i
		}
		a.setStrides(order)
	default:
		return nil, bad("array %s: order %q", at, clip(m.Order))
	}
	a.fill, err = number(m.Fill, at)
	return a, err
}

// elementOf2 reads a type as NumPy writes it: "<u2".
func elementOf2(s, at string) (element, error) {
	if len(s) == 3 && (s[0] == '<' || s[0] == '>' || s[0] == '|') {
		e := element{letter: s[1], size: int(s[2] - '0'), big: s[0] == '>'}
		if e.known() {
			return e, nil
		}
	}
	return element{}, unsupported("", "elements of type %q of array %s", clip(s), at)
}

func (e element) known() bool {
	switch e.letter {
	case 'u', 'i':
		return e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8
	case 'f':
		return e.size == 4 || e.size == 8
	case 'b':
		return e.size == 1
	}
	return false
}

// setShape checks the sizes against each other and against the limits.
func (a *array) setShape(shape, chunk []int64) error {
	if len(shape) < 2 || len(shape) > 5 {
		return unsupported("", "array %s of %d dimensions", a.path, len(shape))
	}
	if len(chunk) != len(shape) {
		return bad("array %s of %d dimensions has chunks of %d", a.path, len(shape), len(chunk))
	}
	bytes, chunks := int64(a.kind.size), int64(1)
	for i, n := range shape {
		if n < 1 || n > tiff.MaxSide {
			return bad("array %s: %d elements along dimension %d", a.path, n, i)
		}
		if chunk[i] < 1 || chunk[i] > tiff.MaxSide {
			return bad("array %s: chunks of %d elements along dimension %d", a.path, chunk[i], i)
		}
		if bytes *= chunk[i]; bytes > maxChunkBytes {
			return unsupported("write the picture in smaller chunks", "array %s: chunks of more than %d bytes", a.path, maxChunkBytes)
		}
		along := (n-1)/chunk[i] + 1
		if chunks > math.MaxInt64/4/along {
			return bad("array %s has too many chunks", a.path)
		}
		chunks *= along
		a.shape, a.chunk, a.grid = append(a.shape, int(n)), append(a.chunk, int(chunk[i])), append(a.grid, int(along))
	}
	return nil
}

// setStrides says how the elements of a chunk lie: order names the axes from the
// slowest to the fastest, nil is the usual order.
func (a *array) setStrides(order []int) {
	a.strides = make([]int, len(a.chunk))
	n := 1
	for i := len(a.chunk) - 1; i >= 0; i-- {
		axis := i
		if order != nil {
			axis = order[i]
		}
		a.strides[axis] = n
		n *= a.chunk[axis]
	}
}

// number reads a fill value: a number, null, or a word of version 3.
func number(raw json.RawMessage, at string) (float64, error) {
	s := strings.Trim(string(raw), `"`)
	switch s {
	case "", "null", "false", "NaN":
		return 0, nil // what is not a number is drawn as nothing
	case "true":
		return 1, nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, unsupported("", "fill value %s of array %s", clip(s), at)
	}
	return v, nil
}

// linear is the number of a chunk in a grid, row after row.
func linear(index, grid []int) int64 {
	n := int64(0)
	for i, v := range index {
		n = n*int64(grid[i]) + int64(v)
	}
	return n
}

// spread is the index of the n-th cell of a grid.
func spread(n int64, grid []int) []int {
	index := make([]int, len(grid))
	for i := len(grid) - 1; i >= 0; i-- {
		index[i] = int(n % int64(grid[i]))
		n /= int64(grid[i])
	}
	return index
}

// files is the grid of the array's files: its chunks, or its shards.
func (a *array) files() []int {
	if a.shard != nil {
		return a.shard.grid
	}
	return a.grid
}

// sample names files of chunks, at most n, spread over the array.
func (a *array) sample(n int) []string {
	grid, total := a.files(), int64(1)
	for _, g := range grid {
		total *= int64(g)
	}
	n = int(min(int64(n), total))
	var out []string
	for i := range int64(n) {
		at := i * (total / int64(n))
		if i == int64(n)-1 {
			at = total - 1
		}
		out = append(out, path.Join(a.path, a.keys.name(spread(at, grid))))
	}
	return slices.Compact(out)
}

// clip shortens a text of the file for a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
