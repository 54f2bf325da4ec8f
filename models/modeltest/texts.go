package modeltest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"strings"
	"sync/atomic"

	"coverslip/models"
)

// Pair is the space that the fake encoders of pictures and of texts share.
const Pair = "colours (test)"

// Colours are the words that the fake of texts knows, as red, green, blue, alpha.
var Colours = map[string][4]uint8{
	"pink": {230, 150, 190, 255}, "purple": {110, 70, 150, 255}, "white": {250, 250, 250, 255}, "red": {200, 40, 40, 255},
}

// Texts puts a text where Encoder puts a plain patch of the colour that the text
// names; what names none lies where grey does. The zero value is ready; it is
// safe for concurrent use.
type Texts struct {
	calls  atomic.Int64
	closed atomic.Bool
}

// TextInfo describes the fake.
func (e *Texts) TextInfo() models.TextInfo {
	sum := sha256.Sum256([]byte("colour words (test)"))
	return models.TextInfo{Name: "colour words (test)", Hash: hex.EncodeToString(sum[:]), Pair: Pair, Dim: Dim, MaxTokens: 77,
		Tokenizer: "words", LogitScale: 50, Untrained: true}
}

// EncodeText implements models.TextEncoder.
func (e *Texts) EncodeText(ctx context.Context, texts []string) ([][]float32, error) {
	e.calls.Add(1)
	if e.closed.Load() {
		return nil, models.ErrClosed
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		rgba := [4]uint8{128, 128, 128, 255}
		for word, c := range Colours {
			if strings.Contains(strings.ToLower(text), word) {
				rgba = c
				break
			}
		}
		img := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for k := range img.Pix {
			img.Pix[k] = rgba[k%4]
		}
		out[i] = statistics(img)
	}
	return out, nil
}

// Calls counts the calls of EncodeText.
func (e *Texts) Calls() int { return int(e.calls.Load()) }

// Close makes further calls fail.
func (e *Texts) Close() error {
	e.closed.Store(true)
	return nil
}
