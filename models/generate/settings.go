package generate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Stopping says when a beam search ends before every beam has run its course,
// as early_stopping of Hugging Face's generation_config.json.
type Stopping string

// Ways of stopping.
const (
	StopHopeless Stopping = ""      // false: when no running beam, at its present length, is better than the worst finished one
	StopFull     Stopping = "full"  // true: as soon as there are as many finished beams as beams
	StopNever    Stopping = "never" // only when no running beam can become better at any length
)

// Settings say how a model writes. Names and meanings are those of Hugging
// Face's generation_config.json.
type Settings struct {
	Start         []int64  // tokens that every text begins with: decoder_start_token_id, or bos_token_id
	End           []int64  // tokens that end a text: eos_token_id
	Pad           int64    // pad_token_id
	MaxLength     int      // tokens in all, with Start; 0 = 20, as transformers
	MinLength     int      // tokens before which no text ends, with Start
	Beams         int      // num_beams; 0 or 1 = the likeliest token each time
	LengthPenalty float64  // exponent of the length by which a beam's log-probability is divided
	Stop          Stopping // early_stopping
	NoRepeat      int      // no_repeat_ngram_size: so many tokens in a row occur once; 0 = off
	Repetition    float64  // repetition_penalty; 0 or 1 = off
	ForcedFirst   int64    // forced_bos_token_id; below zero = none
	ForcedLast    int64    // forced_eos_token_id; below zero = none
	Never         []int64  // suppress_tokens
	NotFirst      []int64  // begin_suppress_tokens
}

// Bounds of Settings: beyond them a picture would take minutes and say nothing.
const (
	maxBeams  = 16
	maxLength = 1024
	defLength = 20
)

// ErrSettings: the settings of a model's generation cannot be used.
var ErrSettings = errors.New("the model's settings of generation cannot be used")

// lookup is a model's settings by path; tower.Settings is one.
type lookup interface {
	Value(path string) (any, bool)
	Int(path string, other int64) int64
	Float(path string, other float64) float64
	Floats(path string) []float64
	Text(path, other string) string
	Bool(path string, other bool) bool
}

// ReadSettings gathers the settings of generation: generation_config.json
// first, then config.json, and in it the part of the decoder. Either may be
// nil. What transformers would take from its own defaults is filled in.
func ReadSettings(generation, config lookup) Settings {
	find := func(key string) (lookup, string, bool) {
		if generation != nil {
			if _, ok := generation.Value(key); ok {
				return generation, key, true
			}
		}
		if config == nil {
			return nil, "", false
		}
		for _, part := range []string{"", "decoder.", "text_config.", "model_cfg.text_cfg."} {
			if _, ok := config.Value(part + key); ok {
				return config, part + key, true
			}
		}
		return nil, "", false
	}
	whole := func(key string, other int64) int64 {
		if l, at, ok := find(key); ok {
			return l.Int(at, other)
		}
		return other
	}
	number := func(key string, other float64) float64 {
		if l, at, ok := find(key); ok {
			return l.Float(at, other)
		}
		return other
	}
	list := func(key string) (out []int64) {
		l, at, ok := find(key)
		if !ok {
			return nil
		}
		for _, v := range l.Floats(at) {
			out = append(out, int64(v))
		}
		if n := l.Int(at, -1); len(out) == 0 && n >= 0 {
			out = []int64{n}
		}
		return out
	}
	s := Settings{
		End: list("eos_token_id"), Pad: whole("pad_token_id", -1), MaxLength: int(whole("max_length", 0)),
		MinLength: int(whole("min_length", 0)), Beams: int(whole("num_beams", 1)), LengthPenalty: number("length_penalty", 1),
		NoRepeat: int(whole("no_repeat_ngram_size", 0)), Repetition: number("repetition_penalty", 1),
		ForcedFirst: whole("forced_bos_token_id", -1), ForcedLast: whole("forced_eos_token_id", -1),
		Never: list("suppress_tokens"), NotFirst: list("begin_suppress_tokens"),
	}
	if l, at, ok := find("early_stopping"); ok {
		switch {
		case l.Text(at, "") == "never":
			s.Stop = StopNever
		case l.Bool(at, false):
			s.Stop = StopFull
		}
	}
	if n := whole("max_new_tokens", 0); n > 0 {
		s.MaxLength = int(n) + 1
	}
	for _, key := range []string{"decoder_start_token_id", "bos_token_id"} {
		if id := whole(key, -1); id >= 0 && len(s.Start) == 0 {
			s.Start = []int64{id}
		}
	}
	return s
}

// check fills in what is left open and refuses what cannot be.
func (s Settings) check() (Settings, error) {
	if s.MaxLength == 0 {
		s.MaxLength = max(defLength, len(s.Start)+1)
	}
	s.MaxLength = min(s.MaxLength, maxLength)
	s.Beams = max(s.Beams, 1)
	if s.Repetition == 0 {
		s.Repetition = 1
	}
	switch {
	case len(s.Start) == 0:
		return s, fmt.Errorf("%w: it says no token that a text begins with (decoder_start_token_id or bos_token_id)", ErrSettings)
	case len(s.End) == 0:
		return s, fmt.Errorf("%w: it says no token that ends a text (eos_token_id)", ErrSettings)
	case slices.Min(s.Start) < 0 || slices.Min(s.End) < 0:
		return s, fmt.Errorf("%w: tokens %v and %v", ErrSettings, s.Start, s.End)
	case s.MaxLength <= len(s.Start):
		return s, fmt.Errorf("%w: texts of at most %d tokens, of which %d are given", ErrSettings, s.MaxLength, len(s.Start))
	case s.Beams > maxBeams:
		return s, fmt.Errorf("%w: %d beams, at most %d are tried", ErrSettings, s.Beams, maxBeams)
	case s.NoRepeat < 0 || !(s.Repetition > 0) || s.LengthPenalty < -10 || s.LengthPenalty > 10:
		return s, fmt.Errorf("%w: no_repeat_ngram_size %d, repetition_penalty %g, length_penalty %g", ErrSettings, s.NoRepeat, s.Repetition, s.LengthPenalty)
	}
	return s, nil
}

// ID is the settings in a line, for the provenance of a text.
func (s Settings) ID() string {
	parts := []string{fmt.Sprintf("beams=%d max-length=%d", max(s.Beams, 1), s.MaxLength)}
	if s.MinLength > 0 {
		parts = append(parts, fmt.Sprintf("min-length=%d", s.MinLength))
	}
	if s.Beams > 1 {
		parts = append(parts, fmt.Sprintf("length-penalty=%g", s.LengthPenalty))
		if s.Stop != StopHopeless {
			parts = append(parts, "stop="+string(s.Stop))
		}
	}
	if s.NoRepeat > 0 {
		parts = append(parts, fmt.Sprintf("no-repeat=%d", s.NoRepeat))
	}
	if s.Repetition != 0 && s.Repetition != 1 {
		parts = append(parts, fmt.Sprintf("repetition-penalty=%g", s.Repetition))
	}
	return strings.Join(parts, " ")
}
