package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"coverslip/models"
)

// node is a part of tokenizer.json: each type uses some of the keys.
type node struct {
	Type          string `json:"type"`
	Normalizers   []node `json:"normalizers"`
	PreTokenizers []node `json:"pretokenizers"`
	Processors    []node `json:"processors"`
	Pattern       struct {
		Regex  string `json:"Regex"`
		String string `json:"String"`
	} `json:"pattern"`
	Content      string          `json:"content"`
	Charsmap     []byte          `json:"precompiled_charsmap"`
	Replacement  string          `json:"replacement"`
	Scheme       string          `json:"prepend_scheme"`
	NoSplit      *bool           `json:"split"`
	Prepend      string          `json:"prepend"`
	Behavior     string          `json:"behavior"`
	Invert       bool            `json:"invert"`
	PrefixSpace  bool            `json:"add_prefix_space"`
	UseRegex     *bool           `json:"use_regex"`
	StripLeft    bool            `json:"strip_left"`
	StripRight   bool            `json:"strip_right"`
	CleanText    bool            `json:"clean_text"`
	Chinese      bool            `json:"handle_chinese_chars"`
	StripAccents *bool           `json:"strip_accents"`
	Lowercase    bool            `json:"lowercase"`
	Sep          []any           `json:"sep"`
	CLS          []any           `json:"cls"`
	Single       json.RawMessage `json:"single"`
	Specials     map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
}

