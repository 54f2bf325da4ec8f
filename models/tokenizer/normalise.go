package tokenizer

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// isSpace is Unicode's White_Space.
func isSpace(r rune) bool { return unicode.Is(unicode.White_Space, r) }

// lower lower-cases letter by letter, as Rust does: no letter looks at its
// neighbours, and İ becomes two.
func lower(s string) string {
	ascii := true
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r == 'İ' {
			b.WriteString("i̇")
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// without drops the letters of a class.
func without(s string, class func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if class(r) {
			return -1
		}
		return r
	}, s)
}

// normaliser makes the step that a node of tokenizer.json describes.
func normaliser(n *node) (step, error) {
	if n == nil {
		return func(s string) string { return s }, nil
	}
	switch n.Type {
	case "Sequence":
		var steps []step
		for i := range n.Normalizers {
			f, err := normaliser(&n.Normalizers[i])
			if err != nil {
				return nil, err
			}
			steps = append(steps, f)
		}
		return func(s string) string {
			for _, f := range steps {
				s = f(s)
			}
			return s
		}, nil
	case "NFC":
		return norm.NFC.String, nil
	case "NFD":
		return norm.NFD.String, nil
	case "NFKC":
		return norm.NFKC.String, nil
	case "NFKD":
		return norm.NFKD.String, nil
	case "Lowercase":
		return lower, nil
	case "StripAccents":
		return func(s string) string { return without(s, func(r rune) bool { return unicode.Is(unicode.M, r) }) }, nil
	case "Strip":
		return func(s string) string {
			if n.StripLeft {
				s = strings.TrimLeftFunc(s, isSpace)
			}
			if n.StripRight {
				s = strings.TrimRightFunc(s, isSpace)
			}
			return s
		}, nil
	case "Prepend":
		return func(s string) string {
			if s == "" {
				return s
			}
			return n.Prepend + s
		}, nil
	case "Replace":
		return replacer(n)
	case "Precompiled":
		m, err := newCharsmap(n.Charsmap)
		if err != nil {
			return nil, err
		}
		return m.apply, nil
	case "BertNormalizer":
		return bertNormaliser(n), nil
	}
	return nil, unsupported("the normalisation %q is not known", n.Type)
}

func replacer(n *node) (step, error) {
	if n.Pattern.Regex == `\s+` {
		return func(s string) string { return collapse(s, n.Content) }, nil
	}
	if n.Pattern.Regex != "" {
		re, err := regexp.Compile(n.Pattern.Regex)
		if err != nil {
			return nil, unsupported("the pattern %q is not known", n.Pattern.Regex)
		}
		return func(s string) string { return re.ReplaceAllLiteralString(s, n.Content) }, nil
	}
	return func(s string) string {
		if n.Pattern.String == "" {
			return s
		}
		return strings.ReplaceAll(s, n.Pattern.String, n.Content)
	}, nil
}

// collapse puts one text in place of every run of white space.
func collapse(s, with string) string {
	var b strings.Builder
	run := false
	for _, r := range s {
		if isSpace(r) {
			if !run {
				b.WriteString(with)
			}
			run = true
			continue
		}
		run = false
		b.WriteRune(r)
	}
	return b.String()
}

// bertNormaliser is BertNormalizer of the library tokenizers.
func bertNormaliser(n *node) step {
	strip := n.Lowercase
	if n.StripAccents != nil {
		strip = *n.StripAccents
	}
	return func(s string) string {
		if n.CleanText {
			s = strings.Map(cleanRune, s)
		}
		if n.Chinese {
			s = spaceChinese(s)
		}
		if strip {
			s = without(norm.NFD.String(s), func(r rune) bool { return unicode.Is(unicode.Mn, r) })
		}
		if n.Lowercase {
			s = lower(s)
		}
		return s
	}
}

func cleanRune(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ' '
	case r == 0 || r == 0xfffd || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return -1
	case isSpace(r):
		return ' '
	}
	return r
}

// spaceChinese puts spaces around ideographs, each of which is a word.
func spaceChinese(s string) string {
	var b strings.Builder
	for _, r := range s {
		if chinese(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func chinese(r rune) bool {
	for _, block := range [...][2]rune{{0x4e00, 0x9fff}, {0x3400, 0x4dbf}, {0x20000, 0x2a6df}, {0x2a700, 0x2b73f},
		{0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0xf900, 0xfaff}, {0x2f800, 0x2fa1f}} {
		if block[0] <= r && r <= block[1] {
			return true
		}
	}
	return false
}
