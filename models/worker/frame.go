package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"coverslip/models/onnx"
)

// Limits of a frame, bytes. A head is names and shapes; a body is tensors or the
// bytes of a graph, whose own limit is protobuf's.
const (
	maxHead = 4 << 20
	maxBody = 1<<31 - 1
)

// errFrame: the other side does not speak our language.
var errFrame = errors.New("worker: not a frame")

// What a request asks.
const (
	opHello  = "hello"  // loads the library
	opOpen   = "open"   // loads a model
	opRun    = "run"    // runs it
	opCancel = "cancel" // stops the run named by Of; has no reply of its own
	opClose  = "close"  // unloads a model
	opFault  = "fault"  // ends badly, for tests; needs the environment's permission
)

// request is the head of a frame to the worker.
type request struct {
	ID      uint64               `json:"id"`
	Op      string               `json:"op"`
	Of      uint64               `json:"of,omitempty"`      // of a cancel: the request it stops
	Build   string               `json:"build,omitempty"`   // of a hello: which program asks
	Library string               `json:"library,omitempty"` // of a hello
	Memory  int64                `json:"memory,omitempty"`  // of a hello: ceiling, bytes
	Shared  int64                `json:"shared,omitempty"`  // of a hello: bytes of shared memory, 0 for none
	Model   uint64               `json:"model,omitempty"`   // of run and close
	File    string               `json:"file,omitempty"`    // of open; "" when the body is the model
	Options *onnx.SessionOptions `json:"options,omitempty"`
	Tensors []tensorHead         `json:"tensors,omitempty"`
	Want    []string             `json:"want,omitempty"`
	Fault   string               `json:"fault,omitempty"`
	Body    int                  `json:"body,omitempty"` // bytes that follow
}

// tensorHead describes a tensor whose bytes follow, or lie in shared memory.
type tensorHead struct {
	Name   string           `json:"name"`
	Type   onnx.ElementType `json:"type"`
	Shape  []int64          `json:"shape"`
	Shared bool             `json:"shared,omitempty"`
	At     int              `json:"at,omitempty"` // in shared memory, when Shared
	Bytes  int              `json:"bytes"`
}

// reply is the head of a frame from the worker.
type reply struct {
	ID        uint64           `json:"id"`
	Build     string           `json:"build,omitempty"`
	Version   string           `json:"version,omitempty"`
	Warning   string           `json:"warning,omitempty"`
	Path      string           `json:"path,omitempty"`
	Info      string           `json:"info,omitempty"`
	Providers []string         `json:"providers,omitempty"`
	Model     uint64           `json:"model,omitempty"`
	Inputs    []onnx.ValueInfo `json:"inputs,omitempty"`
	Outputs   []onnx.ValueInfo `json:"outputs,omitempty"`
	Provider  onnx.Provider    `json:"provider,omitempty"`
	Note      string           `json:"note,omitempty"`
	Tensors   []tensorHead     `json:"tensors,omitempty"`
	Peak      int64            `json:"peak,omitempty"` // most memory the worker had so far, bytes
	Err       *failure         `json:"err,omitempty"`
	Body      int              `json:"body,omitempty"`
}

// failure is an error on its way through the pipe.
type failure struct {
	Kind string `json:"kind"` // of the errors that callers ask for; "" for all others
	Op   string `json:"op,omitempty"`
	Code int    `json:"code,omitempty"`
	Text string `json:"text"`
}

// writeFrame sends a head and the bytes that belong to it.
func writeFrame(w io.Writer, head any, body ...[]byte) error {
	b, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	if len(b) > maxHead {
		return fmt.Errorf("worker: a head of %d bytes", len(b))
	}
	frame := make([]byte, 4, 4+len(b))
	binary.LittleEndian.PutUint32(frame, uint32(len(b)))
	if _, err := w.Write(append(frame, b...)); err != nil {
		return err
	}
	for _, part := range body {
		if len(part) == 0 {
			continue
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readHead reads a head; the body, when there is one, comes next. io.EOF means
// that the other side ended between two frames.
func readHead(r io.Reader, head any) error {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return err
	}
	size := binary.LittleEndian.Uint32(n[:])
	if size < 2 || size > maxHead {
		return fmt.Errorf("%w: a head of %d bytes", errFrame, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	if err := json.Unmarshal(b, head); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	return nil
}

// readTensors reads the tensors of a body of so many bytes. Shapes are checked
// against the bytes announced before anything is allocated.
func readTensors(r io.Reader, heads []tensorHead, body int) (map[string]onnx.Tensor, error) {
	out := make(map[string]onnx.Tensor, len(heads))
	for _, h := range heads {
		if h.Bytes < 0 || h.Bytes > body || body > maxBody {
			return nil, fmt.Errorf("%w: tensor %q of %d bytes", errFrame, h.Name, h.Bytes)
		}
		t, mem, err := onnx.Blank(h.Type, h.Shape, h.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", errFrame, h.Name, err)
		}
		if len(mem) != h.Bytes {
			return nil, fmt.Errorf("%w: tensor %q of %d bytes has the shape %v", errFrame, h.Name, h.Bytes, h.Shape)
		}
		if _, err := io.ReadFull(r, mem); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", errFrame, h.Name, err)
		}
		if h.Type == onnx.Bool {
			for i, b := range mem {
				if b != 0 {
					mem[i] = 1
				}
			}
		}
		body -= h.Bytes
		out[h.Name] = t
	}
	if body != 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", errFrame, body)
	}
	return out, nil
}

// failureOf takes an error apart for the pipe.
func failureOf(err error) *failure {
	f := &failure{Text: err.Error()}
	var status *onnx.StatusError
	var provider *onnx.ProviderError
	switch {
	case errors.As(err, &provider):
		f.Kind, f.Op, f.Text = "provider", string(provider.Provider), provider.Err.Error()
	case errors.As(err, &status):
		f.Kind, f.Op, f.Code, f.Text = "status", status.Op, status.Code, status.Text
	case errors.Is(err, onnx.ErrOldRuntime):
		f.Kind = "old"
	}
	return f
}

// told is an error that came through the pipe: its words, and what it is.
type told struct {
	text string
	is   error
}

func (e *told) Error() string { return e.text }

func (e *told) Unwrap() error { return e.is }

// err puts the error together again.
func (f *failure) err() error {
	switch f.Kind {
	case "status":
		return &onnx.StatusError{Op: f.Op, Code: f.Code, Text: f.Text}
	case "provider":
		return &onnx.ProviderError{Provider: onnx.Provider(f.Op), Err: errors.New(f.Text)}
	case "old":
		return &told{f.Text, onnx.ErrOldRuntime}
	}
	return errors.New(f.Text)
}
