package onnxfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// lastIR is beyond every format version there is; each runtime knows for
// itself which is the newest that it reads.
const lastIR = 64

// Check judges a model as far as that is possible without running it: names
// defined once and before use, weights as long as their shapes, external
// weights inside the model's folder, operators of known domains. It returns
// the first fault.
func (m *Model) Check() error {
	if m.IRVersion < 3 || m.IRVersion > lastIR {
		return fmt.Errorf("onnxfile: format version %d, which is none", m.IRVersion)
	}
	if len(m.Opsets) == 0 {
		return fmt.Errorf("onnxfile: the model names no operator set")
	}
	if len(m.Graph.Outputs) == 0 {
		return fmt.Errorf("onnxfile: the model has no output")
	}
	domains := map[string]bool{}
	for _, o := range m.Opsets {
		domains[o.Domain] = true
	}
	if m.Functions > 0 {
		return m.Graph.check(nil, nil) // local functions bring domains of their own
	}
	return m.Graph.check(nil, domains)
}

func knownDomain(d string) bool {
	return d == "" || d == "ai.onnx" || strings.HasPrefix(d, "ai.onnx.") ||
		d == "com.microsoft" || strings.HasPrefix(d, "com.microsoft.")
}

// check judges one graph; outer holds the names visible from around it.
func (g *Graph) check(outer func(string) bool, domains map[string]bool) error {
	defined := make(map[string]bool, len(g.Nodes)+len(g.Initialisers))
	for _, v := range g.Inputs {
		defined[v.Name] = true
	}
	seen := map[string]bool{}
	for i := range g.Initialisers {
		t := &g.Initialisers[i]
		if seen[t.Name] {
			return fmt.Errorf("onnxfile: weights %q are there twice", t.Name)
		}
		seen[t.Name], defined[t.Name] = true, true
		if err := t.check(); err != nil {
			return err
		}
	}
	visible := func(name string) bool {
		return name == "" || defined[name] || outer != nil && outer(name)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if err := n.check(i, visible, domains); err != nil {
			return err
		}
		for _, name := range n.Outputs {
			if name != "" && defined[name] {
				return fmt.Errorf("onnxfile: node %d (%s): its output %q is defined before", i, n.Op, name)
			}
			defined[name] = true
		}
	}
	for _, v := range g.Outputs {
		if !visible(v.Name) {
			return fmt.Errorf("onnxfile: the output %q is never computed", v.Name)
		}
	}
	return nil
}

func (n *Node) check(i int, visible func(string) bool, domains map[string]bool) error {
	if n.Op == "" {
		return fmt.Errorf("onnxfile: node %d has no operator", i)
	}
	domain := n.Domain
	if domain == "ai.onnx" {
		domain = ""
	}
	if domains != nil && !knownDomain(domain) {
		return fmt.Errorf("onnxfile: node %d (%s): operators of %q are not part of ONNX Runtime", i, n.Op, n.Domain)
	}
	if domains != nil && !domains[domain] && !(domain == "" && domains["ai.onnx"]) {
		return fmt.Errorf("onnxfile: node %d (%s): its operators %q are not among those the model names", i, n.Op, n.Domain)
	}
	for _, name := range n.Inputs {
		if !visible(name) {
			return fmt.Errorf("onnxfile: node %d (%s): its input %q is not defined before it", i, n.Op, name)
		}
	}
	for j := range n.Attributes {
		a := &n.Attributes[j]
		if a.Tensor != nil {
			if err := a.Tensor.check(); err != nil {
				return err
			}
		}
		if a.Graph != nil {
			if err := a.Graph.check(visible, domains); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tensor) check() error {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 {
			return fmt.Errorf("onnxfile: weights %q have the shape %v", t.Name, t.Dims)
		}
		if d > 0 && n > (1<<48)/d {
			return fmt.Errorf("onnxfile: weights %q have the shape %v, which no memory holds", t.Name, t.Dims)
		}
		n *= d
	}
	if t.External != nil {
		return t.checkExternal(n)
	}
	size := t.Type.Size()
	if size > 0 && t.Typed == 0 && int64(len(t.Raw)) != n*size {
		return fmt.Errorf("onnxfile: weights %q: %d bytes for the shape %v, which needs %d", t.Name, len(t.Raw), t.Dims, n*size)
	}
	return nil
}

func (t *Tensor) checkExternal(n int64) error {
	e := t.External
	if !LocalPath(e.Location) {
		return fmt.Errorf("onnxfile: weights %q are in %q, outside the model's folder", t.Name, e.Location)
	}
	if e.Offset < 0 || e.Length < 0 {
		return fmt.Errorf("onnxfile: weights %q: offset %d, length %d in %s", t.Name, e.Offset, e.Length, e.Location)
	}
	if size := t.Type.Size(); size > 0 && e.Length > 0 && e.Length != n*size {
		return fmt.Errorf("onnxfile: weights %q: %d bytes in %s for the shape %v, which needs %d", t.Name, e.Length, e.Location, t.Dims, n*size)
	}
	return nil
}

// LocalPath says whether a path of a model file stays in the model's folder
// on every system.
func LocalPath(p string) bool {
	p = strings.ReplaceAll(p, `\`, "/")
	if p == "" || path.IsAbs(p) || strings.Contains(p, ":") || strings.Contains(p, "\x00") {
		return false
	}
	return !slices.Contains(strings.Split(p, "/"), "..")
}

// Externals lists the files that hold weights outside the model file, as the
// model names them, each once and sorted.
func (m *Model) Externals() []string {
	var list []string
	add := func(t *Tensor) {
		if t.External != nil && !slices.Contains(list, t.External.Location) {
			list = append(list, t.External.Location)
		}
	}
	var graph func(g *Graph)
	graph = func(g *Graph) {
		for i := range g.Initialisers {
			add(&g.Initialisers[i])
		}
		for i := range g.Nodes {
			for _, a := range g.Nodes[i].Attributes {
				if a.Tensor != nil {
					add(a.Tensor)
				}
				if a.Graph != nil {
					graph(a.Graph)
				}
			}
		}
	}
	graph(&m.Graph)
	slices.Sort(list)
	return list
}
