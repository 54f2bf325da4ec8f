package tower

import (
	"fmt"
	"slices"

	"coverslip/models"
	"coverslip/models/onnxfile"
	"coverslip/models/weights"
)

// Writer is a model that writes about pictures, as two graphs. The encoder takes
// pixel_values [n,3,Image,Image] and gives what the decoder takes of the picture
// under the same names; the decoder takes input_ids, past_key_values.N.key and
// .value (of length zero at first), and gives logits of the last token and
// present.N.key and .value.
type Writer struct {
	Encoder, Decoder []byte // ONNX; their weights are in files of the set's folder
	Architecture     string // for people
	Image            int    // side of the input, pixels
	Words            int    // entries of the table of words
	Places           int    // longest text, in tokens
}

// Captioner writes the graphs of a model that writes: transformers'
// VisionEncoderDecoderModel of a ViT with GPT-2 or BERT, and BLIP. A set
// without a decoder gives models.ErrNoModel.
func Captioner(w *weights.Set, s Settings) (*Writer, error) {
	switch {
	case w.Has("decoder.transformer.wte.weight") && w.Has("encoder.embeddings.patch_embeddings.projection.weight"):
		return visionGPT2(w, s)
	case w.Has("decoder.bert.embeddings.word_embeddings.weight") && w.Has("encoder.embeddings.patch_embeddings.projection.weight"):
		return visionBERT(w, s)
	case w.Has("text_decoder.bert.embeddings.word_embeddings.weight") && w.Has("vision_model.embeddings.patch_embedding.weight"):
		return blip(w, s)
	case w.Has("git.embeddings.word_embeddings.weight"), w.Has("text_decoder.cross_attn.0.ln_1.weight"), w.Has("decoder.model.decoder.embed_tokens.weight"):
		return nil, &models.UnsupportedError{File: w.Dir, What: "the decoder of texts is of a kind (GIT, CoCa, TrOCR) whose graph is not written from weights",
			Hint: "export it to ONNX with: optimum-cli export onnx --task image-to-text-with-past"}
	}
	return nil, fmt.Errorf("models/tower: %s: %w: its weights have no decoder of texts that looks at pictures", w.Dir, models.ErrNoModel)
}

// layer is one block of a decoder by the names of its weights.
type layer struct {
	block
	fused      linear // q, k and v in one product; weight "" = apart in block
	crossNorm  string
	cross      block  // attention to the picture: q, k, v, out
	crossFused linear // k and v in one product
}

// decoder is a transformer that writes, looking at a picture.
type decoder struct {
	shape
	name        string
	words       string // table of words
	table       string // of places
	count       int64  // words
	longest     int64  // places
	layers      []layer
	post        bool   // norms follow the sums, as in BERT
	embedNorm   string // after words and places; "" = none
	kind        string // table whose first row is added to every word; "" = none
	final       string // norm after the blocks; "" = none
	head        linear // scores of words
	headAct     string
	transform   linear // before head; weight "" = none
	transformer string // norm after transform
	seen        int64  // numbers a token of the picture has
	project     linear // brings them to the decoder's width; weight "" = none
	ignore      []string
}

// crossName is the name of keys or values of the picture for a layer.
func crossName(i int, what string) string { return fmt.Sprintf("picture.%d.%s", i, what) }

// look gives the encoder's graph the outputs that the decoder takes: keys and
// values of every layer, once a picture. x is [1,tokens,seen]; root holds the
// decoder's weights.
func (d *decoder) look(g *graph, root *weights.Set, x string, tokens int64) {
	own, used := g.w, g.used
	g.w, g.used = root, map[string]bool{}
	defer func() { g.w, g.used = own, used }()
	rows, width := g.reshape(x, -1, d.seen), d.seen
	if d.project.weight != "" {
		rows, width = g.apply(rows, width, d.project)
	}
	each := d.width / max(d.heads, 1)
	for i, l := range d.layers {
		var k, v string
		var n int64
		if l.crossFused.weight != "" {
			y, out := g.apply(rows, width, l.crossFused)
			n = out / 2
			k, v = g.slice(y, 1, 0, n), g.slice(y, 1, n, out)
		} else {
			k, n = g.apply(rows, width, l.cross.k)
			v, _ = g.apply(rows, width, l.cross.v)
		}
		if n != d.width {
			g.fail("what the decoder sees of the picture has %d numbers, it is %d wide", n, d.width)
		}
		for _, part := range []struct{ what, value string }{{"key", k}, {"value", v}} {
			y := g.b.Op("Transpose", []string{g.reshape(part.value, -1, tokens, d.heads, each)}, onnxfile.Ints("perm", 0, 2, 1, 3))
			g.b.Output(crossName(i, part.what), y, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(d.heads), onnxfile.Fixed(tokens), onnxfile.Fixed(each))
		}
	}
}

