package folder

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/models"
	"coverslip/models/catalogue"
	"coverslip/models/preprocess"
	"coverslip/models/tower"
	"coverslip/models/weights"
)

// known is what a folder's settings say of a model, and the catalogue.
type known struct {
	kind     Kind
	settings tower.Settings // config.json or open_clip_config.json
	entry    catalogue.Entry
	listed   bool // entry is filled in
	prep     preprocess.Spec
	prepFrom string // where prep comes from, for people
	name     string
	mpp      float64
	patch    int // side of the square cut from the slide; 0 = as prep resizes
	license  string
	classes  []string
	notes    []string
	set      *weights.Set // nil when the model is an ONNX file
	vision   *tower.Tower
}

// library looks for the folder of a library. It reports whether the model was
// found and inspected; false leaves an ONNX file to be guessed at.
func (s *source) library() (bool, error) {
	k := &known{}
	if err := k.read(s.dir); err != nil {
		return false, err
	}
	k.find(s.dir)
	file, err := s.visionFile()
	if err != nil {
		return false, err
	}
	if file != "" {
		if k.kind == "" && !k.listed {
			return false, nil // a bare ONNX file
		}
		s.file, s.known = file, k
		if err := s.inspect(); err != nil {
			return false, err
		}
		return true, k.prepare(s)
	}
	return s.weights(k)
}

// weights opens a folder that has weights and no ONNX file.
func (s *source) weights(k *known) (bool, error) {
	name, err := weights.Find(s.dir)
	if err != nil || name == "" {
		if err == nil && k.kind == KindWSInfer {
			err = wsinferWithout(s.dir)
		}
		return false, err
	}
	if k.kind == KindWSInfer {
		return false, wsinferWithout(s.dir)
	}
	if k.set, err = weights.Open(s.dir, name); err != nil {
		return false, err
	}
	o := tower.Options{}
	if k.listed {
		o.Pool, o.Heads = k.entry.Pool, k.entry.Heads
	}
	k.vision, err = tower.Vision(k.set, k.settings, o)
	if err != nil {
		return false, err
	}
	if k.listed && k.entry.Dim != k.vision.Dim {
		k.notes = append(k.notes, fmt.Sprintf("it is named like %s, whose embeddings have %d numbers, and gives %d: the catalogue is not used", k.entry.Name, k.entry.Dim, k.vision.Dim))
		k.listed, k.entry, k.license, k.mpp, k.patch = false, catalogue.Entry{}, "", 0, 0
		if k.vision, err = tower.Vision(k.set, k.settings, tower.Options{}); err != nil {
			return false, err
		}
	}
	if k.kind == "" {
		k.kind = KindBare
		k.notes = append(k.notes, "there is no config.json: the number of heads is guessed from the width")
	}
	s.file, s.known = filepath.Join(s.dir, name), k
	for _, f := range k.set.Files {
		st, err := os.Stat(filepath.Join(s.dir, f))
		if err != nil {
			return false, fmt.Errorf("models/folder: %w", err)
		}
		s.size += st.Size()
	}
	s.files = k.set.Files
	return true, k.prepare(s)
}

func wsinferWithout(dir string) error {
	return &models.UnsupportedError{File: dir, What: "a WSInfer model as TorchScript, a program, which cannot run here",
		Hint: "export it with torch.onnx.export to model.onnx and put that beside its config.json"}
}

// read finds out whose settings are in the folder.
func (k *known) read(dir string) error {
	for _, f := range []struct {
		name string
		kind Kind
	}{{"open_clip_config.json", KindOpenClip}, {"config.json", KindTransformers}, {filepath.Join("configs", "metadata.json"), KindMONAI}, {"metadata.json", KindMONAI}} {
		set, err := readSettings(filepath.Join(dir, f.name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return &models.FormatError{File: filepath.Join(dir, f.name), What: "not sound settings", Err: err}
		}
		k.settings, k.kind = set, f.kind
		switch {
		case f.kind == KindMONAI && len(set.Sub("network_data_format")) == 0:
			k.kind, k.settings = "", nil
			continue
		case f.kind != KindTransformers:
		case set.Int("patch_size_pixels", 0) > 0 || len(set.Floats("spacing_um_px")) > 0 || set.Float("spacing_um_px", 0) > 0:
			k.kind = KindWSInfer
		case len(set.Sub("pretrained_cfg")) > 0 || set.Text("architecture", "") != "":
			k.kind = KindTimm
		case len(set.Sub("vision_cfg")) > 0:
			k.kind = KindOpenClip // CONCH's own file
		}
		return nil
	}
	return nil
}

func readSettings(path string) (tower.Settings, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("models/folder: %w", err)
	}
	defer f.Close()
	return tower.ReadSettings(f)
}

