package tower

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Settings are a model's config.json or open_clip_config.json. Every library
// and version writes others, so they are looked up by path, with a default.
type Settings map[string]any

// maxSettings is more than any config.json needs, in bytes.
const maxSettings = 8 << 20

// ReadSettings decodes a JSON object.
func ReadSettings(r io.Reader) (Settings, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSettings+1))
	if err != nil {
		return nil, fmt.Errorf("models/tower: %w", err)
	}
	if len(b) > maxSettings {
		return nil, fmt.Errorf("models/tower: settings of more than %d bytes", maxSettings)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var s Settings
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("models/tower: %w", err)
	}
	return s, nil
}

// Value finds what is at a path such as "vision_config.hidden_size".
func (s Settings) Value(path string) (any, bool) {
	var at any = map[string]any(s)
	for _, key := range strings.Split(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[key]; !ok || at == nil {
			return nil, false
		}
	}
	return at, true
}

// Sub is the object at a path; empty when there is none.
func (s Settings) Sub(path string) Settings {
	v, _ := s.Value(path)
	m, _ := v.(map[string]any)
	return m
}

// Int is the whole number at a path. Of a list, as sizes are, the last counts.
func (s Settings) Int(path string, other int64) int64 {
	v, ok := s.Value(path)
	if !ok {
		return other
	}
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[len(list)-1]
	}
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return i
		}
	}
	return other
}

// Float is the number at a path.
func (s Settings) Float(path string, other float64) float64 {
	v, _ := s.Value(path)
	if n, ok := v.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	return other
}

// Text is the text at a path.
func (s Settings) Text(path, other string) string {
	if v, _ := s.Value(path); v != nil {
		if t, ok := v.(string); ok {
			return t
		}
	}
	return other
}

// Bool is the truth value at a path.
func (s Settings) Bool(path string, other bool) bool {
	if v, _ := s.Value(path); v != nil {
		if t, ok := v.(bool); ok {
			return t
		}
	}
	return other
}

// Floats is the list of numbers at a path, nil when it is none.
func (s Settings) Floats(path string) []float64 {
	v, _ := s.Value(path)
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	var out []float64
	for _, x := range list {
		n, ok := x.(json.Number)
		if !ok {
			return nil
		}
		f, err := n.Float64()
		if err != nil {
			return nil
		}
		out = append(out, f)
	}
	return out
}
