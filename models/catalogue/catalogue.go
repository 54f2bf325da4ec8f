// Package catalogue knows the encoders that pathology uses: what their makers
// say of size, scale, preprocessing and licence, so that a folder that does
// not say it, or says it wrongly, is set right, and the licence is shown.
//
// A model is found by the repository it was fetched from, by the name of its
// folder, or by the SHA-256 of its weights. No weights are given away with the
// program; those that are gated the user brings.
package catalogue

import (
	"path/filepath"
	"strings"

	"coverslip/models/preprocess"
	"coverslip/models/tower"
)

// Access is how weights are had.
type Access string

// Ways to weights.
const (
	Open  Access = "open"  // anyone may download them
	Gated Access = "gated" // the makers are asked first
)

// Entry is a model as its makers describe it.
type Entry struct {
	Name       string
	Repository string   // owner/name at huggingface.co
	Aliases    []string // other names of folders and architectures
	SHA256     []string // of known files of weights, hex
	Dim        int      // numbers an embedding
	Tokens     int      // side of the square that is a token, pixels
	Heads      int64    // of attention, where neither settings nor architecture name tell
	Patch      int      // side of the square that is cut from the slide, pixels at MPP
	MPP        float64  // µm a pixel; 0 = not fixed
	Prep       preprocess.Spec
	Pool       tower.Pool // "" = as the settings say
	License    string
	Access     Access
	Templates  []string // sentences for zero-shot with the word CLASSNAME; nil = none may be given away
	Text       bool     // it has a text tower
}

var (
	imageNet  = [2][3]float32{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}
	openAI    = [2][3]float32{{0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}}
	halves    = [2][3]float32{{0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}}
	hOptimus  = [2][3]float32{{0.707223, 0.578729, 0.703617}, {0.211883, 0.230117, 0.177517}}
	hibou     = [2][3]float32{{0.7068, 0.5755, 0.722}, {0.195, 0.2316, 0.1816}}
	lunit     = [2][3]float32{{0.70322989, 0.53606487, 0.66096631}, {0.21716536, 0.26081574, 0.20723464}}
	nonComm   = "CC-BY-NC-ND 4.0: research only, no commercial use"
	owkin     = "Owkin non-commercial licence"
	kaiko     = "Kaiko non-commercial licence"
	quiltOnes = []string{"a histopathology slide showing CLASSNAME", "histopathology image of CLASSNAME", "pathology tissue showing CLASSNAME", "presence of CLASSNAME tissue on image"}
)

// prep is a resize of the shorter side and a centre crop, as torchvision does.
func prep(resize, crop int, f preprocess.Filter, colours [2][3]float32) preprocess.Spec {
	return preprocess.Spec{Resize: resize, Crop: crop, Filter: f, Mean: colours[0], Std: colours[1], Torchvision: true}
}

const (
	bilinear = preprocess.Bilinear
	bicubic  = preprocess.Bicubic
)

