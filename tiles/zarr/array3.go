package zarr

import (
	"encoding/json"
	"slices"
	"strings"

	"coverslip/tiles"
)

// meta3 is zarr.json of an array of Zarr 3.
type meta3 struct {
	Format int             `json:"zarr_format"`
	Node   string          `json:"node_type"`
	Shape  []int64         `json:"shape"`
	Type   json.RawMessage `json:"data_type"`
	Grid   struct {
		Name string `json:"name"`
		Is   struct {
			Shape []int64 `json:"chunk_shape"`
		} `json:"configuration"`
	} `json:"chunk_grid"`
	Keys struct {
		Name string `json:"name"`
		Is   struct {
			Separator string `json:"separator"`
		} `json:"configuration"`
	} `json:"chunk_key_encoding"`
	Fill    json.RawMessage   `json:"fill_value"`
	Codecs  []codec3          `json:"codecs"`
	Storage []json.RawMessage `json:"storage_transformers"`
}

// codec3 is one step of packing in Zarr 3.
type codec3 struct {
	Name string          `json:"name"`
	Is   json.RawMessage `json:"configuration"`
}

// types3 are the names of the types of elements in Zarr 3.
var types3 = map[string]element{
	"bool": {letter: 'b', size: 1}, "uint8": {letter: 'u', size: 1}, "int8": {letter: 'i', size: 1},
	"uint16": {letter: 'u', size: 2}, "int16": {letter: 'i', size: 2}, "uint32": {letter: 'u', size: 4}, "int32": {letter: 'i', size: 4},
	"uint64": {letter: 'u', size: 8}, "int64": {letter: 'i', size: 8}, "float32": {letter: 'f', size: 4}, "float64": {letter: 'f', size: 8},
}

// parse3 reads the metadata of an array of Zarr 3.
func parse3(data []byte, at string) (*array, error) {
	var m meta3
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &tiles.FormatError{Format: name, What: "metadata of array " + at, Err: err}
	}
	switch {
	case m.Format != 3 || m.Node != "array":
		return nil, bad("%s is a %q of Zarr format %d, not an array", at, clip(m.Node), m.Format)
	case m.Grid.Name != "regular":
		return nil, unsupported("", "chunk grid %q of array %s", clip(m.Grid.Name), at)
	case len(m.Storage) > 0:
		return nil, unsupported("", "storage transformers of array %s", at)
	}
	a := &array{path: at}
	switch sep := m.Keys.Is.Separator; {
	case m.Keys.Name == "default" && (sep == "" || sep == "/" || sep == "."):
		a.keys = keys{"c", "/"}
		if sep == "." {
			a.keys.separator = "."
		}
	case m.Keys.Name == "v2" && (sep == "" || sep == "/" || sep == "."):
		a.keys = keys{"", "."}
		if sep == "/" {
			a.keys.separator = "/"
		}
	default:
		return nil, unsupported("", "chunk keys %q with %q of array %s", clip(m.Keys.Name), clip(sep), at)
	}
	var text string
	if err := json.Unmarshal(m.Type, &text); err != nil {
		return nil, unsupported("", "elements of array %s", at)
	}
	var ok bool
	if a.kind, ok = types3[text]; !ok {
		return nil, unsupported("", "elements of type %q of array %s", clip(text), at)
	}
	var err error
	if a.fill, err = number(m.Fill, at); err != nil {
		return nil, err
	}
	if len(m.Codecs) == 1 && m.Codecs[0].Name == "sharding_indexed" {
		return a, a.setShards(m.Shape, m.Grid.Is.Shape, m.Codecs[0].Is)
	}
	if err := a.setShape(m.Shape, m.Grid.Is.Shape); err != nil {
		return nil, err
	}
	return a, a.setCodecs(m.Codecs)
}

