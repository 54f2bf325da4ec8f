package generate

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"sync"

	"coverslip/models"
	"coverslip/models/onnx"
	"coverslip/models/preprocess"
)

// Info says what a model that writes is. It is stored beside every text.
type Info struct {
	Name         string
	Hash         string // sha256 in hex over the model's files, the tokenizer and the preprocessing
	Architecture string
	License      string
	Note         string  // a warning to be shown with every text
	Untrained    bool    // random weights
	MPP          float64 // µm per pixel of the patch; 0 = the model does not fix it
	PatchSize    int     // pixels of the patch
	Preprocess   string
	Tokenizer    string
	Settings     Settings
	Cache        bool // a text is not read anew for each token
}

// Words turns tokens into text and back.
type Words interface {
	Decode(ids []int64) string
	Encode(text string, most int) []int64
}

// Options of one caption. The zero value does as the model's settings say.
type Options struct {
	Beams     int               // 0 = as the settings say
	MaxLength int               // tokens in all; 0 = as the settings say
	NoCache   bool              // read the whole text anew for each token; the tokens are the same
	Told      func(text string) // hears the text as it grows, on the goroutine of Caption; may be nil
}

// Caption is a text that a network made up about a patch.
type Caption struct {
	Text      string   `json:"text"`
	Tokens    []int64  `json:"tokens"` // with those that begin and end it
	Score     float64  `json:"score"`  // mean log-probability of a token, or what the beam search compares
	Others    []string `json:"others,omitempty"`
	Generated bool     `json:"generated"` // always true: no person wrote it
	Params    string   `json:"params"`    // of the search
}

// Captioner writes about patches. It is safe for concurrent use; runs take
// turns.
type Captioner struct {
	parts Parts
	info  Info
	prep  *preprocess.Prep
	words Words

	pixels      onnx.ValueInfo // the input that takes the picture
	first, next *decoder
	encoded     map[string]string // by input of the decoder, the output of the encoder

	mu     sync.Mutex // one run at a time has all the threads; protects closed
	closed bool
}

// New checks that graphs are a model that writes and takes them over. On an
// error they stay the caller's.
func New(p Parts, words Words, spec preprocess.Spec, info Info) (*Captioner, error) {
	prep, err := preprocess.New(spec)
	if err != nil {
		return nil, err
	}
	c := &Captioner{parts: p, prep: prep, words: words, info: info, encoded: map[string]string{}}
	if c.info.Settings, err = info.Settings.check(); err != nil {
		return nil, err
	}
	c.info.Preprocess = prep.Spec().ID()
	if c.info.PatchSize == 0 {
		c.info.PatchSize = max(prep.Spec().Resize, prep.Spec().Crop)
	}
	if p.First == nil {
		return nil, errors.New("generate: there is no decoder")
	}
	if err := c.picture(); err != nil {
		return nil, err
	}
	given := make([]string, 0, len(c.encoded)+1)
	for name := range c.encoded {
		given = append(given, name)
	}
	if p.Encoder == nil {
		given = append(given, c.pixels.Name)
	}
	if c.first, err = newDecoder(p.First, "decoder", given); err != nil {
		return nil, err
	}
	switch {
	case p.Next != nil:
		if c.next, err = newDecoder(p.Next, "decoder with past", given); err != nil {
			return nil, err
		}
		if len(c.next.past) == 0 {
			return nil, &models.UnsupportedError{File: "decoder with past", What: "it takes no past_key_values"}
		}
		if !c.first.caches {
			c.next = nil // nothing to go on from
		}
	case len(c.first.past) > 0 && c.first.caches:
		c.next = c.first
	}
	c.info.Cache = c.next != nil
	if c.first.length > 0 {
		c.info.Settings.MaxLength = min(c.info.Settings.MaxLength, c.first.length)
	}
	return c, c.checkCache()
}

// checkCache sees to it that the second decoder is given all that it takes.
func (c *Captioner) checkCache() error {
	if c.next == nil {
		return nil
	}
	gives := map[string]bool{}
	for _, d := range []*decoder{c.first, c.next} {
		for _, name := range d.wants {
			gives[pastOf(name)] = true
		}
	}
	for _, name := range c.next.past {
		if !gives[name] {
			return &models.UnsupportedError{File: "decoder", What: fmt.Sprintf("nothing gives its input %s", name)}
		}
	}
	return nil
}

