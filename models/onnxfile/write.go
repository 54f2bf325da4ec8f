package onnxfile

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// message is a protobuf message being written.
type message []byte

func (m *message) tag(field, wire int) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|uint64(wire))
}

func (m *message) integer(field int, v int64) {
	m.tag(field, wireVarint)
	*m = binary.AppendUvarint(*m, uint64(v))
}

func (m *message) bytes(field int, b []byte) {
	m.tag(field, wireBytes)
	*m = binary.AppendUvarint(*m, uint64(len(b)))
	*m = append(*m, b...)
}

// text writes a string, unless it is empty: that is proto3's default.
func (m *message) text(field int, s string) {
	if s != "" {
		m.bytes(field, []byte(s))
	}
}

// Marshal encodes the model. The same model always gives the same bytes.
func (m *Model) Marshal() []byte {
	var out message
	out.integer(1, m.IRVersion)
	out.text(2, m.Producer)
	out.text(3, m.ProducerVersion)
	out.bytes(7, m.Graph.marshal())
	for _, o := range m.Opsets {
		var p message
		p.text(1, o.Domain)
		p.integer(2, o.Version)
		out.bytes(8, p)
	}
	for _, kv := range m.Metadata {
		out.bytes(14, marshalPair(kv.Key, kv.Value))
	}
	return out
}

func marshalPair(key, value string) []byte {
	var p message
	p.text(1, key)
	p.text(2, value)
	return p
}

func (g *Graph) marshal() []byte {
	var out message
	for i := range g.Nodes {
		out.bytes(1, g.Nodes[i].marshal())
	}
	out.text(2, g.Name)
	for i := range g.Initialisers {
		out.bytes(5, g.Initialisers[i].marshal())
	}
	for i := range g.Inputs {
		out.bytes(11, g.Inputs[i].marshal())
	}
	for i := range g.Outputs {
		out.bytes(12, g.Outputs[i].marshal())
	}
	return out
}

func (n *Node) marshal() []byte {
	var out message
	for _, s := range n.Inputs {
		out.bytes(1, []byte(s)) // an empty name is a place left out, and counts
	}
	for _, s := range n.Outputs {
		out.bytes(2, []byte(s))
	}
	out.text(3, n.Name)
	out.text(4, n.Op)
	for i := range n.Attributes {
		out.bytes(5, n.Attributes[i].marshal())
	}
	out.text(7, n.Domain)
	return out
}

func (a *Attribute) marshal() []byte {
	var out message
	out.text(1, a.Name)
	switch a.Kind {
	case KindFloat:
		out.tag(2, wireFixed32)
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(a.Float))
	case KindInt:
		out.integer(3, a.Int)
	case KindText:
		out.bytes(4, []byte(a.Text))
	case KindTensor:
		if a.Tensor != nil {
			out.bytes(5, a.Tensor.marshal())
		}
	case KindGraph:
		if a.Graph != nil {
			out.bytes(6, a.Graph.marshal())
		}
	case KindFloats:
		for _, f := range a.Floats {
			out.tag(7, wireFixed32)
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
		}
	case KindInts:
		for _, v := range a.Ints {
			out.integer(8, v)
		}
	}
	out.integer(20, int64(a.Kind))
	return out
}

func (t *Tensor) marshal() []byte {
	var out message
	for _, d := range t.Dims {
		out.integer(1, d)
	}
	out.integer(2, int64(t.Type))
	out.text(8, t.Name)
	if t.External == nil {
		out.bytes(9, t.Raw)
		return out
	}
	out.bytes(13, marshalPair("location", t.External.Location))
	out.bytes(13, marshalPair("offset", strconv.FormatInt(t.External.Offset, 10)))
	if t.External.Length > 0 {
		out.bytes(13, marshalPair("length", strconv.FormatInt(t.External.Length, 10)))
	}
	out.integer(14, 1) // data_location = EXTERNAL
	return out
}

func (v *Value) marshal() []byte {
	var shape message
	for _, d := range v.Dims {
		var dim message
		if d.Size >= 0 {
			dim.integer(1, d.Size)
		} else {
			dim.text(2, d.Name)
		}
		shape.bytes(1, dim)
	}
	var tensor message
	tensor.integer(1, int64(v.Type))
	if v.Dims != nil {
		tensor.bytes(2, shape)
	}
	var typ message
	typ.bytes(1, tensor)
	var out message
	out.text(1, v.Name)
	out.bytes(2, typ)
	return out
}