// find looks the model up in the catalogue.
func (k *known) find(dir string) {
	names := append(catalogue.Names(dir), k.settings.Text("_name_or_path", ""), k.settings.Text("pretrained_cfg.hf_hub_id", ""),
		k.settings.Text("hf_hub_id", ""), k.settings.Text("architecture", ""))
	if k.settings.Text("model_type", "") == "keep" {
		names = append(names, "KEEP")
	}
	if e, ok := catalogue.Find(names...); ok {
		k.entry, k.listed = e, true
		k.license, k.mpp, k.patch = e.License, e.MPP, e.Patch
	}
}

// prepare settles name and preprocessing: what the folder says, else the
// catalogue, else a guess that is stated. Where the catalogue knows better (a
// config.json of timm that was never filled in) it wins and says so.
func (k *known) prepare(s *source) error {
	k.name = nameOf(s.file)
	if b := filepath.Base(s.dir); s.known != nil && b != "." && b != "/" {
		k.name = catalogue.Names(s.dir)[0]
	}
	image := 0
	if k.vision != nil {
		image = k.vision.Image
	}
	stated, from, err := k.stated(s.dir, image)
	if err != nil {
		return err
	}
	switch {
	case k.listed && from != "" && stated.ID() != k.entry.Prep.ID() && k.entry.Prep.Crop == orCrop(image, stated):
		k.prep, k.prepFrom = k.entry.Prep, "the catalogue"
		if differs(stated, k.entry.Prep) {
			k.notes = append(k.notes, fmt.Sprintf("%s says %s; the makers of %s say otherwise and are followed", from, stated.ID(), k.entry.Name))
		}
	case from != "":
		k.prep, k.prepFrom = stated, from
	case k.listed && k.entry.Prep.Crop == orCrop(image, k.entry.Prep):
		k.prep, k.prepFrom = k.entry.Prep, "the catalogue"
	default:
		if image == 0 {
			image = guessedSize
			if s.graph != nil {
				if spec, _, err := guess(s.graph); err == nil {
					image = spec.Crop
				}
			}
		}
		k.prep, k.prepFrom = preprocess.ImageNet(image), "a guess"
		k.notes = append(k.notes, "no preprocessor_config.json: ImageNet's mean and std are guessed; embeddings may be wrong")
	}
	if k.listed {
		k.name = k.entry.Name
	}
	if k.license == "" {
		k.license = k.settings.Text("license", "")
	}
	k.own()
	if k.mpp == 0 && k.kind != KindWSInfer {
		k.notes = append(k.notes, "the scale (µm a pixel) is not stated")
	}
	return k.prep.Check()
}

// own takes what a folder made for this program says in its config.json beside
// what the library knows: name, scale in µm a pixel, and a note.
func (k *known) own() {
	c := k.settings.Sub("coverslip")
	k.name = c.Text("name", k.name)
	if mpp := c.Float("mpp", 0); k.mpp == 0 && mpp > 0 {
		k.mpp = mpp
	}
	if note := c.Text("note", ""); note != "" {
		k.notes = append(k.notes, note)
	}
}

// orCrop is the side of the model's input.
func orCrop(image int, s preprocess.Spec) int {
	if image > 0 {
		return image
	}
	return s.Crop
}

// differs says whether two specifications feed a model differently enough to
// be told: not when only the rounding differs.
func differs(a, b preprocess.Spec) bool {
	a.Torchvision, b.Torchvision = false, false
	a.Scale, b.Scale = 0, 0
	if a.Crop == 0 {
		a.Crop = a.Resize
	}
	return a.ID() != b.ID()
}