// picture finds the input for pixels and what the decoder is given of them.
func (c *Captioner) picture() error {
	sees := c.parts.Encoder
	if sees == nil {
		sees = c.parts.First
	}
	for _, v := range sees.Inputs() {
		if len(v.Shape) == 4 && v.Type == onnx.Float32 && !isPast(v.Name) {
			c.pixels = v
		}
	}
	if c.pixels.Name == "" {
		return &models.UnsupportedError{File: "encoder", What: "it has no input that takes a picture"}
	}
	if c.parts.Encoder == nil {
		return nil
	}
	if n := len(c.parts.Encoder.Inputs()); n != 1 {
		return &models.UnsupportedError{File: "encoder", What: fmt.Sprintf("it has %d inputs, and only the picture is known", n)}
	}
	takes := map[string]bool{}
	for _, m := range []onnx.Model{c.parts.First, c.parts.Next} {
		if m != nil {
			for _, v := range m.Inputs() {
				takes[v.Name] = true
			}
		}
	}
	tokens := "" // the output with a vector for each token
	for _, v := range c.parts.Encoder.Outputs() {
		if takes[v.Name] {
			c.encoded[v.Name] = v.Name
		}
		if len(v.Shape) == 3 && (tokens == "" || v.Name == "last_hidden_state") {
			tokens = v.Name
		}
	}
	for _, name := range []string{"encoder_hidden_states", "encoder_outputs", "image_embs", "image_embeds"} {
		if _, ok := c.encoded[name]; takes[name] && !ok {
			if tokens == "" {
				return &models.UnsupportedError{File: "encoder", What: "no output of it has a vector for each part of the picture"}
			}
			c.encoded[name] = tokens
		}
	}
	if len(c.encoded) == 0 {
		return &models.UnsupportedError{File: "decoder", What: "it takes nothing that the encoder gives"}
	}
	return nil
}

// Info says what the model is.
func (c *Captioner) Info() Info { return c.info }

// Caption writes a text about a patch, which is square. It stops soon after ctx
// is cancelled and returns its cause; after Close it returns models.ErrClosed.
func (c *Captioner) Caption(ctx context.Context, patch *image.RGBA, o Options) (Caption, error) {
	s := c.info.Settings
	if o.Beams > 0 {
		s.Beams = o.Beams
	}
	if o.MaxLength > 0 {
		s.MaxLength = o.MaxLength
	}
	if c.first.length > 0 {
		s.MaxLength = min(s.MaxLength, c.first.length)
	}
	s, err := s.check()
	if err != nil {
		return Caption{}, err
	}
	if patch == nil || patch.Rect.Dx() < 1 || patch.Rect.Dx() != patch.Rect.Dy() {
		return Caption{}, fmt.Errorf("generate: %w", models.ErrPatch)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return Caption{}, fmt.Errorf("generate: %w", models.ErrClosed)
	}
	w := &writer{first: c.first, next: c.next, cached: c.next != nil && !o.NoCache, pad: s.Pad}
	if w.picture, w.ahead, err = c.see(ctx, patch); err != nil {
		return Caption{}, err
	}
	told := func(text []int64) {
		if o.Told != nil {
			o.Told(c.text(text))
		}
	}
	found := make([]sequence, 1)
	if s.Beams > 1 {
		found, err = s.search(ctx, w.step, told)
	} else {
		found[0], err = s.greedy(ctx, w.step, told)
	}
	if err != nil {
		return Caption{}, err
	}
	if len(found) == 0 || math.IsNaN(found[0].score) {
		return Caption{}, errors.New("generate: the model finds no text at all")
	}
	out := Caption{Text: c.text(found[0].tokens), Tokens: found[0].tokens, Score: found[0].score, Generated: true, Params: s.ID()}
	for _, f := range found[1:] {
		if text := c.text(f.tokens); text != out.Text && !slices.Contains(out.Others, text) {
			out.Others = append(out.Others, text)
		}
	}
	return out, nil
}

// see runs the encoder over a patch.
func (c *Captioner) see(ctx context.Context, patch *image.RGBA) (map[string]onnx.Tensor, int64, error) {
	data := make([]float32, c.prep.Len())
	if err := c.prep.Apply(patch, data); err != nil {
		return nil, 0, err
	}
	side := int64(c.prep.Spec().Crop)
	shape := []int64{1, 3, side, side}
	if c.prep.Spec().NHWC {
		shape = []int64{1, side, side, 3}
	}
	in := map[string]onnx.Tensor{c.pixels.Name: onnx.NewTensor(data, shape...)}
	if c.parts.Encoder == nil {
		return in, 0, nil
	}
	var want []string
	for _, name := range c.encoded {
		if !slices.Contains(want, name) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	out, err := c.parts.Encoder.RunOutputs(ctx, in, want)
	if err != nil {
		return nil, 0, err
	}
	given, ahead := map[string]onnx.Tensor{}, int64(1)
	for name, from := range c.encoded {
		given[name] = out[from]
		if s := out[from].Shape; len(s) == 3 {
			ahead = s[1]
		}
	}
	return given, ahead, nil
}

// text is what tokens say, without those that begin and end it.
func (c *Captioner) text(tokens []int64) string {
	s := c.info.Settings
	list := slices.Clone(tokens[min(len(s.Start), len(tokens)):])
	for len(list) > 0 && (slices.Contains(s.End, list[len(list)-1]) || list[len(list)-1] == s.Pad) {
		list = list[:len(list)-1]
	}
	return strings.TrimSpace(c.words.Decode(list))
}

// Close closes the graphs; a run in progress is waited for.
func (c *Captioner) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.parts.Close()
}
