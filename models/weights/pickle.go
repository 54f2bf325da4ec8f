package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"coverslip/models/onnxfile"
)

// What a pickle can leave on the stack. Text, int64, float64, bool and nil
// stand for themselves.
type (
	global  struct{ module, name string } // a name, not the thing it names
	tuple   []any
	list    struct{ items []any }
	dict    struct{ items map[string]any }
	mark    struct{}
	storage struct {
		typ  onnxfile.ElementType
		key  string
		size int64 // elements
	}
	view struct {
		storage
		offset        int64 // elements
		shape, stride []int64
	}
)

// Limits of a pickle: a model of 100 000 tensors needs a million steps.
const (
	maxSteps = 1 << 23
	maxStack = 1 << 20
)

// machine runs the few instructions of a pickle that lay out tensors (Python's
// Lib/pickletools.py describes them).
type machine struct {
	in    []byte
	pos   int
	stack []any
	memo  map[uint32]any
}

// pickleError says at which byte the pickle went wrong.
func (m *machine) wrong(format string, args ...any) error {
	return fmt.Errorf("pickle, byte %d: %s", m.pos, fmt.Sprintf(format, args...))
}

// unpickle runs a pickle to its end and gives what it leaves.
func unpickle(b []byte) (any, error) {
	m := &machine{in: b, memo: map[uint32]any{}}
	for range maxSteps {
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			return m.pop()
		}
		if err := m.step(op[0]); err != nil {
			return nil, err
		}
		if len(m.stack) > maxStack || len(m.memo) > maxStack {
			return nil, m.wrong("more than %d values", maxStack)
		}
	}
	return nil, m.wrong("it does not end")
}

// take reads n bytes.
func (m *machine) take(n int) ([]byte, error) {
	if n < 0 || n > len(m.in)-m.pos {
		return nil, m.wrong("it is cut")
	}
	b := m.in[m.pos : m.pos+n]
	m.pos += n
	return b, nil
}

// number reads n bytes as a whole number without sign.
func (m *machine) number(n int) (uint64, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), nil
}

func (m *machine) line() (string, error) {
	for i := m.pos; i < len(m.in) && i < m.pos+256; i++ {
		if m.in[i] == '\n' {
			s := string(m.in[m.pos:i])
			m.pos = i + 1
			return s, nil
		}
	}
	return "", m.wrong("a name without an end")
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, m.wrong("a value is missing")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, m.wrong("a value is missing")
	}
	return v, nil
}

func (m *machine) popN(n int) ([]any, error) {
	out := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		v, err := m.pop()
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// sinceMark takes everything above the last mark, and the mark.
func (m *machine) sinceMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			out := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return out, nil
		}
	}
	return nil, m.wrong("a mark is missing")
}

// step does one instruction. Those that are not here, among them all that
// build objects of classes, are refused.
func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		_, err := m.take(1)
		return err
	case 0x95: // FRAME
		_, err := m.take(8)
		return err
	case '(', '}', ']', ')', 'N', 0x88, 0x89, 0x8f:
		return m.constant(op)
	case 'X', 0x8c, 0x8d, 'U', 'T', 'C', 'B':
		return m.text(op)
	case 'K', 'M', 'J', 0x8a, 'G':
		return m.numeral(op)
	case 'q', 'r', 0x94, 'h', 'j':
		return m.remember(op)
	case 't', 0x85, 0x86, 0x87:
		return m.tuple(op)
	case 's', 'u', 'a', 'e', 'b', '0':
		return m.fill(op)
	case 'c', 0x93:
		return m.name(op)
	case 'Q':
		return m.storage()
	case 'R', 0x81:
		return m.call()
	}
	return m.wrong("instruction %#x is not among those that lay out tensors", op)
}

func (m *machine) constant(op byte) error {
	switch op {
	case '(':
		return m.push(mark{})
	case '}':
		return m.push(&dict{items: map[string]any{}})
	case ']', 0x8f: // EMPTY_LIST, EMPTY_SET
		return m.push(&list{})
	case ')':
		return m.push(tuple{})
	case 0x88:
		return m.push(true)
	case 0x89:
		return m.push(false)
	}
	return m.push(nil)
}

func (m *machine) text(op byte) error {
	width := map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8, 'U': 1, 'T': 4, 'C': 1, 'B': 4}[op]
	n, err := m.number(width)
	if err != nil {
		return err
	}
	if n > uint64(len(m.in)) {
		return m.wrong("a text of %d bytes", n)
	}
	b, err := m.take(int(n))
	if err != nil {
		return err
	}
	return m.push(string(b))
}

func (m *machine) numeral(op byte) error {
	switch op {
	case 'K', 'M', 'J':
		n, err := m.number(map[byte]int{'K': 1, 'M': 2, 'J': 4}[op])
		if err != nil {
			return err
		}
		if op == 'J' {
			return m.push(int64(int32(n)))
		}
		return m.push(int64(n))
	case 'G':
		b, err := m.take(8)
		if err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	n, err := m.number(1) // LONG1
	if err != nil {
		return err
	}
	if n > 8 {
		return m.wrong("a whole number of %d bytes", n)
	}
	v, err := m.number(int(n))
	if err != nil {
		return err
	}
	shift := 64 - 8*n
	return m.push(int64(v<<shift) >> shift)
}

func (m *machine) remember(op byte) error {
	key := uint64(len(m.memo))
	if op != 0x94 { // MEMOIZE numbers by itself
		width := 1
		if op == 'r' || op == 'j' {
			width = 4
		}
		var err error
		if key, err = m.number(width); err != nil {
			return err
		}
	}
	if op == 'h' || op == 'j' {
		v, ok := m.memo[uint32(key)]
		if !ok {
			return m.wrong("value %d was never kept", key)
		}
		return m.push(v)
	}
	v, err := m.pop()
	if err != nil {
		return err
	}
	m.memo[uint32(key)] = v
	return m.push(v)
}

func (m *machine) tuple(op byte) error {
	if op == 't' {
		items, err := m.sinceMark()
		if err != nil {
			return err
		}
		return m.push(tuple(items))
	}
	items, err := m.popN(int(op) - 0x84)
	if err != nil {
		return err
	}
	return m.push(tuple(items))
}

// fill puts values into what is under them on the stack.
func (m *machine) fill(op byte) error {
	var items []any
	var err error
	switch op {
	case 'u', 'e':
		items, err = m.sinceMark()
	case 's':
		items, err = m.popN(2)
	default: // APPEND, BUILD, POP
		items, err = m.popN(1)
	}
	if err != nil || op == '0' || op == 'b' { // what BUILD would set on an object, such as _metadata, is of no use here
		return err
	}
	if len(m.stack) == 0 {
		return m.wrong("nothing to put a value into")
	}
	switch into := m.stack[len(m.stack)-1].(type) {
	case *dict:
		for i := 0; i+1 < len(items); i += 2 {
			if k, ok := items[i].(string); ok {
				into.items[k] = items[i+1]
			}
		}
		return nil
	case *list:
		into.items = append(into.items, items...)
		return nil
	}
	return m.wrong("a value is put into what holds none")
}

func (m *machine) name(op byte) error {
	if op == 'c' {
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.push(global{module, name})
	}
	v, err := m.popN(2)
	if err != nil {
		return err
	}
	module, ok1 := v[0].(string)
	name, ok2 := v[1].(string)
	if !ok1 || !ok2 {
		return m.wrong("a name that is no text")
	}
	return m.push(global{module, name})
}