// stated reads the preprocessing that the folder states, and where.
func (k *known) stated(dir string, image int) (preprocess.Spec, string, error) {
	set, err := readSettings(filepath.Join(dir, "preprocessor_config.json"))
	switch {
	case err == nil:
		spec, err := transformersPrep(set, image)
		if err != nil {
			return spec, "", &models.UnsupportedError{File: filepath.Join(dir, "preprocessor_config.json"), What: err.Error()}
		}
		return spec, "preprocessor_config.json", nil
	case !errors.Is(err, os.ErrNotExist):
		return preprocess.Spec{}, "", &models.FormatError{File: filepath.Join(dir, "preprocessor_config.json"), What: "not sound settings", Err: err}
	}
	var spec preprocess.Spec
	from := ""
	err = nil
	switch k.kind {
	case KindTimm:
		spec, from, err = timmPrep(k.settings, image)
	case KindOpenClip:
		spec, from, err = openClipPrep(k.settings, image)
	case KindWSInfer:
		spec, from, err = k.wsinferPrep()
	}
	if err != nil {
		return spec, "", &models.UnsupportedError{File: dir, What: err.Error()}
	}
	return spec, from, nil
}

// resamples are PIL's numbers of kernels, as transformers writes them.
var resamples = map[int64]preprocess.Filter{1: preprocess.Lanczos, 2: preprocess.Bilinear, 3: preprocess.Bicubic, 4: preprocess.Box}

// transformersPrep reads preprocessor_config.json.
func transformersPrep(c tower.Settings, image int) (preprocess.Spec, error) {
	var s preprocess.Spec
	filter, ok := resamples[c.Int("resample", 2)]
	if !ok {
		return s, fmt.Errorf("the resampling %d is not known", c.Int("resample", 2))
	}
	s.Filter = filter
	if c.Bool("do_resize", true) {
		h, w := c.Int("size.height", 0), c.Int("size.width", 0)
		switch {
		case h > 0 && h != w:
			return s, fmt.Errorf("it resizes to %d×%d pixels, not to a square", w, h)
		case h > 0:
			s.Resize, s.Exact = int(h), true
		case c.Int("size.shortest_edge", 0) > 0:
			s.Resize = int(c.Int("size.shortest_edge", 0))
		default:
			s.Resize = int(c.Int("size", 224)) // as old versions write it
			s.Exact = !c.Bool("do_center_crop", false)
		}
	}
	s.Crop = s.Resize
	if c.Bool("do_center_crop", false) {
		s.Crop = int(c.Int("crop_size.height", c.Int("crop_size", int64(s.Resize))))
	}
	if image > 0 && s.Crop == 0 {
		s.Crop = image
	}
	if c.Bool("do_rescale", true) {
		s.Scale = float32(c.Float("rescale_factor", 1.0/255))
	} else {
		s.Scale = 1
	}
	s.Std = [3]float32{1, 1, 1}
	if c.Bool("do_normalize", true) {
		if err := colours(&s, c.Floats("image_mean"), c.Floats("image_std")); err != nil {
			return s, err
		}
	}
	if image > 0 && s.Crop != image {
		return s, fmt.Errorf("it makes images of %d pixels, the model takes %d", s.Crop, image)
	}
	return s, s.Check()
}

func colours(s *preprocess.Spec, mean, std []float64) error {
	if len(mean) != 3 || len(std) != 3 {
		return fmt.Errorf("mean %v and std %v are not those of three colours", mean, std)
	}
	for i := range 3 {
		s.Mean[i], s.Std[i] = float32(mean[i]), float32(std[i])
	}
	return nil
}

