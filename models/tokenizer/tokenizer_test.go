package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"coverslip/models"
	"coverslip/models/modeltest"
)

// phrases are those of testdata/references.py, made the same way.
type phrases struct{ Words, Gaps []string }

func loadPhrases(tb testing.TB) phrases {
	tb.Helper()
	b, err := os.ReadFile("testdata/words.json")
	if err != nil {
		tb.Fatal(err)
	}
	var p phrases
	if err := json.Unmarshal(b, &p); err != nil {
		tb.Fatal(err)
	}
	return p
}

func pick(seed, i, n uint64) uint64 {
	z := seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) % n
}

func (p phrases) at(k uint64) string {
	count := 1 + pick(k, 0, 12)
	if k%97 == 0 {
		count = 120
	}
	var b strings.Builder
	for j := range count {
		w := p.Words[pick(k, 3*j+1, uint64(len(p.Words)))]
		if strings.IndexFunc(w, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
			switch pick(k, 3*j+3, 8) {
			case 0:
				w = strings.ToUpper(w)
			case 1:
				w = strings.ToUpper(w[:1]) + strings.ToLower(w[1:])
			}
		}
		b.WriteString(w)
		b.WriteString(p.Gaps[pick(k, 3*j+2, uint64(len(p.Gaps)))])
	}
	return b.String()
}

// digest is what the reference made of the phrases.
type digest struct {
	SHA256  string             `json:"sha256"`
	Phrases uint64             `json:"phrases"`
	Sample  map[uint64][]int64 `json:"sample"`
}

func (d digest) check(t *testing.T, tok *Tokenizer, p phrases) {
	t.Helper()
	h := sha256.New()
	for k := range d.Phrases {
		text := p.at(k)
		ids := tok.Encode(text, 1<<20)
		if want, ok := d.Sample[k]; ok && !slices.Equal(ids, want) {
			t.Errorf("phrase %d, %q: %v, the reference has %v", k, text, ids, want)
		}
		line := make([]string, len(ids))
		for i, id := range ids {
			line[i] = fmt.Sprint(id)
		}
		fmt.Fprintln(h, strings.Join(line, " "))
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != d.SHA256 {
		t.Errorf("the results of %d phrases are not those of the reference", d.Phrases)
	}
}

func readDigests(t *testing.T, dir string, p phrases) map[string]digest {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "digests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	var want string
	if err := json.Unmarshal(raw["phrases"], &want); err != nil {
		t.Fatal(err)
	}
	all := make([]string, 10000)
	for k := range all {
		all[k] = p.at(uint64(k))
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	if hex.EncodeToString(sum[:]) != want {
		t.Fatal("the phrases are not those of the reference")
	}
	out := map[string]digest{}
	for name, r := range raw {
		var d digest
		if name == "phrases" {
			continue
		}
		if err := json.Unmarshal(r, &d); err != nil {
			t.Fatal(err)
		}
		out[name] = d
	}
	return out
}

func TestTokenizer_Encode_EqualsTheReference(t *testing.T) {
	checkDigests(t, "testdata")
}

func checkDigests(t *testing.T, dir string) {
	p := loadPhrases(t)
	for name, d := range readDigests(t, dir, p) {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			tok, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			d.check(t, tok, p)
		})
	}
}

