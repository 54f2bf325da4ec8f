package caption_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"coverslip/models"
	"coverslip/models/caption"
	"coverslip/models/modeltest"
)

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []caption.Caption
		bad  string
	}{
		"lines":      {"# ours\n\nPink  fibres.\r\nPurple cells.\nPink fibres.\n", []caption.Caption{{Text: "Pink fibres."}, {Text: "Purple cells."}}, ""},
		"csv":        {"id,caption,source\n1,\"Glands, purple\",atlas\n2,Pink,\n", []caption.Caption{{Text: "Glands, purple", Source: "atlas"}, {Text: "Pink"}}, ""},
		"semicolons": {"\ufeffText;Source\nPink;x\n", []caption.Caption{{Text: "Pink", Source: "x"}}, ""},
		"terms":      {"text\tterms\tsynonyms\tstain\ttopic\nPink\tcollagen, fat; \tfibres\tH&E\tstroma\n", []caption.Caption{{Text: "Pink", Terms: []string{"collagen", "fat"}, Synonyms: []string{"fibres"}, Stain: "H&E", Topic: "stroma"}}, ""},
		"empty":      {"\n# nothing\n", nil, "empty"},
		"long":       {strings.Repeat("a", caption.MaxText+1), nil, "characters"},
		"binary":     {"a\x00b", nil, "not a text"},
		"latin":      {"caf\xe9", nil, "UTF-8"},
	} {
		b, err := caption.Read(strings.NewReader(c.in), name)
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || len(b.Captions) != len(c.want) || b.Hash == "" {
			t.Errorf("%s: %+v, %v", name, b, err)
			continue
		}
		for i, w := range c.want {
			if !reflect.DeepEqual(b.Captions[i], w) {
				t.Errorf("%s: %+v, want %+v", name, b.Captions[i], w)
			}
		}
	}
	if _, err := caption.Read(strings.NewReader(""), "x"); !errors.Is(err, caption.ErrEmpty) {
		t.Error(err)
	}
}

func TestIndex_Nearest(t *testing.T) {
	b, err := caption.Read(strings.NewReader("white glass\npurple nuclei\npink stroma\nred blood\n"), "bank")
	if err != nil {
		t.Fatal(err)
	}
	enc := &modeltest.Texts{}
	told := 0
	x, err := caption.NewIndex(t.Context(), enc, b, func(done, _ int) { told = done })
	if err != nil || told != 4 {
		t.Fatal(err, told)
	}
	v, err := enc.EncodeText(t.Context(), []string{"purple"})
	if err != nil {
		t.Fatal(err)
	}
	info := modeltest.New().Info()
	near, err := x.Nearest(info, v[0], 2)
	if err != nil || len(near) != 2 || near[0].Text != "purple nuclei" || near[0].Similarity < 0.999 || near[0].Lead <= 0 || near[1].Similarity > near[0].Similarity {
		t.Errorf("%+v, %v", near, err)
	}
	if _, err := x.Nearest(models.EncoderInfo{Pair: "other"}, v[0], 2); err == nil {
		t.Error("vectors of another model were compared")
	}
	if all, err := x.Nearest(info, v[0], 99); err != nil || len(all) != 4 {
		t.Errorf("%d, %v", len(all), err)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"a\nb\n", "caption\nx", "text,source\n\"a\n,b", "caption;text\t\n;;;", "\ufeff", "caption\n\"\"\"", "\x00", "text\tterms\tsynonyms\n\t,;\t;\nx\t\"", strings.Repeat(",", 100) + "text\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := caption.Read(strings.NewReader(s), "fuzz")
		if err != nil {
			return
		}
		for _, c := range b.Captions {
			if c.Text == "" || strings.ContainsAny(c.Text, "\n\x00") {
				t.Errorf("%q", c.Text)
			}
		}
	})
}
