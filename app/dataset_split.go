package app

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
)

// pseudonyms gives slides, patients and people the names they bear in an
// export. Without keep they are drawn from a secret of the project, so that
// two exports agree and nobody outside can try names until one fits.
type pseudonyms struct {
	key   []byte
	keep  bool
	roles map[string]string // by the true name of a person
}

// secretSetting holds the key of the project's pseudonyms, in hex.
const secretSetting = "export.secret"

// pseudonyms prepares the names of an export; the project's secret is made when
// first needed, which a read-only project does not allow.
func (s *Session) pseudonyms(keep bool) (pseudonyms, error) {
	n := pseudonyms{keep: keep, roles: map[string]string{}}
	if keep {
		return n, nil
	}
	if text, ok := s.project.Setting(secretSetting); ok {
		key, err := hex.DecodeString(text)
		if err != nil {
			return n, fmt.Errorf("setting %s: %w", secretSetting, err)
		}
		n.key = key
		return n, nil
	}
	n.key = make([]byte, 32)
	if _, err := rand.Read(n.key); err != nil {
		return n, err
	}
	if err := s.project.SetSetting(secretSetting, hex.EncodeToString(n.key)); err != nil {
		return n, fmt.Errorf("the first export keeps a secret in the project: %w", err)
	}
	return n, nil
}

// code is twelve hex digits for a name of some kind.
func (n pseudonyms) code(kind, name string) string {
	m := hmac.New(sha256.New, n.key)
	m.Write([]byte(kind + "\x00" + name))
	return hex.EncodeToString(m.Sum(nil))[:12]
}

// slide is the name of a slide in the dataset; it is safe as a file name.
func (n pseudonyms) slide(item SlideItem) string {
	if n.keep {
		stem := strings.TrimSuffix(item.Name, filepath.Ext(item.Name))
		return safeName(stem) + "-" + item.ID.String()[24:]
	}
	return "s-" + n.code("slide", item.Fingerprint+item.ID.String())
}

// patient is the name of a slide's patient in the dataset.
func (n pseudonyms) patient(item SlideItem) string {
	switch {
	case item.Patient == "":
		return "of-" + n.slide(item)
	case n.keep:
		return item.Patient
	}
	return "p-" + n.code("patient", item.Patient)
}

// site is the name of a site in the dataset.
func (n pseudonyms) site(name string) string {
	if n.keep || name == "" {
		return name
	}
	return "site-" + n.code("site", name)
}

// people gives every author a role code, in an order that tells nothing.
func (n pseudonyms) people(names map[string]bool) {
	var all []string
	for name := range names {
		if name != "" {
			all = append(all, name)
		}
	}
	sort.Slice(all, func(i, j int) bool { return n.code("person", all[i]) < n.code("person", all[j]) })
	for i, name := range all {
		n.roles[name] = fmt.Sprintf("annotator-%d", i+1)
	}
}

// person is the name of an author in the dataset.
func (n pseudonyms) person(name string) string {
	if n.keep || name == "" {
		return name
	}
	return n.roles[name]
}