// setCodecs reads the steps that pack a chunk.
func (a *array) setCodecs(codecs []codec3) error {
	a.setStrides(nil)
	packed := false // the codec that makes bytes of elements was met
	for _, c := range codecs {
		var err error
		switch c.Name {
		case "transpose":
			err = a.transpose(c, packed)
		case "bytes":
			var is struct {
				Endian string `json:"endian"`
			}
			if len(c.Is) > 0 {
				err = json.Unmarshal(c.Is, &is)
			}
			a.kind.big = is.Endian == "big"
			packed = true
		case "sharding_indexed":
			err = unsupported("", "codecs around the shards of array %s", a.path)
		default:
			var s step
			if s, err = packing(c.Name, a.path); err == nil && !packed {
				err = bad("array %s: codec %q before elements are made bytes", a.path, clip(c.Name))
			}
			a.steps = append(a.steps, s)
		}
		if err != nil {
			return err
		}
	}
	if !packed {
		return bad("array %s: no codec makes bytes of its elements", a.path)
	}
	return nil
}

// transpose changes the order in which the axes of a chunk are stored.
func (a *array) transpose(c codec3, packed bool) error {
	var is struct {
		Order []int `json:"order"`
	}
	err := json.Unmarshal(c.Is, &is)
	sorted := slices.Sorted(slices.Values(is.Order))
	for i, v := range sorted {
		if i != v {
			err = bad("not a permutation")
		}
	}
	if err != nil || packed || len(sorted) != len(a.chunk) {
		return bad("array %s: transpose by %s", a.path, clip(string(c.Is)))
	}
	for i := 1; i < len(a.strides); i++ {
		if a.strides[i] > a.strides[i-1] { // turned already
			return unsupported("", "two transpositions of array %s", a.path)
		}
	}
	a.setStrides(is.Order)
	return nil
}

// shard says how chunks lie in the files of an array.
type shard struct {
	size    []int // chunks of a shard along each axis
	grid    []int // shards along each axis
	count   int   // chunks of a shard
	first   bool  // the index lies at the file's beginning, else at its end
	summed  bool  // and is followed by its checksum
	bigEnds bool  // numbers of the index have the highest byte first
}

// indexBytes is the size of a shard's index: offset and length of each chunk.
func (s *shard) indexBytes() int {
	n := 16 * s.count
	if s.summed {
		n += 4
	}
	return n
}

// setShards reads the configuration of shards: outer is the shape of a shard.
func (a *array) setShards(shape, outer []int64, config json.RawMessage) error {
	var is struct {
		Chunk    []int64  `json:"chunk_shape"`
		Codecs   []codec3 `json:"codecs"`
		Index    []codec3 `json:"index_codecs"`
		Location string   `json:"index_location"`
	}
	if err := json.Unmarshal(config, &is); err != nil {
		return &tiles.FormatError{Format: name, What: "shards of array " + a.path, Err: err}
	}
	if err := a.setShape(shape, is.Chunk); err != nil {
		return err
	}
	if len(outer) != len(shape) {
		return bad("array %s of %d dimensions has shards of %d", a.path, len(shape), len(outer))
	}
	s := &shard{count: 1, first: is.Location == "start"}
	for i, n := range outer {
		if n < 1 || n%is.Chunk[i] != 0 {
			return bad("array %s: shards of %d elements of chunks of %d", a.path, n, is.Chunk[i])
		}
		per := n / is.Chunk[i]
		if per > maxShardIndex/int64(s.count) {
			return unsupported("write the picture in smaller shards", "array %s: shards of more than %d chunks", a.path, maxShardIndex)
		}
		s.count *= int(per)
		s.size, s.grid = append(s.size, int(per)), append(s.grid, int((shape[i]-1)/n+1))
	}
	for i, c := range is.Index {
		switch {
		case i == 0 && c.Name == "bytes":
			s.bigEnds = strings.Contains(string(c.Is), `"big"`)
		case i == 1 && c.Name == "crc32c":
			s.summed = true
		default:
			return unsupported("", "codec %q of the index of shards of array %s", clip(c.Name), a.path)
		}
	}
	a.shard = s
	return a.setCodecs(is.Codecs)
}
