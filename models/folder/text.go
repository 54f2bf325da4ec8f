package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/tokenizer"
	"coverslip/models/tower"
	"coverslip/models/weights"
)

// textSource is the text side of a model on disk.
type textSource struct {
	tower *tower.Tower // nil when the side is an ONNX file
	set   *weights.Set
	file  string // of the ONNX file
	graph *onnxfile.Model
	words *tokenizer.Tokenizer
	files []string // of the tokenizer
}

// hasText says whether the folder has a text side: its graph or weights, and a
// tokenizer.
func (s *source) hasText() bool {
	if s.known == nil {
		return false
	}
	_, err := s.text()
	return err == nil
}

// text finds the text side.
func (s *source) text() (*textSource, error) {
	if s.side != nil {
		return s.side, nil
	}
	k := s.known
	if k == nil {
		return nil, fmt.Errorf("models/folder: %s: %w of texts", s.dir, models.ErrNoModel)
	}
	t := &textSource{}
	var err error
	switch {
	case k.set != nil:
		t.set = k.set
		if t.tower, err = tower.Text(k.set, k.settings); err != nil {
			return nil, err
		}
	default:
		t.file = filepath.Join(filepath.Dir(s.file), "text_model.onnx")
		if len(textInputs(s.graph)) > 0 {
			t.file = s.file
		}
		b, err := readModel(t.file)
		if err != nil {
			return nil, err
		}
		if t.graph, err = onnxfile.Read(b); err == nil {
			err = t.graph.Check()
		}
		if err != nil {
			return nil, &models.FormatError{File: t.file, What: "cannot be read as ONNX", Err: err}
		}
	}
	if t.words, t.files, err = tokenizer.Open(s.dir); errors.Is(err, models.ErrNoModel) {
		return nil, &models.UnsupportedError{File: s.dir, What: "its text side has no tokenizer beside it, so that texts cannot be read",
			Hint: "add tokenizer.json (or vocab.json and merges.txt, or vocab.txt) from where its weights come from"}
	} else if err != nil {
		return nil, err
	}
	if t.tower != nil && t.words.Largest() >= int64(t.tower.Words) {
		return nil, &models.FormatError{File: filepath.Join(s.dir, t.files[0]),
			What: fmt.Sprintf("it numbers its entries up to %d, the text side knows %d words: they belong to different models", t.words.Largest(), t.tower.Words)}
	}
	s.side = t
	return t, nil
}

func readModel(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("models/folder: %s: %w", path, models.ErrNoModel)
	}
	if err != nil {
		return nil, fmt.Errorf("models/folder: %w", err)
	}
	if st.Size() > maxModelFile {
		return nil, &models.FormatError{File: path, What: "an ONNX file ends at 2 GiB"}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("models/folder: %w", err)
	}
	return b, nil
}

// Texts turns texts into vectors of the space of a model's images.
type Texts struct {
	info   models.TextInfo
	model  onnx.Model
	words  *tokenizer.Tokenizer
	ids    string // names of inputs
	mask   string // "" = none
	types  string // "" = none
	output string
	length int64 // of every text; 0 = as long as the longest of a batch
	pad    int64

	mu     sync.RWMutex // held for reading while texts are encoded; protects closed
	closed bool
}

var _ models.TextEncoder = (*Texts)(nil)

// OpenText opens the text side of the model in a folder; models.ErrNoModel
// means that it has none. Its vectors go with those of the encoder that Open
// gives for the same folder.
func OpenText(rt onnx.Engine, path string) (*Texts, error) {
	s, err := find(path)
	if err != nil {
		return nil, err
	}
	if err := s.needs(rt); err != nil {
		return nil, err
	}
	src, err := s.text()
	if err != nil {
		return nil, err
	}
	t, err := s.openText(rt, src)
	if err != nil {
		return nil, err
	}
	if err := s.describeText(t, src); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	trial, err := t.EncodeText(context.Background(), []string{"tissue"})
	if err != nil {
		return nil, errors.Join(&models.FormatError{File: s.file, What: "its text side fails on a word", Err: err}, t.Close())
	}
	t.info.Dim = len(trial[0])
	return t, nil
}

func (s *source) openText(rt onnx.Engine, src *textSource) (*Texts, error) {
	t := &Texts{words: src.words, pad: s.padding(src.words)}
	var err error
	if src.tower != nil {
		dir, err := filepath.Abs(s.dir)
		if err != nil {
			return nil, fmt.Errorf("models/folder: %w", err)
		}
		t.ids, t.mask, t.output, t.info.MaxTokens = src.tower.Input, src.tower.Mask, src.tower.Output, src.tower.Tokens
		if src.tower.Fixed {
			t.length = int64(src.tower.Tokens)
		}
		if t.model, err = rt.NewSession(src.tower.Model, onnx.SessionOptions{DataFolder: dir}); err != nil {
			return nil, &models.FormatError{File: s.file, What: "ONNX Runtime " + rt.Version() + " refuses its text side", Err: err}
		}
		return t, nil
	}
	if t.model, err = rt.NewSessionFile(src.file, onnx.SessionOptions{}); err != nil {
		return nil, &models.FormatError{File: src.file, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}
	}
	if t.model, err = oneSide(t.model, textInputs(src.graph)...); err != nil {
		return nil, err
	}
	return t, t.choose(s)
}