// timmPrep reads pretrained_cfg as timm.data.create_transform does.
func timmPrep(set tower.Settings, image int) (preprocess.Spec, string, error) {
	c := set.Sub("pretrained_cfg")
	if len(c) == 0 {
		c = set
	}
	if c.Floats("mean") == nil {
		return preprocess.Spec{}, "", nil
	}
	size := int(c.Int("input_size", int64(max(image, 224))))
	if image > 0 {
		size = image
	}
	s := preprocess.Spec{Crop: size, Resize: size, Torchvision: true}
	if pct := c.Float("crop_pct", 1); pct > 0 && pct < 1 {
		s.Resize = int(math.Floor(float64(size) / pct))
	}
	switch mode := c.Text("crop_mode", "center"); mode {
	case "center":
	case "squash":
		s.Exact = true
	default:
		return s, "", fmt.Errorf("the crop %q is not known", mode)
	}
	var err error
	if s.Filter, err = preprocess.FilterNamed(c.Text("interpolation", "bicubic")); err != nil {
		return s, "", err
	}
	if err = colours(&s, c.Floats("mean"), c.Floats("std")); err != nil {
		return s, "", err
	}
	return s, "config.json", s.Check()
}

// openClipPrep reads preprocess_cfg.
func openClipPrep(set tower.Settings, image int) (preprocess.Spec, string, error) {
	c := set.Sub("preprocess_cfg")
	if len(c) == 0 {
		return preprocess.Spec{}, "", nil
	}
	size := image
	if size == 0 {
		size = int(set.Int("model_cfg.vision_cfg.image_size", 224))
	}
	s := preprocess.Spec{Crop: size, Resize: size, Torchvision: true}
	switch mode := c.Text("resize_mode", "shortest"); mode {
	case "shortest":
	case "squash":
		s.Exact = true
	default:
		return s, "", fmt.Errorf("the resize %q is not known", mode)
	}
	var err error
	if s.Filter, err = preprocess.FilterNamed(c.Text("interpolation", "bicubic")); err != nil {
		return s, "", err
	}
	if err = colours(&s, c.Floats("mean"), c.Floats("std")); err != nil {
		return s, "", err
	}
	return s, "open_clip_config.json", s.Check()
}

// wsinferPrep reads the list of transforms of a WSInfer model.
func (k *known) wsinferPrep() (preprocess.Spec, string, error) {
	c := k.settings
	k.mpp = c.Float("spacing_um_px", 0)
	k.patch = int(c.Int("patch_size_pixels", 0))
	if list, ok := c.Value("class_names"); ok {
		names, _ := list.([]any)
		for _, n := range names {
			k.classes = append(k.classes, fmt.Sprint(n))
		}
	}
	s := preprocess.Spec{Torchvision: true}
	steps, _ := c.Value("transform")
	list, _ := steps.([]any)
	for _, step := range list {
		m, _ := step.(map[string]any)
		t := tower.Settings(m)
		switch name := t.Text("name", ""); name {
		case "Resize":
			s.Resize = int(t.Int("arguments.size", 0))
		case "CenterCrop":
			s.Crop = int(t.Int("arguments.size", 0))
		case "ToTensor":
		case "Normalize":
			if err := colours(&s, t.Floats("arguments.mean"), t.Floats("arguments.std")); err != nil {
				return s, "", err
			}
		default:
			return s, "", fmt.Errorf("the transform %q is not known", name)
		}
	}
	if s.Resize == 0 {
		s.Resize = k.patch
	}
	if s.Crop == 0 {
		s.Crop = s.Resize
	}
	return s, "config.json", s.Check()
}

// visionFile is the ONNX file that takes images, as Optimum and onnx-community
// export it: beside the settings or in onnx/, alone or as one of a pair. Empty
// when there is none.
func (s *source) visionFile() (string, error) {
	for _, dir := range []string{s.dir, filepath.Join(s.dir, "onnx"), filepath.Join(s.dir, "models")} {
		for _, name := range []string{"vision_model.onnx", "model.onnx", "encoder_model.onnx"} {
			if st, err := os.Stat(filepath.Join(dir, name)); err == nil && st.Mode().IsRegular() {
				return filepath.Join(dir, name), nil
			}
		}
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return "", fmt.Errorf("models/folder: %w", err)
	}
	var found []string
	for _, e := range entries {
		if strings.EqualFold(filepath.Ext(e.Name()), ".onnx") && !e.IsDir() {
			found = append(found, e.Name())
		}
	}
	slices.Sort(found)
	if len(found) == 1 {
		return filepath.Join(s.dir, found[0]), nil
	}
	return "", nil
}
