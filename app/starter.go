package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"coverslip/assets"
	"coverslip/models"
	"coverslip/models/attention"
	"coverslip/models/folder"
	"coverslip/models/onnx"
	"coverslip/models/vit"
)

// starterFolder is the starter model's folder on disk; fs.ErrNotExist says that
// none is compiled in.
func starterFolder() (string, error) {
	files, err := assets.Starter()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return unpack(files, filepath.Join(cache, "coverslip", "starter"))
}

// unpack writes the files of a model into a folder of cache named by their
// contents, where the runtime can map them, and gives that folder. What lies
// there already and is whole stays.
func unpack(files fs.FS, cache string) (string, error) {
	content := map[string][]byte{}
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %d\n", name, len(b))
		h.Write(b)
		content[name] = b
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("starter model: %w", err)
	}
	dir := filepath.Join(cache, hex.EncodeToString(h.Sum(nil)[:8]))
	for name, want := range content {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if got, err := os.ReadFile(path); err == nil && bytes.Equal(got, want) {
			continue
		}
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil { // whole or not at all, also when another program does the same
			err = WriteFile(path, func(w io.Writer) error {
				_, err := w.Write(want)
				return err
			})
		}
		if err != nil {
			return "", fmt.Errorf("starter model: %w", err)
		}
	}
	return dir, nil
}

// ownEncoder is the encoder of a session without a model folder: the starter
// model, and the untrained network where it is not compiled in.
func ownEncoder(e onnx.Engine) (models.Encoder, error) {
	dir, err := starterFolder()
	if errors.Is(err, fs.ErrNotExist) {
		return vit.Demo(e, demoSeed)
	}
	if err != nil {
		return nil, err
	}
	return folder.Open(e, dir)
}

// ownTexts is the text side that goes with ownEncoder; ErrNoTexts when that has
// none.
func ownTexts(e onnx.Engine, _ string) (models.TextEncoder, error) {
	dir, err := starterFolder()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoTexts
	}
	if err != nil {
		return nil, err
	}
	return folder.OpenText(e, dir)
}

// ownAttention is ownEncoder with its attention as outputs.
func ownAttention(e onnx.Engine) (*attention.Looker, error) {
	dir, err := starterFolder()
	if errors.Is(err, fs.ErrNotExist) {
		return vit.OpenAttention(e, vit.Default(demoSeed))
	}
	if err != nil {
		return nil, err
	}
	return folder.OpenAttention(e, dir)
}

// OwnModelName says what suggests when no model folder is chosen.
func OwnModelName() string {
	if hasStarter() {
		return "the starter model, trained on generated tissue"
	}
	return "the built-in network, which is untrained"
}

// hasStarter says whether a starter model is compiled in.
func hasStarter() bool {
	_, err := assets.Starter()
	return err == nil
}
