package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"coverslip/models/caption"
	"coverslip/tiles/synth"
)

// grammar writes sentences that are true of a patch: its own wordings, and
// those of the bank that say what they are true of.
type grammar struct{ bank []caption.Caption }

// sentencesEach is how many sentences a patch gets at most.
const sentencesEach = 6

// Densities of nuclei a mm² that part sparse, moderate and dense.
const (
	sparseBelow = 2000
	denseFrom   = 5500
)

// tissue is a content's names, as nouns and as clauses.
type tissue struct{ nouns, clauses []string }

var tissues = map[string]tissue{
	"glass": {[]string{"empty glass", "glass", "background", "white background", "glass without tissue"},
		[]string{"there is no tissue", "the field is empty", "nothing but glass"}},
	"tumour": {[]string{"tumour", "tumour tissue", "carcinoma", "nests of tumour cells", "tumour epithelium", "cancer", "malignant tumour", "tumor"},
		[]string{"tumour cells with large nuclei", "solid nests of large atypical cells", "crowded tumour cells", "large pale nuclei with nucleoli"}},
	"stroma": {[]string{"stroma", "connective tissue", "fibrous tissue", "collagen", "fibrous stroma", "connective tissue stroma"},
		[]string{"pink fibres with slender nuclei", "wavy collagen and fibroblasts", "bundles of collagen", "spindle-shaped nuclei between fibres"}},
	"necrosis": {[]string{"necrosis", "necrotic tissue", "necrotic debris", "tumour necrosis", "dead tissue"},
		[]string{"structureless debris with nuclear dust", "no viable cells, only fragments", "granular necrotic material"}},
	"lymphocytes": {[]string{"lymphocytes", "lymphoid tissue", "a lymphocytic infiltrate", "lymphoid aggregate", "dense lymphocytes", "inflammation"},
		[]string{"small round dark nuclei, tightly packed", "crowds of small round cells", "sheets of lymphocytes"}},
	"glands": {[]string{"glands", "normal glands", "glandular epithelium", "benign glands", "glandular tissue"},
		[]string{"columnar epithelium around lumina", "rings of regular columnar cells", "round glands with basal nuclei"}},
	"fat": {[]string{"fat", "adipose tissue", "fat cells", "adipocytes", "fatty tissue"},
		[]string{"large empty cells with thin walls", "a network of empty round cells", "lobules of adipocytes"}},
	"vessel": {[]string{"vessel", "blood vessel", "a blood vessel", "vessels"},
		[]string{"a muscular wall around a lumen", "a round lumen in a ring of muscle"}},
	"pen": {[]string{"pen mark", "marker ink", "artefact", "a pen mark on the glass", "ink"},
		[]string{"ink covers the field", "a coloured band without structure"}},
	"fold": {[]string{"fold", "tissue fold", "artefact", "a fold in the section", "folded tissue"},
		[]string{"the tissue lies double", "a dark band of folded tissue"}},
}

// frames put a noun into a sentence; those with "%s" alone come as often as the
// others together. The rest are what people ask models with.
var frames = []string{"%s", "%s", "%s", "%s.", "An H&E image of %s.", "a histological image of %s", "A photomicrograph showing %s.",
	"a field with %s", "This is %s.", "%s is shown.", "%s is present.", "microscopy of %s", "histopathology of %s", "an example of %s"}

// keys says in single words what is true of the patch, for the bank.
func (t *truth) keys() []string {
	var k []string
	z := slices.Clone(t.Zones)
	z[synth.Connective] = t.stroma()
	add := func(ok bool, key string) {
		if ok {
			k = append(k, key)
		}
	}
	covered := z[synth.Inked] + z[synth.Folded]
	for i, name := range contents[:synth.Inked] {
		if i == int(synth.Vascular) {
			add(t.Looks[i] > 0.25, name)
			continue
		}
		add(z[i] > 0.22 && covered < 0.2 && (i != int(synth.Glandular) || t.Looks[i] > 0.15), name)
	}
	add(z[synth.Inked] > 0.3, "pen")
	add(z[synth.Folded] > 0.2, "fold")
	add(z[synth.Glass] > 0.25 && z[synth.Glass] < 0.75 && covered < 0.1, "edge")
	if z[synth.Glass] < 0.3 && covered < 0.2 && z[synth.Fatty] < 0.3 {
		add(t.Density < sparseBelow, "sparse")
		add(t.Density >= sparseBelow && t.Density < denseFrom, "moderate")
		add(t.Density >= denseFrom, "dense")
	}
	add(t.comp.lumina > 0.05, "lumina")
	add(t.Kinds[synth.Mitosis] > 0, "mitosis")
	add(t.comp.mucin > 0.25 && t.Looks[synth.Glandular] > 0.3, "goblet")
	add(t.comp.blood > 0.1, "blood")
	add(t.Changes.Blur >= 1.5, "blur")
	add(t.Changes.Blur < 0.4 && t.Changes.Quality > 70 && z[synth.Glass] < 0.5, "sharp")
	add(t.Changes.Quality < 22, "compression")
	if z[synth.Glass] < 0.4 && covered < 0.2 {
		k = append(k, t.colourKeys()...)
	}
	return k
}

