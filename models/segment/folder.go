package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/onnx"
)

// Info says what a pair of models is; it goes with everything outlined by it.
type Info struct {
	Name       string // the folder's
	Hash       string // sha256 over both files and the preprocessing, hex
	Encoder    string // file name
	Decoder    string // file name
	Preprocess string // canonical text
	Note       string // what was guessed; may be empty
	Untrained  bool   // random weights, as the folder says
}

// Open opens the pair in a folder: one .onnx file with "encoder" in its name and
// one with "decoder", in it or in its folder onnx, as the exporters of Segment
// Anything, MobileSAM, SAM 2 and transformers.js name them. models.ErrNoModel
// means that there is no such pair.
func Open(rt onnx.Engine, dir string) (*Segmenter, error) {
	enc, dec, err := pairIn(dir)
	if err != nil {
		return nil, err
	}
	o, untrained, err := settings(dir)
	if err != nil {
		return nil, err
	}
	e, err := rt.NewSessionFile(enc, onnx.SessionOptions{})
	if err != nil {
		return nil, &models.FormatError{File: enc, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}
	}
	d, err := rt.NewSessionFile(dec, onnx.SessionOptions{})
	if err != nil {
		return nil, errors.Join(&models.FormatError{File: dec, What: "ONNX Runtime " + rt.Version() + " refuses it", Err: err}, e.Close())
	}
	s, err := New(e, d, o)
	if err != nil {
		return nil, errors.Join(err, e.Close(), d.Close())
	}
	s.info = Info{Name: filepath.Base(absolute(dir)), Encoder: filepath.Base(enc), Decoder: filepath.Base(dec), Preprocess: s.o.id(), Note: s.note, Untrained: untrained}
	if s.info.Hash, err = hashOf(s.info.Preprocess, enc, dec); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// Is tells whether a folder looks like such a pair, without opening it.
func Is(dir string) bool {
	_, _, err := pairIn(dir)
	return err == nil
}

// rounded are the endings of files whose weights were rounded; one that was not is
// taken when there is one.
var rounded = []string{"_quantized", "_int8", "_uint8", "_fp16", "_q4", "_q4f16", "_bnb4", "_quant"}

// pairIn finds the two files.
func pairIn(dir string) (enc, dec string, err error) {
	var encoders, decoders []string
	for _, in := range []string{dir, filepath.Join(dir, "onnx")} {
		entries, err := os.ReadDir(in)
		if err != nil {
			if in != dir && errors.Is(err, os.ErrNotExist) {
				continue
			}
			return "", "", fmt.Errorf("models/segment: %w", err)
		}
		for _, e := range entries {
			name := strings.ToLower(e.Name())
			switch {
			case e.IsDir() || !strings.HasSuffix(name, ".onnx"):
			case strings.Contains(name, "decoder"): // also prompt_encoder_mask_decoder
				decoders = append(decoders, filepath.Join(in, e.Name()))
			case strings.Contains(name, "encoder"):
				encoders = append(encoders, filepath.Join(in, e.Name()))
			}
		}
	}
	if len(encoders) == 0 || len(decoders) == 0 {
		return "", "", fmt.Errorf("models/segment: %s: %w: an outliner is two files, one .onnx with \"encoder\" in its name and one with \"decoder\"", dir, models.ErrNoModel)
	}
	plain := func(a, b string) int {
		score := func(p string) int {
			base := strings.TrimSuffix(strings.ToLower(filepath.Base(p)), ".onnx")
			if slices.ContainsFunc(rounded, func(end string) bool { return strings.HasSuffix(base, end) }) {
				return 1
			}
			return 0
		}
		if d := score(a) - score(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	}
	slices.SortFunc(encoders, plain)
	slices.SortFunc(decoders, plain)
	return encoders[0], decoders[0], nil
}

// maxSettings is more than such a file can need, bytes.
const maxSettings = 1 << 20

// settings reads preprocessor_config.json, when there is one.
func settings(dir string) (o Options, untrained bool, err error) {
	name := filepath.Join(dir, "preprocessor_config.json")
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("models/segment: %w", err)
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSettings))
	if err != nil {
		return o, false, fmt.Errorf("models/segment: %w", err)
	}
	o, untrained, err = parseSettings(b)
	if err != nil {
		return o, false, &models.FormatError{File: name, What: "cannot be read", Err: err}
	}
	return o, untrained, nil
}

// parseSettings reads what SamImageProcessor of transformers writes: size with
// longest_edge (or height and width), image_mean and image_std of 0 … 1. "raw"
// and "untrained" are our own.
func parseSettings(b []byte) (o Options, untrained bool, err error) {
	var p struct {
		Size      json.RawMessage `json:"size"`
		Mean      []float32       `json:"image_mean"`
		Std       []float32       `json:"image_std"`
		Normalise *bool           `json:"do_normalize"`
		Raw       bool            `json:"raw"`
		Untrained bool            `json:"untrained"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return o, false, err
	}
	var size struct {
		Longest int `json:"longest_edge"`
		Height  int `json:"height"`
		Width   int `json:"width"`
	}
	if len(p.Size) > 0 {
		if err := json.Unmarshal(p.Size, &size); err != nil {
			if err := json.Unmarshal(p.Size, &size.Longest); err != nil {
				return o, false, fmt.Errorf("size: %w", err)
			}
		}
	}
	o.Side = max(size.Longest, size.Height, size.Width)
	if o.Side < 0 || o.Side > 1<<14 {
		return o, false, fmt.Errorf("size: %d pixels", o.Side)
	}
	o.Raw = p.Raw || p.Normalise != nil && !*p.Normalise
	for i, list := range [][]float32{p.Mean, p.Std} {
		if len(list) == 0 {
			continue
		}
		if len(list) != 3 {
			return o, false, fmt.Errorf("%d numbers for three colours", len(list))
		}
		for c, v := range list {
			if !(v >= 0 && v <= 1) || i == 1 && v == 0 {
				return o, false, fmt.Errorf("a mean or deviation of %g", v)
			}
			if i == 0 {
				o.Mean[c] = v * 255
			} else {
				o.Std[c] = v * 255
			}
		}
	}
	if (o.Mean == [3]float32{}) != (o.Std == [3]float32{}) {
		return o, false, errors.New("a mean without a deviation, or the reverse")
	}
	return o, p.Untrained, nil
}

// id is the canonical text of the preprocessing.
func (o Options) id() string {
	if o.Raw {
		return fmt.Sprintf("longest=%d:bilinear raw", o.Side)
	}
	return fmt.Sprintf("longest=%d:bilinear mean=%g,%g,%g std=%g,%g,%g", o.Side, o.Mean[0], o.Mean[1], o.Mean[2], o.Std[0], o.Std[1], o.Std[2])
}

func hashOf(prep string, files ...string) (string, error) {
	h := sha256.New()
	h.Write([]byte(prep))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("models/segment: %w", err)
		}
		_, err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("models/segment: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
