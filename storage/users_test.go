package storage

import (
	"errors"
	"testing"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

func TestSecret(t *testing.T) {
	if _, err := NewSecret("short"); !errors.Is(err, ErrShortPassphrase) {
		t.Error(err)
	}
	s, err := NewSecret("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Open("correct horse")
	if err != nil || !s.Public.Equal(key.Public()) {
		t.Fatal(err)
	}
	if _, err := s.Open("correct horsf"); !errors.Is(err, ErrPassphrase) {
		t.Error("a wrong passphrase:", err)
	}
	other, err := s.Rewrap("correct horse", "battery staple")
	if err != nil || !other.Public.Equal(s.Public) {
		t.Fatal(err)
	}
	if again, err := other.Open("battery staple"); err != nil || !again.Equal(key) {
		t.Error("another key under the new passphrase:", err)
	}
	greedy := *s
	greedy.Memory = 1 << 31
	if _, err := greedy.Open("correct horse"); err == nil {
		t.Error("2 TiB were asked for and tried")
	}
}

func TestProject_Sign(t *testing.T) {
	p, slide := newProject(t)
	a := square(1, 1)
	commit(t, p, annotate.Add(slide, "Draw", a))
	secret, err := NewSecret("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	u := User{ID: annotate.NewID(), Name: "Dr Ada", Role: Reviewer, Created: testStamp.At.UTC(), Secret: secret}
	if err := p.PutUser(u, testStamp); err != nil {
		t.Fatal(err)
	}
	if err := p.PutUser(User{ID: annotate.NewID(), Name: "dr ada", Role: Annotator}, testStamp); !errors.Is(err, ErrNameTaken) {
		t.Error("two of a name:", err)
	}
	key, err := secret.Open("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sign(slide, u.ID, key, "reviewed", testStamp); err != nil {
		t.Fatal(err)
	}
	state := func(problem string, current bool) {
		t.Helper()
		list, err := p.Signatures(slide)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if s := list[0]; s.Problem != problem || s.Current != current || s.Name != "Dr Ada" || s.Meaning != "reviewed" || s.Objects != 1 {
			t.Errorf("%+v", s)
		}
	}
	state("", true)
	commit(t, p, annotate.Remove(slide, "remove", a))
	state("", false)
	if _, err := p.Undo(slide, testStamp); err != nil {
		t.Fatal(err)
	}
	state("", true)
	p.Close()
	p = mustOpen(t, p.Dir())
	state("", true)
	if err := p.Check(); err != nil {
		t.Error(err)
	}

	forged(t, p, slide)
	if _, err := p.Sign(slide, annotate.NewID(), key, "x", testStamp); !errors.Is(err, ErrUnknownUser) {
		t.Error(err)
	}
}

// forged changes one field after another of the one signature and makes the
// checksum fit: each must be noticed.
func forged(t *testing.T, p *Project, slide annotate.ID) {
	t.Helper()
	forge := func(f func(*Signature)) {
		p.txid = 0 // as if the project were opened anew
		err := p.db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketSignatures)
			k, v := b.Cursor().First()
			s, err := readSignature(p.codec, k, v)
			if err != nil {
				return err
			}
			f(&s)
			body, err := p.codec.enc.Marshal(s.v1(p.head.UUID))
			if err != nil {
				return err
			}
			return b.Put(append([]byte(nil), k...), seal(k, formatV1, 5, body))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]func(*Signature){
		"time": func(s *Signature) { s.At = s.At.Add(time.Hour) }, "objects": func(s *Signature) { s.Digest[3]++ },
		"name": func(s *Signature) { s.Name = "Dr Eve" }, "mark": func(s *Signature) { s.Mark[7]++ },
		"chain": func(s *Signature) { s.Chain[0]++ },
	} {
		var before Signature
		forge(func(s *Signature) { before = *s; before.Mark = append([]byte(nil), s.Mark...); f(s) })
		list, err := p.Signatures(slide)
		if err != nil || list[0].Problem == "" {
			t.Errorf("a forged %s is not noticed: %v", name, err)
		}
		forge(func(s *Signature) { *s = before })
	}
	p.txid = 0
}