// choose reads the names of an exported text side.
func (t *Texts) choose(s *source) error {
	for _, v := range t.model.Inputs() {
		switch v.Name {
		case "input_ids":
			t.ids = v.Name
			if len(v.Shape) == 2 && v.Shape[1] > 0 {
				t.length = v.Shape[1]
			}
		case "attention_mask":
			t.mask = v.Name
		case "token_type_ids":
			t.types = v.Name
		default:
			return &models.UnsupportedError{File: s.file, What: fmt.Sprintf("its text side has an input %q that is not known", v.Name)}
		}
	}
	for _, name := range []string{"text_embeds", "pooler_output", "embedding", "sentence_embedding"} {
		if slices.ContainsFunc(t.model.Outputs(), func(v onnx.ValueInfo) bool { return v.Name == name }) {
			t.output = name
			break
		}
	}
	if t.ids == "" || t.output == "" {
		return &models.UnsupportedError{File: s.file, What: "its text side has no input_ids, or no output with one vector a text"}
	}
	t.info.MaxTokens = int(s.known.settings.Int("text_config.max_position_embeddings", s.known.settings.Int("max_position_embeddings", 77)))
	if t.length == 0 && t.mask == "" {
		t.length = int64(t.info.MaxTokens)
	}
	return nil
}

// padding is the number that fills a text up: as CoCa's settings say it, else
// the tokenizer's word for it, else that of CLIP.
func (s *source) padding(words *tokenizer.Tokenizer) int64 {
	c := s.known.settings
	if m := c.Sub("model_cfg"); len(m) > 0 {
		c = m
	}
	if n := c.Int("text_cfg.pad_id", -1); n >= 0 {
		return n
	}
	for _, name := range []string{"<pad>", "[PAD]", "<|endoftext|>"} {
		if id, ok := words.ID(name); ok {
			return id
		}
	}
	return 0
}

// describeText fills in TextInfo.
func (s *source) describeText(t *Texts, src *textSource) error {
	pair, err := s.hash()
	if err != nil {
		return err
	}
	h := sha256.New()
	for _, name := range src.files {
		f, err := os.Open(filepath.Join(s.dir, name))
		if err != nil {
			return fmt.Errorf("models/folder: %w", err)
		}
		_, err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("models/folder: %w", err)
		}
	}
	if src.tower != nil {
		h.Write(src.tower.Model)
	} else {
		sum, err := fileSum(src.file)
		if err != nil {
			return err
		}
		h.Write([]byte(sum))
	}
	h.Write([]byte(pair))
	t.info.Hash, t.info.Pair = hex.EncodeToString(h.Sum(nil)), pair
	t.info.Name, t.info.License, t.info.Tokenizer = s.known.name, s.known.license, t.words.Kind()
	t.info.Templates = s.known.entry.Templates
	if s.known.set != nil {
		if scale, ok := tower.LogitScale(s.known.set); ok {
			t.info.LogitScale = scale
		}
	} else if v := s.known.settings.Float("logit_scale_init_value", 0); v > 0 {
		t.info.Note = "the model's own temperature is not in its ONNX files"
	}
	return nil
}

// TextInfo implements models.TextEncoder.
func (t *Texts) TextInfo() models.TextInfo { return t.info }

// textBatch is how many texts go through at once.
const textBatch = 16

// EncodeText implements models.TextEncoder.
func (t *Texts) EncodeText(ctx context.Context, texts []string) ([][]float32, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return nil, fmt.Errorf("models/folder: texts: %w", models.ErrClosed)
	}
	var out [][]float32
	for part := range slices.Chunk(texts, textBatch) {
		v, err := t.run(ctx, part)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

func (t *Texts) run(ctx context.Context, texts []string) ([][]float32, error) {
	most := t.info.MaxTokens
	if t.length > 0 {
		most = int(t.length)
	}
	lists, longest := make([][]int64, len(texts)), 1
	for i, text := range texts {
		lists[i] = t.words.Encode(text, most)
		longest = max(longest, len(lists[i]))
	}
	if t.length > 0 {
		longest = most
	}
	ids, mask := make([]int64, 0, len(texts)*longest), make([]int64, 0, len(texts)*longest)
	for _, l := range lists {
		for i := range longest {
			if i < len(l) {
				ids, mask = append(ids, l[i]), append(mask, 1)
			} else {
				ids, mask = append(ids, t.pad), append(mask, 0)
			}
		}
	}
	n, w := int64(len(texts)), int64(longest)
	in := map[string]onnx.Tensor{t.ids: onnx.NewTensor(ids, n, w)}
	if t.mask != "" {
		in[t.mask] = onnx.NewTensor(mask, n, w)
	}
	if t.types != "" {
		in[t.types] = onnx.NewTensor(make([]int64, len(ids)), n, w)
	}
	res, err := t.model.RunOutputs(ctx, in, []string{t.output})
	if err != nil {
		return nil, err
	}
	data, err := onnx.Of[float32](res[t.output])
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || len(data)%len(texts) != 0 || len(res[t.output].Shape) != 2 {
		return nil, fmt.Errorf("models/folder: the output %s has the shape %v for %d texts", t.output, res[t.output].Shape, n)
	}
	var out [][]float32
	for v := range slices.Chunk(data, len(data)/len(texts)) {
		v = slices.Clone(v)
		if !models.Normalise(v) {
			return nil, errors.New("models/folder: the model gives no numbers for a text (all zero, NaN or infinite)")
		}
		out = append(out, v)
	}
	return out, nil
}

// Close implements models.TextEncoder.
func (t *Texts) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	return t.model.Close()
}
