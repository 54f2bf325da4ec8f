package app

import (
	"errors"

	"coverslip/models"
	"coverslip/models/folder"
	"coverslip/models/onnx"
	"coverslip/models/vit"
)

// demoSeed draws the weights of the built-in, untrained encoder; every machine
// gets the same network, and so the same hash.
const demoSeed = 1

// Encoder is the session's encoder, loaded when first wanted: the one in
// Options.Model, or the built-in vision transformer, whose weights are random
// and which says so. Without ONNX Runtime's library it returns an error that
// Explain turns into the remedy; the next call tries again.
func (s *Session) Encoder() (models.Encoder, error) {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.encoder != nil {
		return s.encoder, nil
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	path, _, err := onnx.Find(s.options.Onnx)
	if err != nil {
		return nil, err
	}
	rt, err := onnx.Load(path)
	if err != nil {
		return nil, err
	}
	if s.options.Model != "" {
		s.encoder, err = folder.Open(rt, s.options.Model)
		err = about("model", s.options.Model, err)
	} else {
		s.encoder, err = vit.Demo(rt, demoSeed)
	}
	if err != nil {
		s.encoder = nil
		return nil, errors.Join(err, rt.Close())
	}
	s.release = rt.Close
	return s.encoder, nil
}

// closeEncoder frees the encoder and what it rests on.
func (s *Session) closeEncoder() error {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.encoder == nil {
		return nil
	}
	err := s.encoder.Close()
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	s.encoder, s.release = nil, nil
	return err
}
