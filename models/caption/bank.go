// Package caption finds sentences for a patch: the nearest ones of a bank, in
// the space that an image–text model made for pictures and texts.
//
// Nothing is made up here. What comes out was written by a person before, for
// another picture; the similarity says how near, never that it is true.
package caption

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"coverslip/models"
)

// Limits of a bank: more is a data set, not a bank, and would take hours to embed
// on a processor.
const (
	MaxCaptions = 200_000
	MaxText     = 2000     // characters of one caption
	maxBytes    = 64 << 20 // of the file
)

// ErrEmpty: the bank has no caption.
var ErrEmpty = errors.New("the caption bank is empty")

// Caption is a sentence somebody wrote.
type Caption struct {
	Text     string
	Source   string   // where it comes from, "" when not stated
	Topic    string   // what it is about in a word or two, "" when not stated
	Stain    string   // of the section: "H&E", "PAS" …; "" when not stated
	Terms    []string // what the sentence speaks of
	Synonyms []string // other words for the terms
	Shows    string   // what of a generated slide the sentence is true of; see tools/starter
}

// Bank is captions in the order of the file, each text once.
type Bank struct {
	Name     string
	Hash     string // sha256 of texts and sources, hex
	Captions []Caption
}

// Read reads a bank: a CSV file with a header that names a column "caption" or
// "text" (and perhaps "source", "topic", "stain", "terms" and "synonyms", the
// last two lists with commas or semicolons between), or plain text, a caption a line, empty lines
// and lines that begin with # left out. name is for the error and the results.
func Read(r io.Reader, name string) (*Bank, error) {
	in := bufio.NewReader(&io.LimitedReader{R: r, N: maxBytes + 1})
	b := &Bank{Name: name}
	head, err := in.Peek(4096)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("caption: %s: %w", name, err)
	}
	if len(head) >= 3 && string(head[:3]) == "\ufeff" {
		if _, err := in.Discard(3); err != nil {
			return nil, fmt.Errorf("caption: %s: %w", name, err)
		}
		head = head[3:]
	}
	first, _, _ := strings.Cut(string(head), "\n")
	if column(strings.FieldsFunc(first, func(r rune) bool { return r == ',' || r == ';' || r == '\t' })) >= 0 {
		err = b.csv(in, separator(first))
	} else {
		err = b.lines(in)
	}
	if err != nil {
		return nil, fmt.Errorf("caption: %s: %w", name, err)
	}
	if len(b.Captions) == 0 {
		return nil, fmt.Errorf("caption: %s: %w", name, ErrEmpty)
	}
	b.sum()
	return b, nil
}

// sum fills in the hash.
func (b *Bank) sum() {
	h := sha256.New()
	for _, c := range b.Captions {
		fmt.Fprintf(h, "%d %s %d %s\n", len(c.Text), c.Text, len(c.Source), c.Source)
	}
	b.Hash = hex.EncodeToString(h.Sum(nil))
}

func separator(head string) rune {
	for _, r := range "\t;" {
		if strings.ContainsRune(head, r) {
			return r
		}
	}
	return ','
}

// column finds the texts among the names of a header.
func column(names []string) int {
	return slices.IndexFunc(names, func(s string) bool {
		s = strings.ToLower(strings.Trim(strings.TrimSpace(s), `"`))
		return s == "caption" || s == "text"
	})
}

// cellsBy gives the function that finds a row's cell by the name of its column,
// "" when there is none.
func cellsBy(head []string) func(row []string, name string) string {
	at := map[string]int{}
	for i, h := range head {
		at[strings.ToLower(strings.TrimSpace(h))] = i
	}
	return func(row []string, name string) string {
		i, ok := at[name]
		if !ok || i >= len(row) {
			return ""
		}
		return strings.TrimSpace(row[i])
	}
}

// list takes a cell with several words apart.
func list(cell string) []string {
	var all []string
	for _, s := range strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' }) {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			all = append(all, s)
		}
	}
	return all
}

