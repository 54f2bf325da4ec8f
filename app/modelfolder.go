package app

import (
	"fmt"
	"strings"

	"coverslip/models/folder"
)

// ModelReport says what a model folder is and whether it runs here.
type ModelReport = folder.Report

// CheckModel looks at a model folder and tries it out in the session's engine.
// Without ONNX Runtime the report says what was understood and that nothing
// was tried.
func (s *Session) CheckModel(path string) ModelReport {
	e, err := s.Engine()
	if err != nil {
		r := folder.CheckWith(nil, path)
		if r.Err == nil {
			r.Err, r.Problem = err, Explain(err).Title
		}
		return r
	}
	return folder.CheckWith(e, path)
}

// UseModel makes the model in a folder the one that suggests from now on; ""
// takes the program's own (Session.Encoder). It waits for a run in progress. The
// model is opened when it is first wanted.
func (s *Session) UseModel(path string) error {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	s.options.Model = path
	return s.closeModel()
}

// ModelFolder is the folder of the model that suggests; "" is the built-in
// network.
func (s *Session) ModelFolder() string {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	return s.options.Model
}

// ModelLine is a heading and what stands beside it.
type ModelLine struct{ Head, Text string }

// ModelLines tells a report to a person, the most important first.
func ModelLines(r ModelReport) []ModelLine {
	var list []ModelLine
	add := func(head, text string) {
		if text != "" {
			list = append(list, ModelLine{head, text})
		}
	}
	kind := map[folder.Kind]string{folder.KindTransformers: "Hugging Face snapshot (transformers)", folder.KindTimm: "Hugging Face snapshot (timm)",
		folder.KindOpenClip: "open_clip snapshot", folder.KindWSInfer: "WSInfer model", folder.KindMONAI: "MONAI bundle",
		folder.KindDescribed: "ONNX file with a description", folder.KindBare: "ONNX file or weights without a description"}[r.Kind]
	add("Kind", kind)
	if r.Known != "" {
		add("Known as", fmt.Sprintf("%s (weights %s)", r.Known, r.Access))
	}
	licence := r.License
	if licence == "" && r.Err == nil {
		licence = "not stated: ask its makers before you publish or sell anything made with it"
	}
	add("Licence", licence)
	add("Network", r.Makes)
	if r.Dim > 0 {
		text := fmt.Sprintf("%d numbers a patch of %d pixels", r.Dim, r.PatchSize)
		if r.MPP > 0 {
			text += fmt.Sprintf(" at %g µm per pixel", r.MPP)
		}
		add("Embedding", text)
	}
	if r.Preprocess != "" {
		text := r.Preprocess
		if r.PrepFrom != "" {
			text += " (by " + r.PrepFrom + ")"
		}
		add("Input", text)
	}
	if r.Text != "" {
		add("Texts", "yes, "+r.Tokenizer)
	}
	if r.Writes != "" {
		add("Writes", r.Writes+"; what it writes is generated and never a label by itself")
	}
	add("Every pixel", r.Dense)
	if len(r.Classes) > 0 {
		add("Classes", strings.Join(r.Classes, ", "))
	}
	tests := len(r.SelfTest)
	for _, t := range r.SelfTest {
		if !t.OK {
			add("Failed", t.Name+": "+t.Detail)
			tests--
		}
	}
	if tests > 0 {
		add("Self-test", fmt.Sprintf("%d of %d passed, %.1f patches a second", tests, len(r.SelfTest), r.PatchesASec))
	}
	if measured := CalibrationsOf(r.Path); len(measured) > 0 {
		add("Runs best with", measured[0].String())
	}
	for _, w := range r.Warnings {
		add("Note", w)
	}
	return list
}