// joinVision makes the graphs of a vision transformer and a decoder. root holds
// the weights of both.
func joinVision(g *graph, v *vision, d *decoder, root *weights.Set) (*Writer, error) {
	v.all = true
	v.head = func(g *graph, v *vision, x string) (string, int64) {
		if v.final != "" {
			x = g.norm(x, v.final, v.width, v.eps)
		}
		x = g.unrow(x, v.shape)
		d.seen = v.width
		d.look(g, root, x, v.tokens)
		return g.reshape(g.slice(x, 1, 0, 1), -1, v.width), v.width
	}
	sees, err := v.write(g)
	if err != nil {
		return nil, err
	}
	text, err := d.write(newGraph("decoder of texts", root), v.tokens)
	if err != nil {
		return nil, err
	}
	return &Writer{Encoder: sees.Model, Decoder: text, Image: sees.Image, Words: int(d.count), Places: int(d.longest),
		Architecture: fmt.Sprintf("%s; %s, %d blocks of %d, %d heads", sees.Architecture, d.name, len(d.layers), d.width, d.heads)}, nil
}

// write makes the decoder's graph. tokens is the number of the picture's.
func (d *decoder) write(g *graph, tokens int64) ([]byte, error) {
	words, places := g.w.Shape(d.words), g.w.Shape(d.table)
	if len(words) != 2 || len(places) != 2 || words[1] != places[1] || words[1] < 1 {
		g.fail("words %v and places %v do not go together", words, places)
		return nil, g.err
	}
	d.count, d.longest, d.width = words[0], places[0], words[1]
	if len(d.layers) == 0 || d.heads < 1 || d.width%d.heads != 0 {
		g.fail("%d blocks with %d heads for %d numbers a token", len(d.layers), d.heads, d.width)
		return nil, g.err
	}
	ids := g.b.Input(inputIDs, onnxfile.Int64, onnxfile.Free("n"), onnxfile.Free("tokens"))
	var past [][2]string
	each := d.width / d.heads
	for i := range d.layers {
		var kv [2]string
		for j, what := range []string{"key", "value"} {
			kv[j] = g.b.Input(fmt.Sprintf("past_key_values.%d.%s", i, what), onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(d.heads), onnxfile.Free("past"), onnxfile.Fixed(each))
			g.b.Input(crossName(i, what), onnxfile.Float32, onnxfile.Fixed(1), onnxfile.Fixed(d.heads), onnxfile.Fixed(tokens), onnxfile.Fixed(each))
		}
		past = append(past, kv)
	}
	size := g.b.Op("Shape", []string{ids})
	had := g.slice(g.b.Op("Shape", []string{past[0][0]}), 0, 2, 3)
	all := g.add(had, g.slice(size, 0, 1, 2))
	d.back = g.b.Op("Concat", []string{size, g.b.Indices(d.heads, each)}, onnxfile.Int("axis", 0))
	x := g.b.Op("Gather", []string{g.stored(d.words, 0, words...), ids}, onnxfile.Int("axis", 0))
	x = g.add(x, g.b.Op("Slice", []string{g.stored(d.table, 0, places...), had, all, g.b.Indices(0)}))
	if d.kind != "" {
		x = g.add(x, g.stored(d.kind, 0, d.width))
	}
	x = g.reshape(x, -1, d.width)
	if d.embedNorm != "" {
		x = g.norm(x, d.embedNorm, d.width, d.eps)
	}
	mask := causal(g, had, all)
	for i, l := range d.layers {
		x = d.block(g, x, l, i, past[i], mask)
	}
	back := g.b.Op("Concat", []string{size, g.b.Indices(d.width)}, onnxfile.Int("axis", 0))
	x = g.b.Op("Reshape", []string{x, back})
	x = g.reshape(g.slice(x, 1, -1, 1<<62), -1, d.width) // what comes after the last token
	if d.final != "" {
		x = g.norm(x, d.final, d.width, d.eps)
	}
	if d.transform.weight != "" {
		x, _ = g.apply(x, d.width, d.transform)
		x = g.norm(g.activate(x, d.headAct), d.transformer, d.width, d.eps)
	}
	x, _ = g.apply(x, d.width, d.head)
	g.b.Output("logits", x, onnxfile.Float32, onnxfile.Free("n"), onnxfile.Fixed(g.out(d.head)))
	for _, l := range d.layers { // the encoder's graph took these
		for _, name := range []string{l.cross.k.weight, l.cross.k.bias, l.cross.v.weight, l.cross.v.bias, l.crossFused.weight, l.crossFused.bias} {
			g.used[name] = true
		}
	}
	g.used[d.project.weight], g.used[d.project.bias] = true, true
	return g.finish(d.ignore...)
}

