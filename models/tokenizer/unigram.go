package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// vocabulary is the list of entries of tokenizer.json: an object of numbers, or,
// of Unigram, a list of pairs of entry and score.
type vocabulary struct {
	ids    map[string]int32
	scores []float64 // logarithms of probabilities by number; nil when there are none
	names  []string
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *vocabulary) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		return json.Unmarshal(b, &v.ids)
	}
	var list []pairOf
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	v.ids, v.scores = make(map[string]int32, len(list)), make([]float64, 0, len(list))
	for i, p := range list {
		v.ids[p.text] = int32(i) // of equal ones the last counts, as in the library tokenizers
		v.scores, v.names = append(v.scores, p.score), append(v.names, p.text)
	}
	return nil
}

// pairOf is ["entry", score].
type pairOf struct {
	text  string
	score float64
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *pairOf) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 2 {
		return wrong("%d parts where an entry and its score are wanted", len(parts))
	}
	if err := json.Unmarshal(parts[0], &p.text); err != nil {
		return err
	}
	return json.Unmarshal(parts[1], &p.score)
}

// unigram cuts a word into the entries that are most probable together (Kudo
// 2018, Subword Regularization, section 3.1), found by Viterbi's algorithm as
// the library tokenizers does: by bytes from left to right, and of equal sums
// the one found first.
type unigram struct {
	ids      map[string]int32
	scores   []float64
	longest  int   // bytes of an entry
	unknown  int32 // −1 = there is none
	unkScore float64
	bytes    *[256]int32 // entries of single bytes, for what no other holds; nil = the unknown one is taken
}

// penalty is how much less probable an unknown letter is than the least probable
// entry (kUnkPenalty of SentencePiece).
const penalty = 10

func newUnigram(v vocabulary, unknown *int32, bytes bool) (*unigram, error) {
	u := &unigram{ids: make(map[string]int32, len(v.names)), scores: v.scores, unknown: -1}
	if len(v.scores) == 0 {
		return nil, wrong("its entries have no scores")
	}
	if unknown != nil {
		if *unknown < 0 || int(*unknown) >= len(v.scores) {
			return nil, wrong("the unknown entry has the number %d of %d", *unknown, len(v.scores))
		}
		u.unknown = *unknown
	}
	least := math.Inf(1)
	for i, text := range v.names {
		if s := v.scores[i]; math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, wrong("the entry %q has the score %v", text, s)
		}
		least = min(least, v.scores[i])
		u.ids[text], u.longest = int32(i), max(u.longest, len(text)) // words added later are none of the model's
	}
	u.unkScore = least - penalty
	if bytes {
		u.bytes = new([256]int32)
		for b := range u.bytes {
			id, ok := v.ids[fmt.Sprintf("<0x%02X>", b)]
			if !ok {
				u.bytes = nil
				break
			}
			u.bytes[b] = id
		}
	}
	return u, nil
}

// ending is the best way to a place of a word.
type ending struct {
	score float64
	from  int   // −1 = none was found yet
	id    int32 // of the entry that ends there
}

func (u *unigram) encode(word string, out []int32) []int32 {
	best := make([]ending, len(word)+1)
	for i := range best {
		best[i].from = -1
	}
	better := func(to, from int, id int32, score float64) {
		if score += best[from].score; best[to].from < 0 || score > best[to].score {
			best[to] = ending{score, from, id}
		}
	}
	for at := 0; at < len(word); {
		_, letter := utf8.DecodeRuneInString(word[at:])
		single := false
		for to := at + 1; to <= min(len(word), at+u.longest); to++ {
			if id, ok := u.ids[word[at:to]]; ok {
				better(to, at, id, u.scores[id])
				single = single || to-at == letter
			}
		}
		if !single {
			better(at+letter, at, -1, u.unkScore)
		}
		at += letter
	}
	return u.collect(word, best, out)
}

// collect walks the best way back. Unknown letters in a row are one.
func (u *unigram) collect(word string, best []ending, out []int32) []int32 {
	type span struct {
		from, to int
		id       int32
	}
	var way []span
	for to := len(word); to > 0; to = best[to].from {
		s := span{best[to].from, to, best[to].id}
		if s.id == u.unknown {
			s.id = -1 // written out in the text, it is what it is called: unknown
		}
		if n := len(way); s.id < 0 && n > 0 && way[n-1].id < 0 {
			way[n-1].from = s.from
			continue
		}
		way = append(way, s)
	}
	for i := len(way) - 1; i >= 0; i-- {
		s := way[i]
		if s.id >= 0 {
			out = append(out, s.id)
			continue
		}
		if id, ok := u.ids[word[s.from:s.to]]; ok {
			out = append(out, id)
			continue
		}
		switch {
		case u.bytes != nil:
			for k := s.from; k < s.to; k++ {
				out = append(out, u.bytes[word[k]])
			}
		case u.unknown >= 0:
			out = append(out, u.unknown)
		}
	}
	return out
}

// metaspace makes words begin with a visible sign for the space before them.
func metaspace(n *node) (splitter, error) {
	sign := n.Replacement
	if utf8.RuneCountInString(sign) != 1 {
		return nil, unsupported("the sign %q for a space is not known", sign)
	}
	scheme := n.Scheme
	if scheme == "" {
		scheme = map[bool]string{true: "always", false: "never"}[n.PrefixSpace]
	}
	switch scheme {
	case "always", "never":
	case "first": // differs from "always" only behind special words within a text
		scheme = "always"
	default:
		return nil, unsupported("the sign for a space is put in front %q", scheme)
	}
	split := n.NoSplit == nil || *n.NoSplit
	return func(s string, yield func(string)) {
		s = strings.ReplaceAll(s, " ", sign)
		if scheme == "always" && !strings.HasPrefix(s, sign) {
			s = sign + s
		}
		if !split {
			yield(s)
			return
		}
		for s != "" {
			begin := 0 // the sign belongs to what comes behind it
			if strings.HasPrefix(s, sign) {
				begin = len(sign)
			}
			end := strings.Index(s[begin:], sign)
			if end < 0 {
				yield(s)
				return
			}
			yield(s[:begin+end])
			s = s[begin+end:]
		}
	}, nil
}
