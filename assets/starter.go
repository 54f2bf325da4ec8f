package assets

import (
	"embed"
	"fmt"
	"io/fs"
)

// StarterWeights is the file of the starter model that holds its weights.
const StarterWeights = "model.safetensors"

//go:embed starter
var starter embed.FS

// Starter is the folder of the starter model: weights, settings, tokenizer and
// card. It is an error of fs.ErrNotExist when no weights are compiled in.
func Starter() (fs.FS, error) {
	dir, err := fs.Sub(starter, "starter")
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	if _, err := fs.Stat(dir, StarterWeights); err != nil {
		return nil, fmt.Errorf("assets: the starter model: %w", err)
	}
	return dir, nil
}
