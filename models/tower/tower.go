package tower

import (
	"fmt"

	"coverslip/models"
	"coverslip/models/weights"
)

// Pool says which of a vision tower's tokens become the embedding.
type Pool string

// Pools of a vision tower.
const (
	PoolAuto      Pool = ""           // as the settings say, else the class token
	PoolFirst     Pool = "first"      // the class token
	PoolMean      Pool = "mean"       // the mean of the patches' tokens
	PoolFirstMean Pool = "first+mean" // the class token, then the mean of the patches' tokens
)

// Tower is one side of a model as an ONNX graph.
type Tower struct {
	Model        []byte // ONNX; its weights are in files of the set's folder
	Architecture string // for people: "timm ViT, 24 blocks of 1024, 16 heads, patches of 16"
	Library      string // whose names the weights have: timm, transformers, open_clip
	Input        string // name of the graph's input: pixel_values [n,3,Image,Image] or input_ids [n,Tokens]
	Mask         string // name of a text tower's attention mask [n,Tokens]; "" = it takes none
	Output       string // name of the graph's output [n,Dim]
	Dim          int    // numbers an embedding
	Image        int    // side of a vision tower's input, pixels
	Pool         Pool   // of a vision tower without a projection; "" when the model has its own
	Words        int    // entries of a text tower's table of words
	Tokens       int    // longest text of a text tower, in tokens with those at both ends
	Fixed        bool   // every text is padded to exactly Tokens
	Bytes        int64  // of the weights that the graph reads, as they are stored
	Note         string // what was guessed; may be empty
}

// Names of a graph's inputs and output.
const (
	pixels    = "pixel_values"
	inputIDs  = "input_ids"
	inputMask = "attention_mask"
	output    = "embedding"
)

// Options change what the settings say.
type Options struct {
	Image int   // side of the input in pixels; 0 = as the settings say
	Pool  Pool  // "" = as the settings say
	Heads int64 // of attention; 0 = as the settings say or the architecture's name implies

	Attention bool // the graph of a vision tower has its attention as outputs too, see AttentionRollout; it is slower and takes more memory
}

// Vision writes the vision tower of the weights. A set without one gives
// models.ErrNoModel; one that does what is not known here gives a
// *models.UnsupportedError that names the weights.
func Vision(w *weights.Set, s Settings, o Options) (*Tower, error) {
	for _, scheme := range []struct {
		sign  string // a weight that only this scheme has
		write func(*weights.Set, Settings, Options) (*Tower, error)
	}{
		{"vision_model.embeddings.patch_embedding.weight", clipVision},
		{"visual.conv1.weight", openClipVision},
		{"visual.trunk.patch_embed.proj.weight", openClipTimm},
		{"visual.patch_embed.proj.weight", keepVision},
		{"patch_embed.proj.weight", timmVision},
		{"embeddings.patch_embeddings.projection.weight", transformersVision},
	} {
		if w.Has(scheme.sign) {
			return scheme.write(w, s, o)
		}
	}
	for _, p := range []string{"vit.", "dinov2.", "dinov2_with_registers.", "backbone.", "encoder.", "model.", "teacher.", "student.", "trunk."} { // as heads and training scripts wrap them
		if part := w.Sub(p); part.Has("embeddings.patch_embeddings.projection.weight") || part.Has("patch_embed.proj.weight") {
			if sub := s.Sub("encoder"); p == "encoder." && len(sub) > 0 { // of a VisionEncoderDecoderModel
				s = sub
			}
			return Vision(part, s, o)
		}
	}
	return nil, fmt.Errorf("models/tower: %s: %w: its weights have none of the names of a vision transformer", w.Dir, models.ErrNoModel)
}

// Text writes the text tower of the weights; see Vision.
func Text(w *weights.Set, s Settings) (*Tower, error) {
	switch {
	case w.Has("text_model.embeddings.token_embedding.weight"):
		return clipText(w, s)
	case w.Has("text.token_embedding.weight"):
		return openClipText(w, s, "text.")
	case w.Has("token_embedding.weight") && w.Has("text_projection"):
		return openClipText(w, s, "")
	case w.Has("text.transformer.embeddings.word_embeddings.weight"):
		return openClipBERT(w, s)
	case w.Has("text.embeddings.word_embeddings.weight"):
		return keepText(w, s)
	case w.Has("embeddings.word_embeddings.weight"):
		return transformersBERT(w, s)
	case w.Sub("bert.").Has("embeddings.word_embeddings.weight"):
		return transformersBERT(w.Sub("bert."), s)
	case w.Sub("roberta.").Has("embeddings.word_embeddings.weight"):
		return transformersBERT(w.Sub("roberta."), s)
	}
	return nil, fmt.Errorf("models/tower: %s: %w: its weights have none of the names of a text tower", w.Dir, models.ErrNoModel)
}

// LogitScale is the factor on a cosine that the model learned for image and
// text, exp(logit_scale); false when it has none.
func LogitScale(w *weights.Set) (float64, bool) {
	if t, ok := w.Get("logit_scale"); !ok || t.Count() != 1 {
		return 0, false
	}
	v, err := w.Float32("logit_scale")
	if err != nil || len(v) != 1 || v[0] < -10 || v[0] > 10 {
		return 0, false
	}
	return exp(float64(v[0])), true
}
