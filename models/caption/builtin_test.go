package caption_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"coverslip/models/caption"
)

func builtin(t testing.TB) *caption.Bank {
	t.Helper()
	b, err := caption.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bank is what the project promises: many sentences, none twice, each with
// what is needed to find it.
func TestBuiltin(t *testing.T) {
	b := builtin(t)
	if len(b.Captions) < 400 {
		t.Errorf("%d sentences, at least 400 are promised", len(b.Captions))
	}
	seen, topics, stains := map[string]bool{}, map[string]int{}, map[string]int{}
	for _, c := range b.Captions {
		plain := strings.Map(func(r rune) rune {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return -1
			}
			return unicode.ToLower(r)
		}, c.Text)
		if seen[plain] {
			t.Errorf("twice: %q", c.Text)
		}
		seen[plain] = true
		topics[c.Topic]++
		stains[c.Stain]++
		if c.Topic == "" || c.Stain == "" || len(c.Terms) == 0 || len(c.Synonyms) == 0 || c.Source == "" {
			t.Errorf("%q lacks something: %+v", c.Text, c)
		}
		if !strings.HasSuffix(c.Text, ".") || !unicode.IsUpper([]rune(c.Text)[0]) {
			t.Errorf("%q is no sentence", c.Text)
		}
		if n := len(strings.Fields(c.Text)); n < 3 || n > 24 {
			t.Errorf("%q has %d words", c.Text, n)
		}
		if slices.Contains(c.Synonyms, "") || slices.ContainsFunc(c.Terms, func(s string) bool { return s != strings.TrimSpace(s) || s == "" }) {
			t.Errorf("%q: terms %q, synonyms %q", c.Text, c.Terms, c.Synonyms)
		}
	}
	for _, part := range []string{"tumour patterns", "inflammation", "necrosis and cell death", "normal organs", "artefacts", "immunohistochemistry", "other stains"} {
		if topics[part] < 15 {
			t.Errorf("%d sentences of the topic %q: %v", topics[part], part, topics)
		}
	}
	if stains["H&E"] < 200 || stains["IHC DAB"] < 40 || stains["special"] < 30 {
		t.Errorf("stains: %v", stains)
	}
}

func TestBank_About(t *testing.T) {
	b := builtin(t)
	for words, want := range map[string]string{
		"MIB-1":             "Ki-67: a high proportion of tumour nuclei is brown.", // by a synonym
		"adipose":           "Mature fat: large empty cells with thin walls.",
		"Trichrome kidney":  "Masson trichrome: interstitial fibrosis of the kidney.",
		"artefacts blurred": "A blurred field that should be scanned again.",
	} {
		part, err := b.About(words)
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.ContainsFunc(part.Captions, func(c caption.Caption) bool { return c.Text == want }) || len(part.Captions) > len(b.Captions)/4 || part.Hash == b.Hash {
			t.Errorf("%q: %d sentences, without %q", words, len(part.Captions), want)
		}
	}
	if _, err := b.About("zebra"); !errors.Is(err, caption.ErrEmpty) {
		t.Error(err)
	}
}

func TestJoin(t *testing.T) {
	own, err := caption.Read(strings.NewReader("caption,terms\nOur own sentence.,ours\nEmpty glass without tissue.,glass\n"), "own.csv")
	if err != nil {
		t.Fatal(err)
	}
	b := builtin(t)
	all, err := caption.Join(b, own)
	if err != nil {
		t.Fatal(err)
	}
	last := all.Captions[len(all.Captions)-1]
	if len(all.Captions) != len(b.Captions)+1 || last.Text != "Our own sentence." || last.Terms[0] != "ours" || all.Name != "builtin + own.csv" || all.Hash == b.Hash {
		t.Errorf("%d sentences, the last %+v, %q", len(all.Captions), last, all.Name)
	}
	if _, err := caption.Join(); !errors.Is(err, caption.ErrEmpty) {
		t.Error(err)
	}
	var none *caption.Bank
	if none.Check() == nil || (&caption.Bank{}).Check() == nil || own.Check() != nil {
		t.Error("Check")
	}
}