func (b *Bank) csv(in io.Reader, comma rune) error {
	r := csv.NewReader(in)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = comma, -1, true
	head, err := r.Read()
	if err != nil {
		return err
	}
	text := column(head)
	if text < 0 {
		return fmt.Errorf("no column caption or text")
	}
	cell := cellsBy(head)
	seen := map[string]bool{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if text >= len(row) {
			continue
		}
		c := Caption{Text: row[text], Source: cell(row, "source"), Topic: cell(row, "topic"), Stain: cell(row, "stain"), Shows: cell(row, "shows"),
			Terms: list(cell(row, "terms")), Synonyms: list(cell(row, "synonyms"))}
		if err := b.add(c, seen); err != nil {
			line, _ := r.FieldPos(text)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (b *Bank) lines(in io.Reader) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	seen := map[string]bool{}
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := b.add(Caption{Text: line}, seen); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s.Err()
}

func (b *Bank) add(c Caption, seen map[string]bool) error {
	c.Text = strings.Join(strings.Fields(c.Text), " ")
	switch {
	case c.Text == "" || seen[c.Text]:
		return nil
	case !utf8.ValidString(c.Text):
		return errors.New("the text is not UTF-8")
	case strings.ContainsRune(c.Text, 0):
		return errors.New("not a text")
	case utf8.RuneCountInString(c.Text) > MaxText:
		return fmt.Errorf("a caption of more than %d characters", MaxText)
	case len(b.Captions) >= MaxCaptions:
		return fmt.Errorf("more than %d captions", MaxCaptions)
	}
	seen[c.Text] = true
	b.Captions = append(b.Captions, c)
	return nil
}

// Index is a bank with its vectors.
type Index struct {
	Bank    *Bank
	Text    models.TextInfo
	vectors [][]float32
}

// chunk is how many captions are embedded at once.
const chunk = 64

// NewIndex embeds a bank. progress, which may be nil, is told how many are done.
func NewIndex(ctx context.Context, enc models.TextEncoder, b *Bank, progress func(done, total int)) (*Index, error) {
	x := &Index{Bank: b, Text: enc.TextInfo()}
	for at := 0; at < len(b.Captions); at += chunk {
		end := min(at+chunk, len(b.Captions))
		texts := make([]string, 0, chunk)
		for _, c := range b.Captions[at:end] {
			texts = append(texts, c.Text)
		}
		v, err := enc.EncodeText(ctx, texts)
		if err != nil {
			return nil, fmt.Errorf("caption: %s: %w", b.Name, err)
		}
		if len(v) != len(texts) {
			return nil, fmt.Errorf("caption: %s: %d vectors for %d captions", b.Name, len(v), len(texts))
		}
		x.vectors = append(x.vectors, v...)
		if progress != nil {
			progress(end, len(b.Captions))
		}
	}
	return x, nil
}

// Match is a caption near a patch.
type Match struct {
	Caption
	Index      int     // in the bank
	Similarity float64 // cosine
	Lead       float64 // how much nearer it is than the middle one of the bank: near nothing means nothing
}

// Nearest gives the k captions nearest to a patch's embedding, nearest first;
// ties go to the first in the bank. An encoder of another space gives an error.
func (x *Index) Nearest(info models.EncoderInfo, v []float32, k int) ([]Match, error) {
	if info.Pair == "" || info.Pair != x.Text.Pair || len(v) != x.Text.Dim {
		return nil, fmt.Errorf("caption: pictures of %s and texts of %s are not of one model", info.Name, x.Text.Name)
	}
	all := make([]Match, len(x.vectors))
	for i, w := range x.vectors {
		all[i] = Match{Caption: x.Bank.Captions[i], Index: i, Similarity: float64(models.Dot(v, w))}
	}
	slices.SortStableFunc(all, func(a, b Match) int {
		switch {
		case a.Similarity > b.Similarity:
			return -1
		case a.Similarity < b.Similarity:
			return 1
		}
		return 0
	})
	middle := all[len(all)/2].Similarity
	for i := range all {
		all[i].Lead = all[i].Similarity - middle
	}
	return all[:max(0, min(k, len(all)))], nil
}
