package onnx

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unsafe"
)

// Provider is what computes a model: the processor, or a device that the
// library was built for.
type Provider string

// Providers that a person may choose. CPU is always there.
const (
	CPU      Provider = "cpu"
	CUDA     Provider = "cuda"     // NVIDIA
	CoreML   Provider = "coreml"   // Apple
	DirectML Provider = "directml" // Windows, any maker
	OpenVINO Provider = "openvino" // Intel
)

type providerName struct {
	p            Provider
	listed, name string
}

// providerNames are how the library lists a provider, and how it is asked for.
var providerNames = []providerName{
	{CPU, "CPUExecutionProvider", ""},
	{CUDA, "CUDAExecutionProvider", "CUDA"},
	{CoreML, "CoreMLExecutionProvider", "CoreML"},
	{DirectML, "DmlExecutionProvider", "DML"},
	{OpenVINO, "OpenVINOExecutionProvider", "OpenVINO"},
}

// ParseProvider reads a provider's name in any case; empty is CPU.
func ParseProvider(name string) (Provider, error) {
	if name == "" {
		return CPU, nil
	}
	for _, p := range providerNames {
		if strings.EqualFold(name, string(p.p)) || strings.EqualFold(name, p.listed) {
			return p.p, nil
		}
	}
	return "", fmt.Errorf("onnx: no execution provider %q; there are cpu, cuda, coreml, directml, openvino", name)
}

// Usable are the providers among those a library lists that this program can
// ask for, CPU first.
func Usable(listed []string) []Provider {
	usable := []Provider{CPU}
	for _, p := range providerNames[1:] {
		if slices.Contains(listed, p.listed) {
			usable = append(usable, p.p)
		}
	}
	return usable
}

// ProviderError says that a model was to run on a device and cannot.
type ProviderError struct {
	Provider Provider
	Err      error
}

func (e *ProviderError) Error() string {
	return fmt.Sprintf("onnx: %s cannot be used: %v", e.Provider, e.Err)
}

// Unwrap gives the runtime's reason.
func (e *ProviderError) Unwrap() error { return e.Err }

// append asks for the provider. What a device cannot compute the runtime gives
// to the processor by itself.
func (p Provider) append(rt *Runtime, options handle) error {
	var err error
	switch p {
	case "", CPU:
		return nil
	case CUDA:
		err = appendCUDA(rt, options)
	default:
		i := slices.IndexFunc(providerNames, func(n providerName) bool { return n.p == p })
		if i < 0 {
			return fmt.Errorf("onnx: no execution provider %q", p)
		}
		if p == DirectML { // it may not share memory between runs
			err = rt.call("disable memory pattern", slotDisableMemPattern, options)
		}
		if err == nil {
			name := cString(providerNames[i].name)
			err = rt.call("use "+string(p), slotAppendExecutionProvider, options,
				uintptr(unsafe.Pointer(name)), 0, 0, 0)
			runtime.KeepAlive(name)
		}
	}
	if err != nil {
		return &ProviderError{Provider: p, Err: err}
	}
	return nil
}

func appendCUDA(rt *Runtime, options handle) error {
	var cuda handle
	if err := rt.call("describe CUDA", slotCreateCUDAOptions, uintptr(unsafe.Pointer(&cuda))); err != nil {
		return err
	}
	defer rt.release(slotReleaseCUDAOptions, cuda)
	return rt.call("use cuda", slotAppendCUDA, options, cuda)
}