// document is tokenizer.json.
type document struct {
	Added []struct {
		ID         int32  `json:"id"`
		Content    string `json:"content"`
		Normalized bool   `json:"normalized"`
		Left       bool   `json:"lstrip"`
		Right      bool   `json:"rstrip"`
		Word       bool   `json:"single_word"`
	} `json:"added_tokens"`
	Normalizer    *node `json:"normalizer"`
	PreTokenizer  *node `json:"pre_tokenizer"`
	PostProcessor *node `json:"post_processor"`
	Model         struct {
		Type         string          `json:"type"`
		Vocab        vocabulary      `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
		Unknown      string          `json:"unk_token"`
		Suffix       string          `json:"end_of_word_suffix"`
		Prefix       string          `json:"continuing_subword_prefix"`
		Longest      int             `json:"max_input_chars_per_word"`
		Fuse         bool            `json:"fuse_unk"`
		ByteFallback bool            `json:"byte_fallback"`
		Whole        bool            `json:"ignore_merges"`
		UnknownID    *int32          `json:"unk_id"` // of Unigram
	} `json:"model"`
}

// maxFile is more than any tokenizer needs, in bytes.
const maxFile = 128 << 20

func readFile(dir, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("models/tokenizer: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("models/tokenizer: %w", err)
	}
	if len(b) > maxFile {
		return nil, wrong("%s is larger than any tokenizer", name)
	}
	return b, nil
}

// Open reads the tokenizer of a model's folder and names the files it is made
// of. models.ErrNoModel means that there is none.
func Open(dir string) (*Tokenizer, []string, error) {
	has := func(name string) bool {
		st, err := os.Stat(filepath.Join(dir, name))
		return err == nil && st.Mode().IsRegular()
	}
	var files []string
	switch {
	case has("tokenizer.json"):
		files = []string{"tokenizer.json"}
	case has("vocab.json") && has("merges.txt"):
		files = []string{"vocab.json", "merges.txt"}
	case has("vocab.txt"):
		files = []string{"vocab.txt"}
	case has("spiece.model") || has("sentencepiece.bpe.model") || has("tokenizer.model"):
		return nil, nil, unsupported("SentencePiece files are not read; a tokenizer.json would be")
	default:
		return nil, nil, fmt.Errorf("models/tokenizer: %s: %w: no tokenizer.json, vocab.json with merges.txt, or vocab.txt", dir, models.ErrNoModel)
	}
	var parts [][]byte
	for _, name := range files {
		b, err := readFile(dir, name)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, b)
	}
	var settings []byte
	if has("tokenizer_config.json") {
		var err error
		if settings, err = readFile(dir, "tokenizer_config.json"); err != nil {
			return nil, nil, err
		}
	}
	t, err := parseFiles(files[0], parts, settings)
	return t, files, err
}

func parseFiles(kind string, parts [][]byte, settings []byte) (*Tokenizer, error) {
	switch kind {
	case "vocab.json":
		return ParsePairs(parts[0], parts[1])
	case "vocab.txt":
		return ParseWords(parts[0], settings)
	}
	return Parse(parts[0])
}

// Parse reads a tokenizer.json.
func Parse(b []byte) (*Tokenizer, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, &models.FormatError{File: "tokenizer.json", What: "it is not a tokenizer", Err: err}
	}
	return d.build()
}

func (d *document) build() (*Tokenizer, error) {
	t := &Tokenizer{vocab: d.Model.Vocab.ids}
	if len(t.vocab) == 0 {
		return nil, wrong("it has no words")
	}
	for _, id := range t.vocab {
		if id < 0 || id > math.MaxInt32/2 {
			return nil, wrong("a word has the number %d", id)
		}
	}
	var err error
	if t.normalise, err = normaliser(d.Normalizer); err != nil {
		return nil, err
	}
	if t.split, t.bytes, err = splitting(d.PreTokenizer); err != nil {
		return nil, err
	}
	for _, a := range d.Added {
		s := special{text: a.Content, id: a.ID, left: a.Left, right: a.Right, word: a.Word}
		if a.ID < 0 || a.Content == "" {
			return nil, wrong("the special word %q has the number %d", a.Content, a.ID)
		}
		t.vocab[a.Content] = a.ID
		if a.Normalized {
			s.text = t.normalise(s.text)
			t.cooked = append(t.cooked, s)
		} else {
			t.raw = append(t.raw, s)
		}
	}
	sortSpecials(t.raw)
	sortSpecials(t.cooked)
	if err := d.model(t); err != nil {
		return nil, err
	}
	return t, t.post(d.PostProcessor)
}

func (d *document) model(t *Tokenizer) error {
	m := &d.Model
	unknown := int32(-1)
	if id, ok := t.vocab[m.Unknown]; ok && m.Unknown != "" {
		unknown = id
	}
	switch {
	case m.Type == "Unigram" || m.Type == "" && m.Vocab.scores != nil:
		var err error
		if t.model, err = newUnigram(m.Vocab, m.UnknownID, m.ByteFallback); err != nil {
			return err
		}
		t.kind = fmt.Sprintf("unigrams, %d entries", len(t.vocab))
		return nil
	case m.ByteFallback:
		return unsupported("byte pairs that fall back to bytes are not known")
	case m.Type == "WordPiece":
		if m.Longest == 0 {
			m.Longest = 100
		}
		if unknown < 0 {
			return wrong("it has no word %q for unknown ones", m.Unknown)
		}
		t.model = &wordPieces{vocab: t.vocab, prefix: m.Prefix, unknown: unknown, longest: m.Longest}
		t.kind = fmt.Sprintf("word pieces, %d entries", len(t.vocab))
		return nil
	case m.Type != "BPE" && m.Type != "":
		return unsupported("a tokenizer of the kind %q is not known", m.Type)
	}
	merges, err := readMerges(m.Merges)
	if err != nil {
		return err
	}
	p := &bytePairs{vocab: t.vocab, ranks: make(map[[2]int32]ranked, len(merges)), suffix: m.Suffix, prefix: m.Prefix, unknown: unknown,
		fuse: m.Fuse, whole: m.Whole, bytes: t.bytes, symbols: byteSymbols(), cache: map[string][]int32{}, maxCache: 1 << 16}
	for i, pair := range merges {
		a, ok1 := t.vocab[pair[0]]
		b, ok2 := t.vocab[pair[1]]
		c, ok3 := t.vocab[pair[0]+strings.TrimPrefix(pair[1], m.Prefix)]
		if !ok1 || !ok2 || !ok3 {
			return wrong("the pair %q %q is not among the words", pair[0], pair[1])
		}
		if _, twice := p.ranks[[2]int32{a, b}]; !twice {
			p.ranks[[2]int32{a, b}] = ranked{i, c}
		}
	}
	t.model = p
	t.kind = fmt.Sprintf("byte pairs, %d entries", len(t.vocab))
	return nil
}

// readMerges reads pairs written as "a b" or as ["a","b"].
func readMerges(raw json.RawMessage) ([][2]string, error) {
	var lines []string
	var out [][2]string
	if json.Unmarshal(raw, &lines) != nil {
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, wrong("its pairs are no list: %v", err)
		}
		return out, nil
	}
	for _, l := range lines {
		a, b, ok := strings.Cut(l, " ")
		if !ok {
			return nil, wrong("%q is no pair", l)
		}
		out = append(out, [2]string{a, b})
	}
	return out, nil
}

// post reads what is put around every text.
func (t *Tokenizer) post(n *node) error {
	if n == nil {
		return nil
	}
	switch n.Type {
	case "ByteLevel":
		return nil
	case "Sequence":
		for i := range n.Processors {
			if err := t.post(&n.Processors[i]); err != nil {
				return err
			}
		}
		return nil
	case "BertProcessing", "RobertaProcessing":
		begin, err1 := pairID(n.CLS)
		end, err2 := pairID(n.Sep)
		t.before, t.after = []int32{begin}, []int32{end}
		return errors.Join(err1, err2)
	case "TemplateProcessing":
		return t.template(n)
	}
	return unsupported("what is put around a text (%q) is not known", n.Type)
}

func pairID(v []any) (int32, error) {
	if len(v) == 2 {
		if f, ok := v[1].(float64); ok && f >= 0 && f < math.MaxInt32/2 {
			return int32(f), nil
		}
	}
	return 0, wrong("%v is no special word", v)
}

func (t *Tokenizer) template(n *node) error {
	var parts []map[string]struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(n.Single, &parts); err != nil {
		return wrong("what is put around a text: %v", err)
	}
	seen := false
	for _, part := range parts {
		if _, ok := part["Sequence"]; ok {
			seen = true
			continue
		}
		var name string
		if err := json.Unmarshal(part["SpecialToken"].ID, &name); err != nil {
			return wrong("what is put around a text: %v", err)
		}
		if seen {
			t.after = append(t.after, n.Specials[name].IDs...)
		} else {
			t.before = append(t.before, n.Specials[name].IDs...)
		}
	}
	return nil
}

// ParsePairs reads vocab.json and merges.txt: CLIP's when its words end in
// "</w>", GPT-2's or RoBERTa's otherwise.
func ParsePairs(vocab, merges []byte) (*Tokenizer, error) {
	var d document
	if err := json.Unmarshal(vocab, &d.Model.Vocab.ids); err != nil {
		return nil, &models.FormatError{File: "vocab.json", What: "it is no list of words", Err: err}
	}
	var list []string
	for i, l := range strings.Split(string(merges), "\n") {
		if l = strings.TrimRight(l, "\r"); l != "" && !(i == 0 && strings.HasPrefix(l, "#version")) {
			list = append(list, l)
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("models/tokenizer: %w", err)
	}
	d.Model.Type, d.Model.Merges = "BPE", raw
	begin, end := "<s>", "</s>"
	if _, ok := d.Model.Vocab.ids["<|startoftext|>"]; ok {
		begin, end = "<|startoftext|>", "<|endoftext|>"
		d.Model.Suffix, d.Model.Unknown = "</w>", end
		d.Normalizer = &node{Type: "Sequence", Normalizers: []node{{Type: "NFC"}, {Type: "Replace", Content: " "}, {Type: "Lowercase"}}}
		d.Normalizer.Normalizers[1].Pattern.Regex = `\s+`
		split := node{Type: "Split", Behavior: "Removed", Invert: true}
		split.Pattern.Regex = patternCLIP
		no := false
		d.PreTokenizer = &node{Type: "Sequence", PreTokenizers: []node{split, {Type: "ByteLevel", UseRegex: &no}}}
	} else {
		d.PreTokenizer = &node{Type: "ByteLevel"}
	}
	t, err := d.build()
	if err != nil {
		return nil, err
	}
	return t, t.surround(begin, end)
}

// surround sets what begins and ends a text, where there are such words.
func (t *Tokenizer) surround(begin, end string) error {
	b, ok1 := t.vocab[begin]
	e, ok2 := t.vocab[end]
	if !ok1 || !ok2 {
		return nil
	}
	t.before, t.after = []int32{b}, []int32{e}
	list := []special{{text: begin, id: b}, {text: end, id: e}}
	if strings.HasPrefix(begin, "<|") { // CLIP looks for its own in lower-cased text
		t.cooked = append(t.cooked, list...)
	} else {
		t.raw = append(t.raw, list...)
	}
	return nil
}

// ParseWords reads BERT's vocab.txt, one word a line; settings is
// tokenizer_config.json and may be nil.
func ParseWords(vocab, settings []byte) (*Tokenizer, error) {
	var c struct {
		Lower   *bool `json:"do_lower_case"`
		Accents *bool `json:"strip_accents"`
		Chinese *bool `json:"tokenize_chinese_chars"`
	}
	if len(settings) > 0 {
		if err := json.Unmarshal(settings, &c); err != nil {
			return nil, &models.FormatError{File: "tokenizer_config.json", What: "it is no JSON", Err: err}
		}
	}
	var d document
	d.Model.Type, d.Model.Unknown, d.Model.Prefix, d.Model.Vocab.ids = "WordPiece", "[UNK]", "##", map[string]int32{}
	for i, line := range bytes.Split(bytes.TrimRight(vocab, "\n"), []byte("\n")) {
		d.Model.Vocab.ids[strings.TrimRight(string(line), "\r")] = int32(i)
	}
	truth := func(v *bool) bool { return v == nil || *v }
	d.Normalizer = &node{Type: "BertNormalizer", CleanText: true, Chinese: truth(c.Chinese), Lowercase: truth(c.Lower), StripAccents: c.Accents}
	d.PreTokenizer = &node{Type: "BertPreTokenizer"}
	t, err := d.build()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"[UNK]", "[PAD]", "[MASK]"} {
		if id, ok := t.vocab[name]; ok {
			t.raw = append(t.raw, special{text: name, id: id})
		}
	}
	return t, t.surround("[CLS]", "[SEP]")
}