// entries: from the model cards and their authors' loaders as TRIDENT
// (github.com/mahmoodlab/TRIDENT, load.py) collects them.
var entries = []Entry{
	{Name: "UNI", Repository: "MahmoodLab/UNI", Dim: 1024, Tokens: 16, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, imageNet), Pool: tower.PoolFirst, License: nonComm, Access: Gated},
	{Name: "UNI2-h", Repository: "MahmoodLab/UNI2-h", Aliases: []string{"uni2"}, Dim: 1536, Tokens: 14, Heads: 24, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, imageNet), Pool: tower.PoolFirst, License: nonComm, Access: Gated},
	{Name: "CONCH", Repository: "MahmoodLab/CONCH", Aliases: []string{"conch_v1"}, Dim: 512, Tokens: 16, Heads: 12, Patch: 512, MPP: 0.5, Prep: prep(448, 448, bicubic, openAI), License: nonComm, Access: Gated, Text: true},
	{Name: "Virchow", Repository: "paige-ai/Virchow", Dim: 2560, Tokens: 14, Heads: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, imageNet), Pool: tower.PoolFirstMean, License: "Apache-2.0", Access: Gated},
	{Name: "Virchow2", Repository: "paige-ai/Virchow2", Dim: 2560, Tokens: 14, Heads: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, imageNet), Pool: tower.PoolFirstMean, License: nonComm, Access: Gated},
	{Name: "Phikon", Repository: "owkin/phikon", Dim: 768, Tokens: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bilinear, imageNet), Pool: tower.PoolFirst, License: owkin, Access: Open},
	{Name: "Phikon-v2", Repository: "owkin/phikon-v2", Dim: 1024, Tokens: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, imageNet), Pool: tower.PoolFirst, License: owkin, Access: Open},
	{Name: "H-optimus-0", Repository: "bioptimus/H-optimus-0", Dim: 1536, Tokens: 14, Heads: 24, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, hOptimus), Pool: tower.PoolFirst, License: "Apache-2.0", Access: Open},
	{Name: "H-optimus-1", Repository: "bioptimus/H-optimus-1", Dim: 1536, Tokens: 14, Heads: 24, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, hOptimus), Pool: tower.PoolFirst, License: "see its model card", Access: Gated},
	{Name: "H0-mini", Repository: "bioptimus/H0-mini", Dim: 768, Tokens: 14, Heads: 12, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, hOptimus), Pool: tower.PoolFirst, License: "see its model card", Access: Gated},
	{Name: "Prov-GigaPath", Repository: "prov-gigapath/prov-gigapath", Aliases: []string{"gigapath"}, Dim: 1536, Tokens: 16, Heads: 24, Patch: 256, MPP: 0.5, Prep: prep(256, 224, bicubic, imageNet), Pool: tower.PoolFirst, License: "research only", Access: Gated},
	{Name: "Hibou-B", Repository: "histai/hibou-b", Dim: 768, Tokens: 14, Heads: 12, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, hibou), Pool: tower.PoolFirst, License: "Apache-2.0", Access: Open},
	{Name: "Hibou-L", Repository: "histai/hibou-L", Dim: 1024, Tokens: 14, Heads: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, hibou), Pool: tower.PoolFirst, License: "Apache-2.0", Access: Open},
	{Name: "Kaiko ViT-S/16", Repository: "1aurent/vit_small_patch16_224.kaiko_ai_towards_large_pathology_fms", Aliases: []string{"kaiko-vits16"}, Dim: 384, Tokens: 16, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, halves), Pool: tower.PoolFirst, License: kaiko, Access: Open},
	{Name: "Kaiko ViT-S/8", Repository: "1aurent/vit_small_patch8_224.kaiko_ai_towards_large_pathology_fms", Aliases: []string{"kaiko-vits8"}, Dim: 384, Tokens: 8, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, halves), Pool: tower.PoolFirst, License: kaiko, Access: Open},
	{Name: "Kaiko ViT-B/16", Repository: "1aurent/vit_base_patch16_224.kaiko_ai_towards_large_pathology_fms", Aliases: []string{"kaiko-vitb16"}, Dim: 768, Tokens: 16, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, halves), Pool: tower.PoolFirst, License: kaiko, Access: Open},
	{Name: "Kaiko ViT-B/8", Repository: "1aurent/vit_base_patch8_224.kaiko_ai_towards_large_pathology_fms", Aliases: []string{"kaiko-vitb8"}, Dim: 768, Tokens: 8, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, halves), Pool: tower.PoolFirst, License: kaiko, Access: Open},
	{Name: "Kaiko ViT-L/14", Repository: "1aurent/vit_large_patch14_reg4_224.kaiko_ai_towards_large_pathology_fms", Aliases: []string{"kaiko-vitl14"}, Dim: 1024, Tokens: 14, Patch: 256, MPP: 0.5, Prep: prep(224, 224, bilinear, halves), Pool: tower.PoolFirst, License: kaiko, Access: Open},
	{Name: "Midnight-12k", Repository: "kaiko-ai/midnight", Aliases: []string{"midnight-12k"}, Dim: 3072, Tokens: 14, Heads: 24, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bilinear, halves), Pool: tower.PoolFirstMean, License: "MIT", Access: Open},
	{Name: "GPFM", Repository: "majiabo/GPFM", Dim: 1024, Tokens: 14, Patch: 512, MPP: 0.25, Prep: prep(224, 224, bicubic, imageNet), Pool: tower.PoolFirst, License: nonComm, Access: Open},
	{Name: "Lunit DINO ViT-S/16", Repository: "1aurent/vit_small_patch16_224.lunit_dino", Aliases: []string{"lunit-vits16"}, Dim: 384, Tokens: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, lunit), Pool: tower.PoolFirst, License: "non-commercial", Access: Open},
	{Name: "Lunit DINO ViT-S/8", Repository: "1aurent/vit_small_patch8_224.lunit_dino", Aliases: []string{"lunit-vits8"}, Dim: 384, Tokens: 8, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, lunit), Pool: tower.PoolFirst, License: "non-commercial", Access: Open},
	{Name: "PLIP", Repository: "vinid/plip", Dim: 512, Tokens: 32, Patch: 224, Prep: prep(224, 224, bicubic, openAI), License: "not stated by its makers", Access: Open, Text: true, Templates: []string{"An H&E image of CLASSNAME"}},
	{Name: "QuiltNet-B-32", Repository: "wisdomik/QuiltNet-B-32", Aliases: []string{"quiltnet"}, Dim: 512, Tokens: 32, Patch: 224, Prep: prep(224, 224, bicubic, openAI), License: "MIT", Access: Open, Text: true, Templates: quiltOnes},
	{Name: "QuiltNet-B-16", Repository: "wisdomik/QuiltNet-B-16", Dim: 512, Tokens: 16, Patch: 224, Prep: prep(224, 224, bicubic, openAI), License: "MIT", Access: Open, Text: true, Templates: quiltOnes},
	{Name: "QuiltNet-B-16-PMB", Repository: "wisdomik/QuiltNet-B-16-PMB", Dim: 512, Tokens: 16, Patch: 224, Prep: prep(224, 224, bicubic, openAI), License: "MIT", Access: Open, Text: true, Templates: quiltOnes},
	{Name: "BiomedCLIP", Repository: "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224", Aliases: []string{"biomedclip"}, Dim: 512, Tokens: 16, Patch: 224, Prep: prep(224, 224, bicubic, openAI), License: "MIT", Access: Open, Text: true, Templates: []string{"this is a photo of CLASSNAME"}},
	{Name: "KEEP", Repository: "Astaxanthin/KEEP", Dim: 768, Tokens: 16, Heads: 16, Patch: 224, MPP: 0.5, Prep: prep(224, 224, bicubic, imageNet), License: "MIT", Access: Open, Text: true},
}

