package dense

import (
	"encoding/binary"
	"math"
	"slices"

	"coverslip/models/onnxfile"
)

// Field is how far around a pixel a model looks to say something of it.
type Field struct {
	Radius int // pixels of the input
	Step   int // the model does the same at every multiple of so many pixels
}

// reach is Field of a value inside the graph.
type reach struct {
	radius float64 // pixels of the input
	jump   float64 // pixels of the input between two of the value's
}

// Receptive reads the field off a graph, never too small. It is false of a
// graph that looks at a whole picture, and of one with an operator whose reach
// is not known.
func Receptive(m *onnxfile.Model) (Field, bool) {
	g := &m.Graph
	at := map[string]reach{}
	constant := map[string]*onnxfile.Tensor{}
	for i := range g.Initialisers {
		constant[g.Initialisers[i].Name] = &g.Initialisers[i]
	}
	for _, v := range g.Inputs {
		if constant[v.Name] == nil {
			at[v.Name] = reach{0, 1}
		}
	}
	step := 1.0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Op == "Constant" && len(n.Outputs) == 1 {
			for _, a := range n.Attributes {
				if a.Tensor != nil {
					constant[n.Outputs[0]] = a.Tensor
				}
			}
			continue
		}
		in, ok := joined(n, at)
		if !ok {
			return Field{}, false
		}
		if in == (reach{}) {
			continue // rests on constants alone
		}
		out, ok := in.through(n, constant)
		if !ok || out.radius > maxMargin || out.jump > maxMargin || out.jump < 1.0/64 {
			return Field{}, false
		}
		step = math.Max(step, out.jump)
		for _, name := range n.Outputs {
			at[name] = out
		}
	}
	var f Field
	for _, v := range g.Outputs {
		r, ok := at[v.Name]
		if !ok {
			return Field{}, false
		}
		f.Radius = max(f.Radius, int(math.Ceil(r.radius)))
	}
	f.Step = int(math.Ceil(step))
	return f, float64(f.Step) == step
}

// joined is the reach of a node's inputs together; zero when all are constants.
func joined(n *onnxfile.Node, at map[string]reach) (reach, bool) {
	var in reach
	for _, name := range n.Inputs {
		r, ok := at[name]
		if !ok {
			continue
		}
		if in.jump != 0 && in.jump != r.jump {
			return in, false
		}
		in.jump, in.radius = r.jump, math.Max(in.radius, r.radius)
	}
	return in, true
}

// pointwise tells whether an operator looks at one pixel.
func pointwise(op string) bool {
	return slices.Contains([]string{"Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Softplus", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Exp", "Log", "Abs", "Sqrt", "Neg", "Erf", "Gelu", "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Concat", "BatchNormalization", "Dropout", "Identity", "Cast", "Transpose", "Mish"}, op)
}

// through is the reach after a node.
func (r reach) through(n *onnxfile.Node, constant map[string]*onnxfile.Tensor) (reach, bool) {
	if pointwise(n.Op) {
		return r, true
	}
	ints := func(name string) []int64 {
		for _, a := range n.Attributes {
			if a.Name == name {
				return a.Ints
			}
		}
		return nil
	}
	switch n.Op {
	case "Softmax", "LogSoftmax": // over the channels
		for _, a := range n.Attributes {
			if a.Name == "axis" {
				return r, a.Int == 1 || a.Int == -3 || a.Int == -1 || a.Int == 3
			}
		}
		return r, false
	case "Conv", "MaxPool", "AveragePool", "ConvTranspose":
		kernel := ints("kernel_shape")
		if len(kernel) == 0 && len(n.Inputs) > 1 && constant[n.Inputs[1]] != nil && len(constant[n.Inputs[1]].Dims) == 4 {
			kernel = constant[n.Inputs[1]].Dims[2:]
		}
		if len(kernel) != 2 {
			return r, false
		}
		return r.window(n.Op, kernel, ints("strides"), ints("dilations"), ints("pads"))
	case "Resize", "Upsample":
		return r.resized(n, constant)
	}
	return r, false
}

// window is the reach after an operator that slides a window.
func (r reach) window(op string, kernel, strides, dilations, pads []int64) (reach, bool) {
	out, jump := r.radius, r.jump
	for axis := range 2 {
		k, s, d, pad := float64(kernel[axis]), 1.0, 1.0, -1.0
		if len(strides) == 2 {
			s = float64(strides[axis])
		}
		if len(dilations) == 2 {
			d = float64(dilations[axis])
		}
		if len(pads) == 4 {
			pad = float64(pads[axis])
		}
		if k < 1 || s < 1 || d < 1 || k > 4096 || s > 4096 || d > 4096 {
			return r, false
		}
		span := (k - 1) * d
		if op == "ConvTranspose" {
			out, jump = math.Max(out, r.radius+math.Ceil((span+1)/s)*r.jump), r.jump/s
			continue
		}
		side := span // nothing is known of where the window begins
		if pad >= 0 && pad <= span {
			side = math.Max(pad, span-pad)
		}
		out, jump = math.Max(out, r.radius+side*r.jump), r.jump*s
	}
	return reach{out, jump}, true
}

// resized is the reach after a change of size by constant factors.
func (r reach) resized(n *onnxfile.Node, constant map[string]*onnxfile.Tensor) (reach, bool) {
	mode := "nearest"
	var scales []float32
	for _, a := range n.Attributes {
		switch a.Name {
		case "mode":
			mode = a.Text
		case "scales":
			scales = a.Floats
		}
	}
	at := 2
	if n.Op == "Upsample" {
		at = 1
	}
	if len(n.Inputs) > at && constant[n.Inputs[at]] != nil {
		t := constant[n.Inputs[at]]
		for raw := t.Raw; t.Type == onnxfile.Float32 && len(raw) >= 4; raw = raw[4:] {
			scales = append(scales, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
	}
	if len(scales) != 4 || !(scales[2] >= 1) || scales[2] != scales[3] && scales[1] != scales[2] {
		return r, false
	}
	factor := float64(scales[2])
	around := 1.0
	if mode == "cubic" {
		around = 2
	}
	return reach{r.radius + around*r.jump, r.jump / factor}, true
}
