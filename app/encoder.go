package app

import (
	"errors"

	"coverslip/models"
	"coverslip/models/folder"
	"coverslip/models/onnx"
)

// demoSeed draws the weights of the built-in, untrained encoder; every machine
// gets the same network, and so the same hash.
const demoSeed = 1

// TextEncoder is the text side of the session's model, loaded when first wanted.
// ErrNoTexts says that the model has none.
func (s *Session) TextEncoder() (models.TextEncoder, error) {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.text != nil {
		return s.text, nil
	}
	open := s.options.Text
	switch {
	case open != nil:
	case s.options.Model != "":
		open = func(e onnx.Engine, path string) (models.TextEncoder, error) { return folder.OpenText(e, path) }
	case hasStarter():
		open = ownTexts
	}
	if open == nil {
		return nil, ErrNoTexts
	}
	e, err := s.startedEngine()
	if err != nil {
		return nil, err
	}
	text, err := open(e, s.options.Model)
	if errors.Is(err, models.ErrNoModel) {
		return nil, about("model", s.options.Model, ErrNoTexts)
	}
	if err != nil {
		return nil, about("model", s.options.Model, err)
	}
	s.text = text
	return text, nil
}

// Encoder is the session's encoder, loaded when first wanted: the one in
// Options.Model, or the starter model, or where that is not compiled in the
// built-in vision transformer, whose weights are random and which says so. It
// returns the errors of Engine and of the model.
func (s *Session) Encoder() (models.Encoder, error) {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.encoder != nil {
		return s.encoder, nil
	}
	e, err := s.startedEngine()
	if err != nil {
		return nil, err
	}
	set, err := ReadModelSettings()
	if err != nil {
		return nil, err
	}
	// What was measured of the model that was last in this place: that it is
	// still the same shows when it is open.
	cal := calibratedPath(e, set, s.options.Model)
	if set.Threads == 0 && cal.Threads > 0 {
		e = onnx.Configured(e, onnx.Choices{Threads: cal.Threads})
	}
	encoder, err := openEncoder(e, s.options.Model)
	if err != nil {
		return nil, err
	}
	switch {
	case set.Batch > 0:
		setBatch(encoder, set.Batch)
	case cal.Encoder == encoder.Info().Hash:
		setBatch(encoder, cal.Batch)
	}
	s.encoder = encoder
	return encoder, nil
}