// All lists the entries.
func All() []Entry { return append([]Entry(nil), entries...) }

// plain is a name without what people write in different ways.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// Find looks for a model by names: owner/name, the name alone, a folder's
// name, or an architecture such as "hf-hub:MahmoodLab/UNI". The first name
// that is known counts.
func Find(names ...string) (Entry, bool) {
	for _, name := range names {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "hf-hub:"), "hf_hub:")
		short := name
		if i := strings.LastIndex(name, "/"); i >= 0 {
			short = name[i+1:]
		}
		if plain(short) == "" {
			continue
		}
		for _, e := range entries {
			if strings.EqualFold(name, e.Repository) || e.called(short) || e.called(name) {
				return e, true
			}
		}
	}
	return Entry{}, false
}

func (e Entry) called(name string) bool {
	_, own, _ := strings.Cut(e.Repository, "/")
	for _, a := range append([]string{e.Name, own}, e.Aliases...) {
		if plain(a) == plain(name) {
			return true
		}
	}
	return false
}

// ByHash finds a model by the SHA-256 of its weights.
func ByHash(sum string) (Entry, bool) {
	for _, e := range entries {
		for _, h := range e.SHA256 {
			if strings.EqualFold(h, sum) {
				return e, true
			}
		}
	}
	return Entry{}, false
}

// Names are those that a folder bears: its own, and that of the repository
// when it lies in Hugging Face's cache (models--OWNER--NAME/snapshots/SUM).
func Names(dir string) []string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	names := []string{filepath.Base(dir)}
	if snapshots := filepath.Dir(dir); filepath.Base(snapshots) == "snapshots" {
		if repo, ok := strings.CutPrefix(filepath.Base(filepath.Dir(snapshots)), "models--"); ok {
			names = append([]string{strings.Replace(repo, "--", "/", 1)}, names...)
		}
	}
	return names
}
