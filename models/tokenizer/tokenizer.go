package tokenizer

import (
	"fmt"
	"slices"
	"strings"

	"coverslip/models"
)

// Tokenizer turns texts into numbers. It is safe for concurrent use.
type Tokenizer struct {
	kind      string // for people
	vocab     map[string]int32
	raw       []special // found in the text as it is
	cooked    []special // found after normalisation
	normalise step
	split     splitter
	model     interface {
		encode(word string, out []int32) []int32
	}
	before []int32 // numbers that begin every text
	after  []int32 // and end it
	bytes  bool    // words are written as bytes before they are looked up
}

// step changes a text.
type step func(string) string

// splitter cuts a text into words.
type splitter func(s string, yield func(string))

// special is a text that stands for one number.
type special struct {
	text        string
	id          int32
	left, right bool // takes the white space beside it
	word        bool // only as a whole word
}

// Kind names the tokenizer for people: "byte pairs, 49408 entries".
func (t *Tokenizer) Kind() string { return t.kind }

// Size is the number of entries.
func (t *Tokenizer) Size() int { return len(t.vocab) }

// Largest is the largest number of an entry.
func (t *Tokenizer) Largest() int64 {
	largest := int32(-1)
	for _, id := range t.vocab {
		largest = max(largest, id)
	}
	return int64(largest)
}

// ID finds the number of an entry.
func (t *Tokenizer) ID(entry string) (int64, bool) {
	id, ok := t.vocab[entry]
	return int64(id), ok
}

// Encode gives the numbers of a text with those that begin and end it, at most
// most of them: what is longer is cut before the end.
func (t *Tokenizer) Encode(text string, most int) []int64 {
	room := max(most-len(t.before)-len(t.after), 0)
	ids := t.words(text)
	out := make([]int64, 0, len(ids)+len(t.before)+len(t.after))
	for _, list := range [][]int32{t.before, ids[:min(len(ids), room)], t.after} {
		for _, id := range list {
			out = append(out, int64(id))
		}
	}
	return out[:min(len(out), max(most, 0))]
}

// words gives the numbers of a text alone.
func (t *Tokenizer) words(text string) []int32 {
	var out []int32
	cut(text, t.raw, func(part string, id int32) {
		if id >= 0 {
			out = append(out, id)
			return
		}
		cut(t.normalise(part), t.cooked, func(part string, id int32) {
			if id >= 0 {
				out = append(out, id)
				return
			}
			t.split(part, func(word string) { out = t.model.encode(word, out) })
		})
	})
	return out
}

// cut looks for special texts, the leftmost first and of those the longest,
// and yields what is between them with id −1.
func cut(text string, list []special, yield func(part string, id int32)) {
	for len(list) > 0 && text != "" {
		at, best := -1, special{}
		for _, s := range list {
			if i := find(text, s); i >= 0 && (at < 0 || i < at || i == at && len(s.text) > len(best.text)) {
				at, best = i, s
			}
		}
		if at < 0 {
			break
		}
		front, rest := text[:at], text[at+len(best.text):]
		if best.left {
			front = strings.TrimRightFunc(front, isSpace)
		}
		if best.right {
			rest = strings.TrimLeftFunc(rest, isSpace)
		}
		if front != "" {
			yield(front, -1)
		}
		yield("", best.id)
		text = rest
	}
	if text != "" {
		yield(text, -1)
	}
}

// find gives the place of a special text, −1 when it is not there.
func find(text string, s special) int {
	for from := 0; s.text != ""; {
		i := strings.Index(text[from:], s.text)
		if i < 0 {
			return -1
		}
		i += from
		if !s.word || !wordBefore(text[:i]) && !wordAfter(text[i+len(s.text):]) {
			return i
		}
		from = i + len(s.text)
	}
	return -1
}

func unsupported(format string, args ...any) error {
	return &models.UnsupportedError{File: "tokenizer", What: fmt.Sprintf(format, args...)}
}

func wrong(format string, args ...any) error {
	return &models.FormatError{File: "tokenizer", What: fmt.Sprintf(format, args...)}
}

// sortSpecials puts longer texts first, so that ties are found the same way
// whatever the order in the file.
func sortSpecials(list []special) {
	slices.SortStableFunc(list, func(a, b special) int { return len(b.text) - len(a.text) })
}
