package weights

import (
	"coverslip/models/onnxfile"
)

// storages are PyTorch's typed arrays.
var storages = map[string]onnxfile.ElementType{
	"FloatStorage": onnxfile.Float32, "HalfStorage": onnxfile.Float16, "BFloat16Storage": onnxfile.BFloat16,
	"DoubleStorage": onnxfile.Float64, "LongStorage": onnxfile.Int64, "IntStorage": onnxfile.Int32, "ShortStorage": 5,
	"ByteStorage": onnxfile.Uint8, "CharStorage": 3, "BoolStorage": onnxfile.Bool,
}

// storage is a reference into the archive: ("storage", type, key, device, size).
func (m *machine) storage() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	t, ok := v.(tuple)
	if !ok || len(t) < 5 || t[0] != "storage" {
		return m.wrong("a reference to something that is no storage")
	}
	class, ok1 := t[1].(global)
	key, ok2 := t[2].(string)
	size, ok3 := t[4].(int64)
	if !ok1 || !ok2 || !ok3 || class.module != "torch" || size < 0 {
		return m.wrong("a storage that is described wrongly")
	}
	typ, ok := storages[class.name]
	if !ok {
		return m.wrong("numbers of the type %s", class.name)
	}
	return m.push(storage{typ: typ, key: key, size: size})
}

// call does what the few calls that a state dictionary needs would do.
func (m *machine) call() error {
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	what, ok1 := v[0].(global)
	args, ok2 := v[1].(tuple)
	if !ok1 || !ok2 {
		return m.wrong("a call of something without a name")
	}
	switch what.module + "." + what.name {
	case "collections.OrderedDict", "builtins.dict":
		return m.push(&dict{items: map[string]any{}})
	case "torch._utils._rebuild_parameter":
		if len(args) == 0 {
			return m.wrong("a parameter without a tensor")
		}
		return m.push(args[0])
	case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
		return m.rebuild(args)
	case "torch.Size":
		if len(args) != 1 {
			return m.wrong("a size of %d parts", len(args))
		}
		return m.push(args[0])
	case "torch.device":
		return m.push(nil)
	}
	return m.wrong("it calls %s.%s, which is not allowed: nothing that comes with a model is run", what.module, what.name)
}

func (m *machine) rebuild(args tuple) error {
	if len(args) < 4 {
		return m.wrong("a tensor of %d parts", len(args))
	}
	s, ok1 := args[0].(storage)
	offset, ok2 := args[1].(int64)
	shape, ok3 := whole(args[2])
	stride, ok4 := whole(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || offset < 0 || len(shape) != len(stride) || len(shape) > maxRank {
		return m.wrong("a tensor that is described wrongly")
	}
	return m.push(view{storage: s, offset: offset, shape: shape, stride: stride})
}

// whole reads a tuple of whole numbers, none of them negative.
func whole(v any) ([]int64, bool) {
	t, ok := v.(tuple)
	if !ok {
		return nil, false
	}
	out := make([]int64, len(t))
	for i, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}

// contiguous says whether a view's numbers follow each other row by row.
func (v view) contiguous() bool {
	want := int64(1)
	for i := len(v.shape) - 1; i >= 0; i-- {
		if v.shape[i] == 0 {
			return true
		}
		if v.shape[i] != 1 && v.stride[i] != want {
			return false
		}
		want *= v.shape[i]
		if want > 1<<48 {
			return false // refused by its shape
		}
	}
	return true
}
