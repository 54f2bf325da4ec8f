package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/catalogue"
	"coverslip/models/generate"
	"coverslip/models/onnx"
	"coverslip/models/onnxfile"
	"coverslip/models/preprocess"
	"coverslip/models/tokenizer"
	"coverslip/models/tower"
	"coverslip/models/weights"
)

// writerSource is a model on disk that writes about pictures.
type writerSource struct {
	dir                  string
	encoder, first, next *source       // ONNX files; nil = not there
	graphs               *tower.Writer // written from weights; nil = ONNX files
	set                  *weights.Set
	words                *tokenizer.Tokenizer
	files                []string // of the tokenizer
	prep                 preprocess.Spec
	prepFrom             string
	settings             generate.Settings
	name, license        string
	kind                 string // architecture, for people
	notes                []string
}

// alone tells whether the folder holds no encoder of patches beside it.
func (w *writerSource) alone() bool { return w.encoder == nil && w.graphs == nil || w.blip() }

func (w *writerSource) blip() bool { return w.graphs != nil && strings.Contains(w.kind, "BLIP") }

// findWriter looks for a model that writes; models.ErrNoModel means that the
// folder holds none. Nothing large is read before a name says that it is one.
func findWriter(path string) (*writerSource, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("models/folder: %w", err)
	}
	w := &writerSource{dir: path}
	if !st.IsDir() {
		w.dir = filepath.Dir(path)
	}
	config, err := optional(filepath.Join(w.dir, "config.json"))
	if err != nil {
		return nil, err
	}
	generation, err := optional(filepath.Join(w.dir, "generation_config.json"))
	if err != nil {
		return nil, err
	}
	typ := config.Text("model_type", "")
	w.kind = typ
	if err := w.exported(typ); err != nil {
		return nil, err
	}
	if w.first == nil {
		if !slices.Contains([]string{"vision-encoder-decoder", "blip", "git", "coca"}, typ) {
			return nil, fmt.Errorf("models/folder: %s: %w that writes", w.dir, models.ErrNoModel)
		}
		if err := w.fromWeights(config); err != nil {
			return nil, err
		}
	}
	if w.words, w.files, err = tokenizer.Open(w.dir); err != nil {
		return nil, err
	}
	w.settings = w.spoken(typ, generation, config)
	w.name, w.license = catalogue.Names(w.dir)[0], config.Text("license", "")
	return w, w.prepare(config)
}

// optional reads settings that may be missing.
func optional(path string) (tower.Settings, error) {
	set, err := readSettings(path)
	if errors.Is(err, fs.ErrNotExist) {
		return tower.Settings{}, nil
	}
	if err != nil {
		return nil, &models.FormatError{File: path, What: "not sound settings", Err: err}
	}
	return set, nil
}

// exported looks for the ONNX files of Optimum and onnx-community.
func (w *writerSource) exported(typ string) error {
	for _, dir := range []string{w.dir, filepath.Join(w.dir, "onnx"), filepath.Join(w.dir, "models")} {
		file := func(names ...string) (*source, error) {
			for _, name := range names {
				if st, err := os.Stat(filepath.Join(dir, name)); err == nil && st.Mode().IsRegular() {
					s := &source{dir: dir, file: filepath.Join(dir, name)}
					return s, s.inspect()
				}
			}
			return nil, nil
		}
		var err error
		if w.first, err = file("decoder_model_merged.onnx", "decoder_model.onnx", "text_decoder_model.onnx"); err != nil {
			return err
		}
		if w.first == nil && (typ == "git" || typ == "coca") {
			if w.first, err = file("model.onnx"); err != nil {
				return err
			}
		}
		if w.first == nil {
			continue
		}
		if strings.HasSuffix(w.first.file, "decoder_model.onnx") {
			if w.next, err = file("decoder_with_past_model.onnx"); err != nil {
				return err
			}
		}
		if w.encoder, err = file("encoder_model.onnx", "vision_model.onnx", "vision_encoder.onnx"); err != nil {
			return err
		}
		if takes := names(realInputs(&w.first.graph.Graph)); w.encoder == nil && !slices.Contains(takes, "pixel_values") {
			return &models.FormatError{File: w.first.file, What: "there is no encoder_model.onnx beside it: the download is not complete"}
		}
		return nil
	}
	return nil
}

func names(list []onnxfile.Value) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.Name
	}
	return out
}

// fromWeights has the graphs written.
func (w *writerSource) fromWeights(config tower.Settings) error {
	name, err := weights.Find(w.dir)
	if err != nil {
		return err
	}
	if name == "" {
		return fmt.Errorf("models/folder: %s: %w that writes", w.dir, models.ErrNoModel)
	}
	if w.set, err = weights.Open(w.dir, name); err != nil {
		return err
	}
	if w.graphs, err = tower.Captioner(w.set, config); err != nil {
		return err
	}
	w.kind = w.graphs.Architecture
	return nil
}

