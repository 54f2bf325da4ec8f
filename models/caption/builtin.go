package caption

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
)

// BuiltinName is how the program's own bank is called, in results and where a
// bank is chosen by name.
const BuiltinName = "builtin"

//go:embed builtin.tsv
var builtinBank []byte

//go:embed synonyms.tsv
var builtinSynonyms []byte

// Builtin is the program's own bank: sentences written for this project, each
// with its topic, stain, terms and their synonyms. They describe what may be
// seen in sections, and come from no report and no other collection.
func Builtin() (*Bank, error) {
	b, err := Read(bytes.NewReader(builtinBank), BuiltinName)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(builtinSynonyms))
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("caption: %s: synonyms: %w", BuiltinName, err)
	}
	others := map[string][]string{}
	for _, row := range rows[1:] {
		others[row[0]] = list(row[1])
	}
	for i := range b.Captions {
		c := &b.Captions[i]
		c.Source = "Coverslip"
		for _, term := range c.Terms {
			for _, s := range others[term] {
				if !slices.Contains(c.Terms, s) && !slices.Contains(c.Synonyms, s) {
					c.Synonyms = append(c.Synonyms, s)
				}
			}
		}
	}
	b.sum()
	return b, nil
}

// Join puts banks after each other as one, each text once; ErrEmpty when there
// is none, and an error when they are too much together.
func Join(banks ...*Bank) (*Bank, error) {
	all := &Bank{}
	var names []string
	seen := map[string]bool{}
	for _, b := range banks {
		names = append(names, b.Name)
		for _, c := range b.Captions {
			if err := all.add(c, seen); err != nil {
				return nil, fmt.Errorf("caption: %s: %w", b.Name, err)
			}
		}
	}
	if len(all.Captions) == 0 {
		return nil, fmt.Errorf("caption: %w", ErrEmpty)
	}
	all.Name = strings.Join(names, " + ")
	all.sum()
	return all, nil
}

// About is the part of a bank that speaks of something: each of the words is in
// the sentence, its topic, its stain, its terms or their synonyms, whatever the
// case. ErrEmpty when nothing does.
func (b *Bank) About(words string) (*Bank, error) {
	wanted := strings.Fields(strings.ToLower(words))
	part := &Bank{Name: b.Name}
	for _, c := range b.Captions {
		all := strings.ToLower(strings.Join(slices.Concat([]string{c.Text, c.Topic, c.Stain}, c.Terms, c.Synonyms), "\n"))
		if !slices.ContainsFunc(wanted, func(w string) bool { return !strings.Contains(all, w) }) {
			part.Captions = append(part.Captions, c)
		}
	}
	if len(part.Captions) == 0 {
		return nil, fmt.Errorf("caption: %s says nothing about %q: %w", b.Name, words, ErrEmpty)
	}
	part.sum()
	return part, nil
}

// Check returns ErrEmpty for a bank that was not given, or that nobody filled.
func (b *Bank) Check() error {
	if b == nil {
		return fmt.Errorf("caption: none was chosen: %w", ErrEmpty)
	}
	if len(b.Captions) == 0 {
		return fmt.Errorf("caption: %s: %w", b.Name, ErrEmpty)
	}
	return nil
}
