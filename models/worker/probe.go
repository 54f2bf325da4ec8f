package worker

import (
	"context"
	"time"

	"coverslip/models/onnx"
)

// probeLimit is how long a library may take to say what it is. One on a slow
// disk takes some seconds.
const probeLimit = 30 * time.Second

// Probe asks a library what it is, in a process of its own: a library that
// crashes when it is loaded, or never returns, is a reason not to take it and
// nothing worse. program is what to start; "" = this program.
func Probe(ctx context.Context, program, path string) (onnx.Library, error) {
	e, err := Start(ctx, Options{Library: path, Program: program, LoadLimit: probeLimit, Pipe: true})
	if err != nil {
		return onnx.Library{}, err
	}
	said := e.said()
	return onnx.Library{Path: said.Path, Version: said.Version, Warning: said.Warning, Build: said.Info, Providers: said.Providers}, e.Close()
}

// Find is onnx.Find with each candidate opened in a process of its own.
func Find(ctx context.Context, program, setting string) (path string, tried []onnx.Candidate, err error) {
	return onnx.FindBy(setting, func(path string) (onnx.Library, error) { return Probe(ctx, program, path) })
}