// colourKeys says how a patch with tissue is stained.
func (t *truth) colourKeys() []string {
	var k []string
	if t.Brown {
		if marked := t.Kinds[synth.Tumour] + t.Kinds[synth.Mitosis] + t.Kinds[synth.Epithelium] + t.Kinds[synth.Lymphocyte]; marked < 8 {
			return nil
		}
		switch {
		case t.Positive == 0:
			return []string{"none"}
		case t.Positive > 0.5:
			return []string{"nuclear", "high"}
		case t.Positive < 0.15:
			return []string{"nuclear", "low"}
		}
		return []string{"nuclear"}
	}
	strength := (t.H + t.E) / 2 * (t.Changes.Density[0] + t.Changes.Density[1] + t.Changes.Density[2]) / 3
	switch {
	case strength < 0.75:
		k = append(k, "pale")
	case strength > 1.3:
		k = append(k, "strong")
	}
	switch ratio := t.E / t.H; {
	case ratio > 1.4:
		k = append(k, "pink")
	case ratio < 0.65:
		k = append(k, "blue")
	}
	return k
}

// stroma is the share of connective tissue, with that of a zone of glands in
// which hardly a gland is in sight.
func (t *truth) stroma() float64 {
	share := t.Zones[synth.Connective]
	if t.Looks[synth.Glandular] < 0.12 {
		share += t.Zones[synth.Glandular]
	}
	return share
}

