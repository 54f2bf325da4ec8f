package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/models/onnxfile"
)

var sample = []modeltest.Weight{
	{Name: "a.weight", Shape: []int64{3, 5}, Spread: 1},
	{Name: "a.bias", Shape: []int64{3}, Base: 1, Spread: 0.1},
	{Name: "scale", Shape: nil, Base: 2},
}

func TestOpen_SafetensorsAndTorch_GiveTheSame(t *testing.T) {
	for _, name := range []string{"model.safetensors", "pytorch_model.bin"} {
		dir := t.TempDir()
		if strings.HasSuffix(name, ".bin") {
			modeltest.WriteTorch(t, filepath.Join(dir, name), sample)
		} else {
			modeltest.WriteSafetensors(t, filepath.Join(dir, name), sample)
		}
		found, err := Find(dir)
		if err != nil || found != name {
			t.Fatalf("Find: %q, %v", found, err)
		}
		s, err := Open(dir, found)
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != 3 || s.Count() != 19 {
			t.Errorf("%s: %d tensors of %d numbers", name, s.Len(), s.Count())
		}
		for _, w := range sample {
			got, err := s.Float32(w.Name)
			if err != nil || !slices.Equal(got, w.Values()) {
				t.Errorf("%s: %s is %v, %v", name, w.Name, got, err)
			}
			if ten, _ := s.Get(w.Name); ten.Offset%4 != 0 || ten.Type != onnxfile.Float32 {
				t.Errorf("%s: %s lies at %d", name, w.Name, ten.Offset)
			}
		}
	}
}