// spoken are the settings of generation, with what a family knows by heart.
func (w *writerSource) spoken(typ string, generation, config tower.Settings) generate.Settings {
	s := generate.ReadSettings(generation, config)
	word := func(list *[]int64, names ...string) {
		for _, name := range names {
			if id, ok := w.words.ID(name); ok && len(*list) == 0 {
				*list = []int64{id}
			}
		}
	}
	if typ == "blip" { // BlipForConditionalGeneration.generate hands these on, whatever the settings say
		s.Start = []int64{config.Int("text_config.bos_token_id", generation.Int("bos_token_id", 30522))}
		s.End = []int64{config.Int("text_config.sep_token_id", generation.Int("sep_token_id", 102))}
		if _, ok := config.Value("text_config.sep_token_id"); !ok {
			if id, ok := w.words.ID("[SEP]"); ok {
				s.End = []int64{id}
			}
		}
		s.Pad = config.Int("text_config.pad_token_id", 0)
	}
	word(&s.Start, "<|startoftext|>", "<start_of_text>", "[CLS]", "<s>", "<|endoftext|>")
	word(&s.End, "<|endoftext|>", "<end_of_text>", "[SEP]", "</s>")
	if w.graphs != nil && (s.MaxLength == 0 || s.MaxLength > w.graphs.Places) {
		s.MaxLength = min(max(s.MaxLength, 20), w.graphs.Places)
	}
	return s
}

// prepare settles the preprocessing.
func (w *writerSource) prepare(config tower.Settings) error {
	image := 0
	if w.graphs != nil {
		image = w.graphs.Image
	}
	for _, s := range []*source{w.encoder, w.first} {
		if s == nil || image > 0 {
			continue
		}
		for _, v := range realInputs(&s.graph.Graph) {
			if len(v.Dims) == 4 && v.Dims[2].Size > 0 && v.Dims[2].Size == v.Dims[3].Size && v.Name == "pixel_values" {
				image = int(v.Dims[2].Size)
			}
		}
	}
	k := &known{kind: KindTransformers, settings: config}
	if set, err := optional(filepath.Join(w.dir, "open_clip_config.json")); err == nil && len(set) > 0 {
		k.kind, k.settings = KindOpenClip, set
	}
	var err error
	if w.prep, w.prepFrom, err = k.stated(w.dir, image); err != nil {
		return err
	}
	if w.prepFrom == "" {
		if image == 0 {
			image = int(config.Int("vision_config.image_size", config.Int("encoder.image_size", guessedSize)))
		}
		w.prep, w.prepFrom = preprocess.ImageNet(image), "a guess"
		w.notes = append(w.notes, "no preprocessor_config.json: ImageNet's mean and std are guessed; texts may be wrong")
	}
	return w.prep.Check()
}

// hash is the sha256 over all that a text follows from.
func (w *writerSource) hash() (string, error) {
	h := sha256.New()
	for _, s := range []*source{w.encoder, w.first, w.next} {
		if s != nil {
			h.Write([]byte(s.sum))
		}
	}
	if w.graphs != nil {
		h.Write(w.graphs.Encoder)
		h.Write(w.graphs.Decoder)
		for _, name := range w.set.Files {
			sum, err := fileSum(filepath.Join(w.dir, name))
			if err != nil {
				return "", err
			}
			h.Write([]byte(sum))
		}
	}
	for _, name := range w.files {
		sum, err := fileSum(filepath.Join(w.dir, name))
		if err != nil {
			return "", err
		}
		h.Write([]byte(sum))
	}
	h.Write([]byte(w.prep.ID()))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// speller is a tokenizer both ways.
type speller struct {
	*tokenizer.Tokenizer
	back *tokenizer.Decoder
}

func (s speller) Decode(ids []int64) string { return s.back.Decode(ids) }

// OpenCaptioner opens the model in a folder that writes about patches:
// ViT-GPT2, BLIP, GIT or CoCa as Optimum exports them, or ViT-GPT2, ViT-BERT
// and BLIP as weights. models.ErrNoModel means that the folder holds none.
func OpenCaptioner(rt onnx.Engine, path string) (*generate.Captioner, error) {
	w, err := findWriter(path)
	if err != nil {
		return nil, err
	}
	return w.open(rt)
}

func (w *writerSource) open(rt onnx.Engine) (*generate.Captioner, error) {
	hash, err := w.hash()
	if err != nil {
		return nil, err
	}
	var p generate.Parts
	fail := func(file string, err error) error {
		return errors.Join(&models.FormatError{File: file, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}, p.Close())
	}
	if w.graphs != nil {
		dir, err := filepath.Abs(w.dir)
		if err != nil {
			return nil, fmt.Errorf("models/folder: %w", err)
		}
		o := onnx.SessionOptions{DataFolder: dir}
		if p.Encoder, err = rt.NewSession(w.graphs.Encoder, o); err != nil {
			p.Encoder = nil
			return nil, fail(w.dir, err)
		}
		if p.First, err = rt.NewSession(w.graphs.Decoder, o); err != nil {
			p.First = nil
			return nil, fail(w.dir, err)
		}
	}
	for _, part := range []struct {
		s  *source
		at *onnx.Model
	}{{w.encoder, &p.Encoder}, {w.first, &p.First}, {w.next, &p.Next}} {
		if part.s == nil {
			continue
		}
		m, err := rt.NewSessionFile(part.s.file, onnx.SessionOptions{})
		if err != nil {
			return nil, fail(part.s.file, err)
		}
		*part.at = m
	}
	info := generate.Info{Name: w.name, Hash: hash, Architecture: w.kind, License: w.license, Note: strings.Join(w.notes, "; "),
		Tokenizer: w.words.Kind(), Settings: w.settings}
	c, err := generate.New(p, speller{w.words, w.words.Decoder()}, w.prep, info)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("models/folder: %s: %w", w.dir, err), p.Close())
	}
	return c, nil
}
