package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Patterns that tokenizers write out, and that are done by hand here.
const (
	patternCLIP  = `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`
	patternCLIP2 = `<\|startoftext\|>|<\|endoftext\|>|` + patternCLIP
	patternGPT2  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
)

// splitting makes the splitter that a node of tokenizer.json describes. The
// second result says whether words are written as bytes.
func splitting(n *node) (splitter, bool, error) {
	whole := func(s string, yield func(string)) { yield(s) }
	if n == nil {
		return whole, false, nil
	}
	switch n.Type {
	case "Sequence":
		return sequence(n.PreTokenizers)
	case "ByteLevel":
		split := whole
		if n.UseRegex == nil || *n.UseRegex {
			split = splitGPT2
		}
		return func(s string, yield func(string)) {
			if n.PrefixSpace && !strings.HasPrefix(s, " ") {
				s = " " + s
			}
			split(s, yield)
		}, true, nil
	case "Split":
		if p := n.Pattern.Regex; (p == patternCLIP || p == patternCLIP2) && (n.Behavior == "Removed" && n.Invert || n.Behavior == "Isolated" && !n.Invert) {
			return splitCLIP, false, nil
		} else if p == patternGPT2 {
			return splitGPT2, false, nil
		}
		return nil, false, unsupported("the split at %q is not known", n.Pattern.Regex+n.Pattern.String)
	case "Metaspace":
		split, err := metaspace(n)
		return split, false, err
	case "BertPreTokenizer":
		return splitBERT, false, nil
	case "WhitespaceSplit":
		return splitSpace, false, nil
	case "Whitespace":
		return splitWords, false, nil
	}
	return nil, false, unsupported("the split %q is not known", n.Type)
}

func sequence(list []node) (splitter, bool, error) {
	all := func(s string, yield func(string)) { yield(s) }
	bytes := false
	for i := range list {
		next, b, err := splitting(&list[i])
		if err != nil {
			return nil, false, err
		}
		before := all
		all = func(s string, yield func(string)) {
			before(s, func(part string) { next(part, yield) })
		}
		bytes = bytes || b
	}
	return all, bytes, nil
}

// Classes of letters in the patterns.
const (
	space = iota
	letter
	digit
	other
)

func classOf(r rune) int {
	switch {
	case isSpace(r):
		return space
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return digit
	}
	return other
}

// run is the length of the run of one class at the beginning of s.
func run(s string, class int) int {
	n := 0
	for n < len(s) {
		r, w := utf8.DecodeRuneInString(s[n:])
		if classOf(r) != class {
			break
		}
		n += w
	}
	return n
}

// contraction is the length of an English contraction at the beginning of s.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) >= 3 && (s[1:3] == "re" || s[1:3] == "ve" || s[1:3] == "ll") {
		return 3
	}
	return 0
}

// splitCLIP is patternCLIP: letters together, digits one by one, no spaces.
func splitCLIP(s string, yield func(string)) {
	for len(s) > 0 {
		n := contraction(s)
		if n == 0 {
			r, w := utf8.DecodeRuneInString(s)
			switch class := classOf(r); class {
			case space:
				s = s[w:]
				continue
			case digit:
				n = w
			default:
				n = run(s, class)
			}
		}
		yield(s[:n])
		s = s[n:]
	}
}

// splitGPT2 is patternGPT2: a word keeps the space before it, and of a run of
// white space the last one belongs to what follows.
func splitGPT2(s string, yield func(string)) {
	for len(s) > 0 {
		n := contraction(s)
		if n == 0 {
			n = wordGPT2(s)
		}
		yield(s[:n])
		s = s[n:]
	}
}

func wordGPT2(s string) int {
	lead := 0
	if s[0] == ' ' && len(s) > 1 {
		lead = 1
	}
	r, _ := utf8.DecodeRuneInString(s[lead:])
	if class := classOf(r); class != space {
		return lead + run(s[lead:], class)
	}
	n := run(s, space)
	if n < len(s) {
		if _, w := utf8.DecodeLastRuneInString(s[:n]); n > w {
			n -= w
		}
	}
	return n
}

// punctuation is what BERT makes a word of its own.
func punctuation(r rune) bool {
	return r < 0x80 && (r >= 33 && r <= 47 || r >= 58 && r <= 64 || r >= 91 && r <= 96 || r >= 123 && r <= 126) || unicode.IsPunct(r)
}

func splitBERT(s string, yield func(string)) {
	start := -1
	for i, r := range s {
		if !isSpace(r) && !punctuation(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			yield(s[start:i])
			start = -1
		}
		if !isSpace(r) {
			yield(s[i : i+utf8.RuneLen(r)])
		}
	}
	if start >= 0 {
		yield(s[start:])
	}
}

func splitSpace(s string, yield func(string)) {
	for _, part := range strings.FieldsFunc(s, isSpace) {
		yield(part)
	}
}

// inWord is \w of the library's patterns.
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.M, r) || unicode.Is(unicode.Pc, r)
}

// splitWords is \w+|[^\w\s]+.
func splitWords(s string, yield func(string)) {
	for len(s) > 0 {
		r, w := utf8.DecodeRuneInString(s)
		if isSpace(r) {
			s = s[w:]
			continue
		}
		n, word := w, inWord(r)
		for n < len(s) {
			r, w := utf8.DecodeRuneInString(s[n:])
			if isSpace(r) || inWord(r) != word {
				break
			}
			n += w
		}
		yield(s[:n])
		s = s[n:]
	}
}

func wordBefore(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && inWord(r)
}

func wordAfter(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && inWord(r)
}
