package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// hash is the sha256 of the model: of the ONNX file and its external weights,
// or, of weights alone, of their files and of the graph that is written for
// them, so that a graph another version of the program writes is another model.
func (s *source) hash() (string, error) {
	if s.known == nil || s.known.vision == nil {
		return s.sum, nil
	}
	h := sha256.New()
	h.Write(s.known.vision.Model)
	for _, name := range s.known.set.Files {
		sum, err := fileSum(filepath.Join(s.dir, name))
		if err != nil {
			return "", err
		}
		h.Write([]byte(sum))
		s.sum = sum
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fileSum is the sha256 of a file. A file of gigabytes is read once: its sum
// is kept in the user's cache for as long as size and time of the file stay.
func fileSum(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("models/folder: %w", err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("models/folder: %w", err)
	}
	kept := keptSum(fmt.Sprintf("%s\x00%d\x00%d", abs, st.Size(), st.ModTime().UnixNano()))
	if kept != "" {
		if b, err := os.ReadFile(kept); err == nil && len(b) == 64 && strings.Trim(string(b), "0123456789abcdef") == "" {
			return string(b), nil
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("models/folder: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, f, make([]byte, 1<<20)); err != nil {
		return "", fmt.Errorf("models/folder: %w", err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if kept != "" && st.Size() > 16<<20 {
		if err := os.MkdirAll(filepath.Dir(kept), 0o755); err == nil {
			_ = os.WriteFile(kept, []byte(sum), 0o644) // a sum that cannot be kept is computed again
		}
	}
	return sum, nil
}

// keptSum is the file of the cache for a key; empty when there is no cache.
func keptSum(key string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	name := sha256.Sum256([]byte(key))
	return filepath.Join(dir, "coverslip", "sums", hex.EncodeToString(name[:16]))
}