// causal hides from every token what comes after it: [tokens,past+tokens].
func causal(g *graph, had, all string) string {
	scalar := func(x string) string { return g.b.Op("Squeeze", []string{x}) }
	columns := g.b.Op("Range", []string{g.b.Whole(0), scalar(all), g.b.Whole(1)})
	lines := g.b.Op("Unsqueeze", []string{g.b.Op("Range", []string{scalar(had), scalar(all), g.b.Whole(1)}), g.b.Indices(1)})
	later := g.b.Op("Cast", []string{g.b.Op("Greater", []string{columns, lines})}, onnxfile.Int("to", int64(onnxfile.Float32)))
	return g.b.Op("Mul", []string{later, g.b.Scalar(masked)})
}

// block is one layer: to the text, to the picture, and the MLP. x is rows.
func (d *decoder) block(g *graph, x string, l layer, i int, past [2]string, mask string) string {
	norm := func(x, name string) string { return g.norm(x, name, d.width, d.eps) }
	self := func(h string) string {
		var q, k, v string
		if l.fused.weight != "" {
			y, out := g.apply(h, d.width, l.fused)
			if out != 3*d.width {
				g.fail("weights %q give %d numbers, three times %d are wanted", l.fused.weight, out, d.width)
			}
			q, k, v = g.slice(y, 1, 0, d.width), g.slice(y, 1, d.width, 2*d.width), g.slice(y, 1, 2*d.width, 3*d.width)
		} else {
			q, _ = g.apply(h, d.width, l.q)
			k, _ = g.apply(h, d.width, l.k)
			v, _ = g.apply(h, d.width, l.v)
		}
		keys := g.b.Op("Concat", []string{past[0], d.split(g, k)}, onnxfile.Int("axis", 2))
		values := g.b.Op("Concat", []string{past[1], d.split(g, v)}, onnxfile.Int("axis", 2))
		for j, y := range []string{keys, values} {
			g.b.Output(fmt.Sprintf("present.%d.%s", i, []string{"key", "value"}[j]), y, onnxfile.Float32,
				onnxfile.Free("n"), onnxfile.Fixed(d.heads), onnxfile.Free("all"), onnxfile.Fixed(d.width/d.heads))
		}
		y, _ := g.apply(d.attend(g, q, keys, values, mask), d.width, l.out)
		return y
	}
	cross := func(h string) string {
		q, _ := g.apply(h, d.width, l.cross.q)
		y, _ := g.apply(d.attend(g, q, crossName(i, "key"), crossName(i, "value"), ""), d.width, l.cross.out)
		return y
	}
	if d.post {
		x = norm(g.add(x, self(x)), l.norm1)
		x = norm(g.add(x, cross(x)), l.crossNorm)
		return norm(g.add(x, g.mlp(x, l.block, d.shape)), l.norm2)
	}
	x = g.add(x, self(norm(x, l.norm1)))
	x = g.add(x, cross(norm(x, l.crossNorm)))
	return g.add(x, g.mlp(norm(x, l.norm2), l.block, d.shape))
}

// split makes [n,heads,tokens,each] of rows.
func (d *decoder) split(g *graph, x string) string {
	return g.b.Op("Transpose", []string{g.b.Op("Reshape", []string{x, d.back})}, onnxfile.Ints("perm", 0, 2, 1, 3))
}

// attend is softmax(q·kᵀ/√each + mask)·v: rows. mask "" = none.
func (d *decoder) attend(g *graph, q, keys, values, mask string) string {
	each := d.width / d.heads
	scores := g.b.Op("MatMul", []string{g.b.Op("Mul", []string{d.split(g, q), g.b.Scalar(rootOf(each))}),
		g.b.Op("Transpose", []string{keys}, onnxfile.Ints("perm", 0, 1, 3, 2))})
	if mask != "" {
		scores = g.add(scores, mask)
	}
	y := g.b.Op("MatMul", []string{g.b.Op("Softmax", []string{scores}, onnxfile.Int("axis", -1)), values})
	return g.reshape(g.b.Op("Transpose", []string{y}, onnxfile.Ints("perm", 0, 2, 1, 3)), -1, d.width)
}

// tied is the table of words used once more as the head, unless the head has
// weights of its own.
func tied(g *graph, words string, own ...string) linear {
	if name := g.first(own...); name != "" {
		return linear{weight: name}
	}
	return linear{weight: words}
}

// buffers are the names of what is no weight though it is saved as one.
func buffers(w *weights.Set, endings ...string) []string {
	var list []string
	for _, name := range w.Names() {
		for _, e := range endings {
			if len(name) > len(e) && name[len(name)-len(e):] == e {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}
