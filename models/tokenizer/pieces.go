package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// bytePairs joins pairs of symbols, the most frequent of training first.
type bytePairs struct {
	vocab    map[string]int32
	ranks    map[[2]int32]ranked
	suffix   string // of the last symbol of a word
	prefix   string // of all symbols but the first
	unknown  int32  // −1 = left out
	fuse     bool   // several unknown symbols in a row are one
	whole    bool   // a word that is an entry is not taken apart
	bytes    bool
	symbols  [256]string // how bytes are written
	mu       sync.Mutex  // protects cache
	cache    map[string][]int32
	maxCache int
}

type ranked struct {
	rank   int
	joined int32
}

// byteSymbols writes every byte as a visible letter, as GPT-2's encoder does.
func byteSymbols() (out [256]string) {
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae) {
			r = next
			next++
		}
		out[b] = string(r)
	}
	return out
}

const longestCached = 64 // bytes of a word

func (m *bytePairs) encode(word string, out []int32) []int32 {
	if word == "" {
		return out
	}
	if len(word) > longestCached {
		return append(out, m.join(word)...)
	}
	m.mu.Lock()
	ids, ok := m.cache[word]
	m.mu.Unlock()
	if !ok {
		ids = m.join(word)
		m.mu.Lock()
		if len(m.cache) < m.maxCache {
			m.cache[word] = ids
		}
		m.mu.Unlock()
	}
	return append(out, ids...)
}

// spell gives the symbols of a word.
func (m *bytePairs) spell(word string) []string {
	var list []string
	if m.bytes {
		for i := range len(word) {
			list = append(list, m.symbols[word[i]])
		}
	} else {
		for _, r := range word {
			list = append(list, string(r))
		}
	}
	for i := range list {
		if i > 0 {
			list[i] = m.prefix + list[i]
		}
	}
	list[len(list)-1] += m.suffix
	return list
}

// join is the training's joins done again, lowest rank first; of equal ones
// the leftmost.
func (m *bytePairs) join(word string) []int32 {
	list := m.spell(word)
	if m.whole {
		all := ""
		for _, s := range list {
			all += s
		}
		if id, ok := m.vocab[all]; ok {
			return []int32{id}
		}
	}
	var ids []int32
	gap := false
	for _, s := range list {
		id, ok := m.vocab[s]
		if !ok {
			if m.unknown >= 0 && !(gap && m.fuse) {
				ids = append(ids, m.unknown)
			}
			gap = true
			continue
		}
		ids, gap = append(ids, id), false
	}
	for len(ids) > 1 {
		best, at := ranked{rank: -1}, -1
		for i := range len(ids) - 1 {
			if r, ok := m.ranks[[2]int32{ids[i], ids[i+1]}]; ok && (at < 0 || r.rank < best.rank) {
				best, at = r, i
			}
		}
		if at < 0 {
			break
		}
		a, b, n := ids[at], ids[at+1], 0
		for i := 0; i < len(ids); i++ {
			if i+1 < len(ids) && ids[i] == a && ids[i+1] == b {
				ids[n] = best.joined
				i++
			} else {
				ids[n] = ids[i]
			}
			n++
		}
		ids = ids[:n]
	}
	return ids
}

// wordPieces takes the longest entry at every place of a word.
type wordPieces struct {
	vocab   map[string]int32
	prefix  string // of all pieces but the first
	unknown int32
	longest int // letters of a word that is looked at
}

func (m *wordPieces) encode(word string, out []int32) []int32 {
	if utf8.RuneCountInString(word) > m.longest {
		return append(out, m.unknown)
	}
	start := len(out)
	for i := 0; i < len(word); {
		found := false
		for j := len(word); j > i; {
			piece := word[i:j]
			if i > 0 {
				piece = m.prefix + piece
			}
			if id, ok := m.vocab[piece]; ok {
				out, i, found = append(out, id), j, true
				break
			}
			_, n := utf8.DecodeLastRuneInString(word[i:j])
			j -= n
		}
		if !found {
			return append(out[:start], m.unknown)
		}
	}
	return out
}
