package onnx

import "context"

// Engine loads models. A *Runtime does so in this process; the engine of
// models/worker does so in another, which may die without harm. What opens
// models takes an Engine and does not ask which.
type Engine interface {
	Version() string     // of the library, such as "1.28.2"
	Warning() string     // what a user should know about that version; empty when nothing
	Path() string        // of the library, absolute
	Providers() []string // execution providers compiled into the library
	NewSession(model []byte, o SessionOptions) (Model, error)
	NewSessionFile(path string, o SessionOptions) (Model, error)
}

// Model is a loaded model; see Session for what its methods promise.
type Model interface {
	Inputs() []ValueInfo
	Outputs() []ValueInfo
	Run(ctx context.Context, in map[string]Tensor) (map[string]Tensor, error)
	RunOutputs(ctx context.Context, in map[string]Tensor, want []string) (map[string]Tensor, error)
	// Computed is what computes the model, and why it is not what was asked
	// for; note is empty when it is.
	Computed() (p Provider, note string)
	Close() error
}

var (
	_ Engine = (*Runtime)(nil)
	_ Model  = (*Session)(nil)
)
