package app

import (
	"context"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/formats"
)

// codecs is what slides are decoded by: native libraries where they are, or
// memory-safe decoders only.
func codecs(untrusted bool) *codec.Set {
	if untrusted {
		return codec.Safe()
	}
	return codec.Default()
}

// openFile opens the file of a slide by the decoders that the session may use,
// and from where it may.
func (s *Session) openFile(ctx context.Context, path string) (tiles.Slide, error) {
	return formats.OpenBy(ctx, path, formats.Options{Codecs: codecs(s.Untrusted()), Network: s.Network()})
}

// Untrusted tells whether slides are opened with memory-safe decoders only.
func (s *Session) Untrusted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.Untrusted
}

// SetUntrusted says whether slides opened from now on are decoded by
// memory-safe decoders only. The current slide keeps its decoders until
// OpenSlide is asked for it again. It waits for a slide that is being opened.
func (s *Session) SetUntrusted(on bool) {
	s.opening.Lock() // a slide is opened by one kind or the other
	defer s.opening.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Untrusted = on
}

// Decoders says in a line what decodes the compressions of slides on this
// computer, or what would under Options.Untrusted.
func Decoders(untrusted bool) string {
	var parts []string
	for _, s := range formats.Codecs(codecs(untrusted)) {
		if s.Library == "" {
			parts = append(parts, s.Name+" not at all")
			continue
		}
		by := s.Name + " by " + s.Library
		if s.Version != "" {
			by += " " + s.Version
		}
		if s.Found != "" {
			by += " (" + s.Found + ")"
		}
		parts = append(parts, by)
	}
	return strings.Join(parts, " · ")
}
