package mirax

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"coverslip/tiles"
)

// Limits of Slidedat.ini; real ones have some thousand keys in 200 kB.
const (
	maxIniBytes = 4 << 20
	maxIniKeys  = 1 << 16
)

// ini is the values of a settings file by section and key.
type ini struct {
	sections map[string]map[string]string
	keys     int
	odd      int // lines that are neither section, key nor comment
}

// parseIni reads a settings file as scanners write it: UTF-8 with or without a
// byte order mark, UTF-16, or bytes of an old Windows code page, which are taken
// as Latin-1: nothing that is computed with has other than ASCII characters. The
// last of equal keys counts, sections of one name are one. Lines that mean
// nothing are counted.
func parseIni(data []byte) (*ini, error) {
	if len(data) > maxIniBytes {
		return nil, bad("%s has %d bytes, more than %d", settingsName, len(data), maxIniBytes)
	}
	f := &ini{sections: map[string]map[string]string{}}
	var section map[string]string
	for text := decodeText(data); text != ""; {
		var line string
		if i := strings.IndexAny(text, "\r\n"); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			line, text = text, ""
		}
		line = strings.TrimSpace(line)
		key, value, pair := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		switch {
		case line == "", line[0] == '#', line[0] == ';':
		case line[0] == '[' && line[len(line)-1] == ']':
			name := line[1 : len(line)-1]
			if section = f.sections[name]; section == nil {
				section = map[string]string{}
				f.sections[name] = section
			}
			f.keys++
		case pair && key == "": // written by real scanners: a value without a key
		case pair && section != nil:
			section[key] = strings.TrimSpace(value)
			f.keys++
		default:
			f.odd++
		}
		if f.keys > maxIniKeys {
			return nil, bad("%s has more than %d keys", settingsName, maxIniKeys)
		}
	}
	return f, nil
}

// decodeText turns the bytes of a text file into UTF-8.
func decodeText(b []byte) string {
	switch {
	case len(b) >= 3 && string(b[:3]) == "\xef\xbb\xbf":
		b = b[3:]
	case len(b) >= 2 && b[0] == 0xff && b[1] == 0xfe:
		return decodeUTF16(b[2:], binary.LittleEndian)
	case len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff:
		return decodeUTF16(b[2:], binary.BigEndian)
	case len(b) >= 2 && b[0] != 0 && b[1] == 0:
		return decodeUTF16(b, binary.LittleEndian)
	case len(b) >= 2 && b[0] == 0 && b[1] != 0:
		return decodeUTF16(b, binary.BigEndian)
	}
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b) + len(b)/8)
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

func decodeUTF16(b []byte, order binary.ByteOrder) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

// has says whether there is a section of that name.
func (f *ini) has(section string) bool { return f.sections[section] != nil }

// get is a value, "" when it is absent.
func (f *ini) get(section, key string) string { return f.sections[section][key] }

// text is a value that must be there.
func (f *ini) text(section, key string) (string, error) {
	v, ok := f.sections[section][key]
	if !ok || v == "" {
		if !f.has(section) {
			return "", bad("%s has no section [%s]", settingsName, section)
		}
		return "", bad("%s: [%s] does not say %s", settingsName, section, key)
	}
	return v, nil
}

// number is a number that must be there and lie in [low, high].
func (f *ini) number(section, key string, low, high float64) (float64, error) {
	s, err := f.text(section, key)
	if err != nil {
		return 0, err
	}
	v, ok := tiles.ParseNumber(s)
	if !ok {
		return 0, bad("%s: [%s] %s=%.40q is no number", settingsName, section, key, s)
	}
	if v < low || v > high {
		return 0, bad("%s: [%s] %s=%.40s must lie between %g and %g", settingsName, section, key, s, low, high)
	}
	return v, nil
}

// integer is a whole number that must be there and lie in [low, high].
func (f *ini) integer(section, key string, low, high int) (int, error) {
	v, err := f.number(section, key, float64(low), float64(high))
	if err != nil {
		return 0, err
	}
	if v != float64(int(v)) {
		return 0, bad("%s: [%s] %s=%v is no whole number", settingsName, section, key, v)
	}
	return int(v), nil
}

// properties are all values under the names that OpenSlide gives them.
func (f *ini) properties() map[string]string {
	out := make(map[string]string, f.keys)
	for name, section := range f.sections {
		for k, v := range section {
			out["mirax."+name+"."+k] = v
		}
	}
	return out
}

func bad(format string, args ...any) error {
	return &tiles.FormatError{Format: name, What: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &tiles.UnsupportedError{Format: name, What: fmt.Sprintf(format, args...)}
}