// main is the contents worth naming, most first.
func (t *truth) main() []string {
	type part struct {
		name  string
		share float64
	}
	var parts []part
	for i, name := range contents {
		share := t.Zones[i]
		switch {
		case i == int(synth.Vascular):
			share = 2 * t.Looks[i]
		case i == int(synth.Connective):
			share = t.stroma()
		case i == int(synth.Glandular) && t.Looks[i] < 0.12:
			share = 0
		}
		if share > 0.2 {
			parts = append(parts, part{name, share})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int {
		switch {
		case a.share > b.share:
			return -1
		case a.share < b.share:
			return 1
		}
		return 0
	})
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names[:min(len(names), 3)]
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

// sentences writes up to sentencesEach different ones.
func (g grammar) sentences(t *truth, r *rand.Rand) []string {
	var all []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(all, s) && len(all) < sentencesEach {
			all = append(all, s)
		}
	}
	names := t.main()
	if len(names) > 0 {
		frame := pick(r, frames...)
		if t.Brown {
			frame = strings.Replace(frame, "An H&E image", "An immunohistochemistry image", 1)
		}
		add(fmt.Sprintf(frame, pick(r, tissues[names[0]].nouns...)))
	}
	fit := g.fitting(t)
	r.Shuffle(len(fit), func(i, j int) { fit[i], fit[j] = fit[j], fit[i] })
	for _, s := range fit[:min(len(fit), 3)] {
		add(s)
	}
	for len(all) < sentencesEach-1 {
		before := len(all)
		add(t.compound(names, r))
		add(t.compound(names, r))
		if len(all) == before {
			break
		}
	}
	return all
}

// fitting is the sentences of the bank that say what they are true of, and are
// true of this patch: all their keys hold, and those that name a tissue name no
// less than what fills the patch.
func (g grammar) fitting(t *truth) []string {
	var fit []string
	for _, c := range g.bank {
		keys := strings.Fields(c.Shows)
		if len(keys) == 0 || c.Stain == "H&E" && t.Brown || c.Stain == "IHC DAB" && !t.Brown {
			continue
		}
		ok, share, named := true, 0.0, false
		for _, k := range keys {
			ok = ok && slices.Contains(t.Keys, k)
			if i := slices.Index(contents, k); i >= 0 && i < int(synth.Inked) {
				named = true
				share += max(t.Zones[i], 2*t.Looks[i]*boolFloat(i == int(synth.Vascular)))
			}
		}
		if ok && (!named || share > 0.6) {
			fit = append(fit, c.Text)
		}
	}
	return fit
}

func boolFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// compound is a sentence of what, how dense, how stained and what is wrong.
func (t *truth) compound(names []string, r *rand.Rand) string {
	var parts []string
	switch {
	case len(names) == 0:
	case len(names) > 1 && r.Float64() < 0.75:
		a, b := tissues[names[0]], tissues[names[1]]
		parts = append(parts, fmt.Sprintf(pick(r, "%s and %s", "%s with %s", "%s beside %s", "mostly %s, some %s", "%s next to %s"), pick(r, a.nouns...), pick(r, b.nouns...)))
	case r.IntN(2) == 0:
		parts = append(parts, pick(r, tissues[names[0]].clauses...))
	default:
		parts = append(parts, pick(r, tissues[names[0]].nouns...))
	}
	words := map[string][]string{
		"sparse": {"few nuclei", "sparse nuclei", "low cellularity", "few cells"}, "moderate": {"moderate cellularity", "a moderate number of nuclei"},
		"dense": {"many nuclei", "dense nuclei", "high cellularity", "densely packed nuclei", "cellular"},
		"blur":  {"out of focus", "blurred", "not sharp"}, "sharp": {"sharp", "in focus"}, "compression": {"strongly compressed", "compression blocks"},
		"pale": {"pale stain", "weakly stained"}, "strong": {"strong stain", "dark stain"}, "pink": {"pink, eosin dominates", "pink stain"}, "blue": {"blue, haematoxylin dominates", "blue stain"},
		"high": {"most nuclei brown", "high Ki-67 index", "strong nuclear staining"}, "low": {"few brown nuclei", "low Ki-67 index"}, "none": {"negative, blue nuclei only", "no brown staining"},
		"nuclear": {"brown nuclear staining", "DAB nuclear staining", "brown and blue nuclei"}, "mitosis": {"a mitosis", "mitotic figures"}, "lumina": {"lumina in the nests", "gland-like spaces"},
		"goblet": {"goblet cells", "mucin"}, "blood": {"red blood cells", "full of blood"}, "edge": {"at the edge of the tissue", "edge of the section"},
	}
	for _, k := range t.Keys {
		likely := 0.35
		if k == "blur" || k == "compression" || k == "nuclear" || k == "none" || k == "high" || k == "edge" {
			likely = 0.7
		}
		if w, ok := words[k]; ok && r.Float64() < likely {
			parts = append(parts, pick(r, w...))
		}
	}
	if t.Brown {
		if r.Float64() < 0.5 {
			parts = append(parts, pick(r, "immunohistochemistry", "IHC", "DAB", "nuclear marker, DAB and haematoxylin"))
		}
	} else if t.Zones[synth.Glass] < 0.5 && r.Float64() < 0.25 {
		parts = append(parts, pick(r, "H&E", "haematoxylin and eosin", "H&E stain"))
	}
	s := strings.Join(parts, ", ")
	if s != "" && r.IntN(2) == 0 {
		s = strings.ToUpper(s[:1]) + s[1:] + "."
	}
	return s
}

// printTexts writes the bank with its terms and synonyms, and every wording of
// the grammar, a text a line: what the tokenizer is trained on.
func printTexts(w io.Writer, bank *caption.Bank) error {
	var all []string
	for _, c := range bank.Captions {
		all = append(all, c.Text)
		all = append(all, c.Terms...)
		all = append(all, c.Synonyms...)
	}
	for _, name := range contents {
		for _, noun := range tissues[name].nouns {
			for _, f := range frames {
				all = append(all, fmt.Sprintf(f, noun))
			}
		}
		all = append(all, tissues[name].clauses...)
	}
	for _, s := range all {
		if _, err := fmt.Fprintln(w, s); err != nil {
			return err
		}
	}
	return nil
}