func TestOpen_Shards(t *testing.T) {
	dir := t.TempDir()
	modeltest.WriteSafetensors(t, filepath.Join(dir, "model-00001-of-00002.safetensors"), sample[:1])
	modeltest.WriteSafetensors(t, filepath.Join(dir, "model-00002-of-00002.safetensors"), sample[1:])
	index := `{"weight_map":{"a.weight":"model-00001-of-00002.safetensors","a.bias":"model-00002-of-00002.safetensors","scale":"model-00002-of-00002.safetensors"}}`
	modeltest.WriteFile(t, dir, "model.safetensors.index.json", index)
	name, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, name)
	if err != nil || s.Len() != 3 || len(s.Files) != 2 {
		t.Fatalf("%v, %v", s, err)
	}
	for edit, want := range map[string]string{
		strings.Replace(index, "model-00001-of", "../of", 1):          "outside the folder",
		strings.Replace(index, "model-00001-of", "model-00009-of", 1): "not complete",
		strings.Replace(index, `"a.bias"`, `"b.bias"`, 1):             "in none of the shards",
		"[]": "not a list of shards",
	} {
		modeltest.WriteFile(t, dir, "model.safetensors.index.json", edit)
		if _, err := Open(dir, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func safetensors(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// hostile safetensors and what is said of them.
var hostileSafetensors = map[string]struct {
	file []byte
	want string
}{
	"empty":        {nil, "0 bytes"},
	"length":       {binary.LittleEndian.AppendUint64(nil, 1<<62), "its header has"},
	"negative":     {binary.LittleEndian.AppendUint64(nil, 1<<63+5), "its header has"},
	"no JSON":      {safetensors("hello, world", 0), "no JSON object"},
	"list":         {safetensors("[1,2]", 0), "no JSON object"},
	"cut":          {safetensors(`{"a":{"dtype":"F32"`, 0), "entry"},
	"outside":      {safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4), "outside"},
	"backwards":    {safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), "place"},
	"before":       {safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`, 8), "place"},
	"wrong length": {safetensors(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "needs 12"},
	"huge":         {safetensors(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8), "no memory"},
	"minus":        {safetensors(`{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}`, 8), "no memory"},
	"type":         {safetensors(`{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}`, 8), "F99"},
	"twice":        {safetensors(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 8), "twice"},
	"pointer":      {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00"), "Git LFS pointer"},
	"web page":     {[]byte("<!DOCTYPE html><html></html>"), "web page"},
}

func TestOpenSafetensors_Hostile(t *testing.T) {
	for name, c := range hostileSafetensors {
		path := filepath.Join(t.TempDir(), "model.safetensors")
		if err := os.WriteFile(path, c.file, 0o644); err != nil {
			t.Fatal(err)
		}
		var format *models.FormatError
		if _, err := OpenSafetensors(path); !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// hostilePickles and what is said of them.
var hostilePickles = map[string]struct{ pickle, want string }{
	"os.system":      {"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.", "os.system, which is not allowed"},
	"eval":           {"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.", "not allowed"},
	"stack global":   {"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.", "posix.system"},
	"instance":       {"\x80\x02(cos\nsystem\no.", "instruction 0x6f"},
	"inst":           {"\x80\x02(ios\nsystem\n.", "instruction 0x69"},
	"extension":      {"\x80\x02\x82\x01.", "instruction 0x82"},
	"cut":            {"\x80\x02X\xff\xff\xff\x7fabc", "a text of"},
	"huge text":      {"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc", "a text of"},
	"no stop":        {"\x80\x02}", "is cut"},
	"empty stack":    {"\x80\x02.", "missing"},
	"pop a mark":     {"\x80\x02(.", "missing"},
	"no mark":        {"\x80\x02t.", "a mark is missing"},
	"memo":           {"\x80\x02h\x07.", "never kept"},
	"into a number":  {"\x80\x02K\x01K\x02K\x03s.", "holds none"},
	"call a number":  {"\x80\x02K\x01)R.", "without a name"},
	"storage":        {"\x80\x02K\x01Q.", "no storage"},
	"strange type":   {"\x80\x02(X\x07\x00\x00\x00storagectorch\nEvilStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.", "EvilStorage"},
	"long":           {"\x80\x02\x8a\xff.", "255 bytes"},
	"not a dict":     {"\x80\x02K\x01.", "no dictionary"},
	"tensor of text": {"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(X\x01\x00\x00\x00aK\x00))tR.", "described wrongly"},
}

func torchFile(tb testing.TB, pickle string, numbers int, method uint16) []byte {
	tb.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, e := range []struct {
		name string
		data []byte
	}{{"m/data.pkl", []byte(pickle)}, {"m/data/0", make([]byte, numbers)}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: method})
		if err == nil {
			_, err = w.Write(e.data)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func TestOpenTorch_Hostile(t *testing.T) {
	dir := t.TempDir()
	try := func(name string, file []byte, want string) {
		t.Helper()
		path := filepath.Join(dir, "pytorch_model.bin")
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenTorch(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for name, c := range hostilePickles {
		try(name, torchFile(t, c.pickle, 8, zip.Store), c.want)
	}
	one := string(modeltest.Pickle(sample[:1]))
	try("short storage", torchFile(t, one, 59, zip.Store), "outside their storage")
	try("compressed", torchFile(t, one, 60, zip.Deflate), "compressed")
	try("no storage", torchFile(t, strings.Replace(one, "X\x01\x00\x00\x000", "X\x01\x00\x00\x009", 1), 60, zip.Store), "are missing")
	try("huge shape", torchFile(t, strings.Replace(one, "(J\x03\x00\x00\x00J\x05", "(J\xff\xff\xff\x7fJ\x05", 1), 60, zip.Store), "outside their storage")
	tar := make([]byte, 600)
	copy(tar[257:], "ustar")
	try("tar", tar, "tar file")
	try("bare pickle", []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."), "before version 1.6")
	try("pointer", []byte("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer")
	try("noise", []byte("nothing of the kind"), "not a valid zip file")

	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range []string{"m/code/__torch__.py", "m/data.pkl"} {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	try("TorchScript", buf.Bytes(), "TorchScript")
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float32{0: 0, 0x3c00: 1, 0xc000: -2, 1: 1.0 / (1 << 24), 0x7bff: 65504, 0x3555: 0.333251953125, 0x8001: -1.0 / (1 << 24)} {
		if got := half(bits); got != want {
			t.Errorf("%#x: %v, want %v", bits, got, want)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	for _, c := range hostileSafetensors {
		f.Add(c.file)
	}
	f.Add(safetensors(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newSet(".")
		if err := s.readSafetensors(bytes.NewReader(b), int64(len(b)), "f"); err != nil {
			return
		}
		for _, name := range s.Names() {
			if ten, _ := s.Get(name); ten.Offset < 8 || ten.Offset+ten.Length > int64(len(b)) {
				t.Fatalf("%s lies at %d+%d of %d", name, ten.Offset, ten.Length, len(b))
			}
		}
	})
}

func FuzzUnpickle(f *testing.F) {
	for _, c := range hostilePickles {
		f.Add([]byte(c.pickle))
	}
	f.Add(modeltest.Pickle(sample))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := unpickle(b)
		if err != nil {
			return
		}
		if _, ok := v.(mark); ok {
			t.Fatal("a mark is left")
		}
	})
}

func FuzzTorch(f *testing.F) {
	f.Add(torchFile(f, string(modeltest.Pickle(sample[:1])), 60, zip.Store))
	f.Add(torchFile(f, hostilePickles["os.system"].pickle, 8, zip.Store))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newSet(".")
		if err := s.readTorch(bytes.NewReader(b), int64(len(b)), "f"); err != nil {
			return
		}
		for _, name := range s.Names() {
			if ten, _ := s.Get(name); ten.Offset < 0 || ten.Offset+ten.Length > int64(len(b)) {
				t.Fatalf("%s lies at %d+%d of %d", name, ten.Offset, ten.Length, len(b))
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	var list []modeltest.Weight
	for i := range 400 {
		list = append(list, modeltest.Weight{Name: "blocks." + string(rune('a'+i%26)) + strings.Repeat("x", i/26), Shape: []int64{8}})
	}
	modeltest.WriteSafetensors(b, filepath.Join(dir, "model.safetensors"), list)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(dir, "model.safetensors"); err != nil {
			b.Fatal(err)
		}
	}
}
