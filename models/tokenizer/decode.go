package tokenizer

import (
	"strings"
)

// Decoder turns numbers back into text. It is safe for concurrent use.
type Decoder struct {
	entries map[int64]string
	special map[int64]bool
	bytes   map[rune]byte // how byte pairs are written; nil = not as bytes
	suffix  string        // ends a word
	prefix  string        // begins a piece that is no beginning of a word; "" = there is none
	space   string        // begins a word (SentencePiece); "" = there is none
}

// Decoder prepares the way back. Entries that stand for no text, such as those
// that begin and end it, are left out of every text.
func (t *Tokenizer) Decoder() *Decoder {
	d := &Decoder{entries: make(map[int64]string, len(t.vocab)), special: map[int64]bool{}}
	for text, id := range t.vocab {
		d.entries[int64(id)] = text
	}
	for _, list := range [][]special{t.raw, t.cooked} {
		for _, s := range list {
			d.special[int64(s.id)] = true
		}
	}
	for _, list := range [][]int32{t.before, t.after} {
		for _, id := range list {
			d.special[int64(id)] = true
		}
	}
	for _, name := range []string{"<|endoftext|>", "<|startoftext|>", "[CLS]", "[SEP]", "[PAD]"} {
		if id, ok := t.vocab[name]; ok {
			d.special[int64(id)] = true
		}
	}
	switch m := t.model.(type) {
	case *bytePairs:
		d.suffix = m.suffix
		if m.bytes {
			d.bytes = map[rune]byte{}
			for b, s := range byteSymbols() {
				for _, r := range s {
					d.bytes[r] = byte(b)
				}
			}
		}
	case *wordPieces:
		d.prefix = m.prefix
	default:
		d.space = "▁"
	}
	return d
}

// Decode is the text of numbers; those that are none of the tokenizer's, and
// bytes that are no text, are left out.
func (d *Decoder) Decode(ids []int64) string {
	var b strings.Builder
	for i, id := range ids {
		entry, ok := d.entries[id]
		if !ok || d.special[id] {
			continue
		}
		switch {
		case d.prefix != "":
			rest, inside := strings.CutPrefix(entry, d.prefix)
			if !inside && b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(rest)
		case d.suffix != "":
			word, ended := strings.CutSuffix(entry, d.suffix)
			b.WriteString(word)
			if ended && i+1 < len(ids) {
				b.WriteByte(' ')
			}
		default:
			b.WriteString(entry)
		}
	}
	text := b.String()
	if d.bytes != nil {
		text = d.unwritten(text)
	}
	if d.space != "" {
		text = strings.TrimPrefix(strings.ReplaceAll(text, d.space, " "), " ")
	}
	if d.prefix != "" {
		text = tidy(text)
	}
	return strings.ToValidUTF8(text, "")
}

// unwritten makes bytes of the letters that stand for them.
func (d *Decoder) unwritten(text string) string {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if b, ok := d.bytes[r]; ok {
			out = append(out, b)
		} else {
			out = append(out, string(r)...) // the space after a word
		}
	}
	return string(out)
}

// tidy takes away the spaces before punctuation that word pieces leave, as
// transformers' clean_up_tokenization does.
func tidy(text string) string {
	return strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't", " 'm", "'m", " 's", "'s", " 've", "'ve", " 're", "'re").Replace(text)
}