// TestTokenizer_Encode_RealCLIP takes CLIP's own 49 408 entries where Python
// has them, read from tokenizer.json and from vocab.json with merges.txt.
func TestTokenizer_Encode_RealCLIP(t *testing.T) {
	modeltest.Python(t, "tokenizers", "open_clip", "transformers")
	python := os.Getenv("COVERSLIP_PYTHON")
	if python == "" {
		python = "python3"
	}
	out := t.TempDir()
	if b, err := exec.Command(python, "testdata/references.py", out, "--real").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	checkDigests(t, out)
	b, err := os.ReadFile(filepath.Join(out, "real", "digest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d digest
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(out, "real"), filepath.Join(out, "real", "fast")} {
		tok, files, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if tok.Size() != 49408 {
			t.Errorf("%v: %d entries", files, tok.Size())
		}
		d.check(t, tok, loadPhrases(t))
	}
}

func TestTokenizer_Encode_CutsBeforeTheEnd(t *testing.T) {
	tok, err := ParseWords([]byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\ntumour\ncell\n##s\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Encode("Tumour cells, tumour", 100); !slices.Equal(got, []int64{2, 4, 5, 6, 1, 4, 3}) {
		t.Errorf("%v", got)
	}
	if got := tok.Encode("Tumour cells, tumour", 4); !slices.Equal(got, []int64{2, 4, 5, 3}) {
		t.Errorf("%v", got)
	}
	if got := tok.Encode("tumour [SEP] cell", 100); !slices.Equal(got, []int64{2, 4, 3, 5, 3}) {
		t.Errorf("%v", got)
	}
}

func TestParse_Refuses(t *testing.T) {
	for doc, want := range map[string]string{
		``:                         "not a tokenizer",
		`{"model":{"type":"BPE"}}`: "no words",
		`{"model":{"type":"Magic","vocab":{"a":1},"merges":[]}}`:                                                                `"Magic"`,
		`{"model":{"type":"Unigram","vocab":{"a":1}}}`:                                                                          "no scores",
		`{"model":{"type":"Unigram","vocab":[["a",1],["b"]]}}`:                                                                  "not a tokenizer",
		`{"model":{"type":"Unigram","unk_id":7,"vocab":[["a",-1.5]]}}`:                                                          "number 7 of 1",
		`{"model":{"type":"Unigram","vocab":[["a",-1]]},"normalizer":{"type":"Precompiled","precompiled_charsmap":"CAAAAAEA"}}`: "tree of replacements",
		`{"model":{"type":"Unigram","vocab":[["a",-1]]},"pre_tokenizer":{"type":"Metaspace","replacement":"ab"}}`:               "sign",
		`{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`:                                                                 "number -1",
		`{"model":{"type":"BPE","vocab":{"a":1},"merges":["a b"]}}`:                                                             "not among the words",
		`{"model":{"type":"BPE","vocab":{"a":1},"merges":["ab"]}}`:                                                              "no pair",
		`{"model":{"type":"BPE","vocab":{"a":1},"merges":[]},"normalizer":{"type":"Magic"}}`:                                    `"Magic"`,
		`{"model":{"type":"BPE","vocab":{"a":1},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"x(?=y)"}}}`:    "not known",
		`{"model":{"type":"WordPiece","vocab":{"a":1}}}`:                                                                        "for unknown ones",
	} {
		_, err := Parse([]byte(doc))
		var format *models.FormatError
		var unsupported *models.UnsupportedError
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &format) && !errors.As(err, &unsupported) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
	if _, _, err := Open(t.TempDir()); !errors.Is(err, models.ErrNoModel) {
		t.Errorf("%v", err)
	}
}

func FuzzEncode(f *testing.F) {
	var list []*Tokenizer
	for _, name := range []string{"clip", "conch", "bert-cased", "unigram", "sentencepiece"} {
		b, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		tok, err := Parse(b)
		if err != nil {
			f.Fatal(err)
		}
		list = append(list, tok)
	}
	p := loadPhrases(f)
	for k := range uint64(20) {
		f.Add(p.at(k))
	}
	f.Add("\xff\xfe\x00<|endoftext|>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range list {
			ids := tok.Encode(text, 77)
			if len(ids) > 77 || len(ids) < 2 {
				t.Fatalf("%d numbers", len(ids))
			}
			if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }) < 0 && len(ids) > 77 {
				t.Fatal("words out of nothing")
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"clip", "bert-cased", "sentencepiece"} {
		b, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"model":{"type":"BPE","vocab":{"a":1,"b":2,"ab":3},"merges":[["a","b"]]},"added_tokens":[{"id":4,"content":"x","lstrip":true}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if tok, err := Parse(b); err == nil {
			tok.Encode("A tumour's cell, 40×.", 16)
		}
	})
}

func TestUnigram_Bytes(t *testing.T) {
	var entries []string
	for b := range 256 {
		entries = append(entries, fmt.Sprintf(`["<0x%02X>",-9]`, b))
	}
	tok, err := Parse([]byte(`{"model":{"type":"Unigram","unk_id":1,"byte_fallback":true,"vocab":[["a",-1],["<unk>",0],["b",-2],["ab",-2.5],` + strings.Join(entries, ",") + `]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Encode("abaµ", 100); !slices.Equal(got, []int64{3, 0, 4 + 0xc2, 4 + 0xb5}) {
		t.Errorf("%v", got)
	}
	plain, err := Parse([]byte(`{"model":{"type":"Unigram","unk_id":1,"vocab":[["a",-1],["<unk>",0]]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := plain.Encode("xyaz", 100); !slices.Equal(got, []int64{1, 0, 1}) {
		t.Errorf("unknown letters in a row are one: %v", got)
	}
}

func BenchmarkEncode_Unigram(b *testing.B) { benchmarkEncode(b, "sentencepiece") }

func BenchmarkEncode(b *testing.B) { benchmarkEncode(b, "clip") }

func benchmarkEncode(b *testing.B, name string) {
	doc, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		b.Fatal(err)
	}
	tok, err := Parse(doc)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tok.Encode("An H&E image of invasive ductal carcinoma, grade 3.", 77)
	}
}
