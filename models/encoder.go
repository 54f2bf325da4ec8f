package models

import (
	"context"
	"image"
	"math"
)

// EncoderInfo says what an encoder is, what it wants and how far it can be
// trusted. It is stored beside every embedding, because vectors of two
// encoders, or of one encoder fed in two ways, must never be compared.
type EncoderInfo struct {
	Name         string  // for people: "demo ViT", the folder's name
	Architecture string  // "vit-6x192/16", "onnx" when unknown
	Hash         string  // sha256 in hex over the model file and the preprocessing
	Dim          int     // length of an embedding
	PatchSize    int     // side of the square the network sees, in pixels of the patch
	MPP          float64 // µm per pixel of the patch; 0 = the model does not fix it
	Untrained    bool    // random weights: embeddings tell colours and textures apart, not tissues
	Note         string  // a warning or guess to be shown with every result; may be empty
	Preprocess   string  // canonical text of resize, crop, scale, mean, std
	License      string  // as stated by whoever made the model; empty = not stated
	Pair         string  // names the space that the pictures and texts of one model share; empty = no texts
}

// Encoder turns patches into embeddings.
//
// Encode returns one vector a patch, in order, each of Info().Dim numbers and
// L2 length one. A patch may be square of any size: resizing to the network's
// input happens inside. Transparent pixels (outside the slide) count as white
// glass. Encode may be called from several goroutines; it stops soon after ctx
// is cancelled and returns its cause. After Close it returns ErrClosed.
type Encoder interface {
	Info() EncoderInfo
	Encode(ctx context.Context, patches []*image.RGBA) ([][]float32, error)
	Close() error
}

// TextInfo says what a text encoder is. It is stored beside everything that was
// found by words.
type TextInfo struct {
	Name       string   // for people
	Hash       string   // sha256 in hex over the model file and the tokenizer
	Pair       string   // as EncoderInfo.Pair; vectors may be compared only when both agree and are not empty
	Dim        int      // length of a vector; the same as that of the pictures
	MaxTokens  int      // of a text, begin and end included; what is longer is cut
	Tokenizer  string   // for people: "CLIP byte pairs, 49408"
	LogitScale float64  // what a cosine is multiplied with before the softmax (exp of the weight), 1/temperature; 0 = not stated
	Templates  []string // sentences the makers of the model used, with the word CLASSNAME; nil = not stated
	Untrained  bool     // random weights
	Note       string   // a warning to be shown with every result; may be empty
	License    string   // as stated; empty = not stated
}

// TextEncoder turns texts into vectors of the space that an Encoder of the same
// Pair puts patches into.
//
// EncodeText returns one vector a text, in order, each of TextInfo().Dim numbers
// and L2 length one. Texts are taken as they are: templates, synonyms and the
// straightening of quotes are the caller's. It may be called from several
// goroutines; it stops soon after ctx is cancelled and returns its cause. After
// Close it returns ErrClosed.
type TextEncoder interface {
	TextInfo() TextInfo
	EncodeText(ctx context.Context, texts []string) ([][]float32, error)
	Close() error
}

// Normalise scales v in place to L2 length one. A vector that is zero, or
// holds NaN or infinity, is set to zero and reported false: it has no
// direction, and passing it on would poison every mean it enters.
func Normalise(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		clear(v)
		return false
	}
	f := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * f)
	}
	return true
}

// Dot is the inner product of a and b over the shorter of the two; for
// embeddings it is their cosine. Four running sums keep it quick and fix the
// order of additions, so that results repeat.
func Dot(a, b []float32) float32 {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= n; i += 4 {
		s0 += float32(a[i] * b[i])
		s1 += float32(a[i+1] * b[i+1])
		s2 += float32(a[i+2] * b[i+2])
		s3 += float32(a[i+3] * b[i+3])
	}
	for ; i < n; i++ {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}
