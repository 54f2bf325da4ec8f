package storage

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// Signature is a person's word about the labels of a slide as they were at that
// moment: Ed25519 over the record.
type Signature struct {
	ID          annotate.ID
	Slide       annotate.ID
	Fingerprint string      // of the slide's file
	User        annotate.ID // the profile
	Name        string      // of the person, as printed
	Role        Role
	Meaning     string // "I drew these labels", "reviewed", …
	At          time.Time
	Commit      uint64   // the last one before
	Chain       [32]byte // hash of that commit's audit record
	Objects     int      // labels that were signed
	Digest      [32]byte // of all of them
	Public      ed25519.PublicKey
	Mark        []byte // the signature itself

	Problem string // why it is not good; "" when it is
	Current bool   // the labels are still those that were signed
}

type signatureV1 struct {
	Slide       []byte  `cbor:"1,keyasint"`
	Fingerprint string  `cbor:"2,keyasint,omitempty"`
	User        []byte  `cbor:"3,keyasint"`
	Name        string  `cbor:"4,keyasint"`
	Role        uint8   `cbor:"5,keyasint"`
	Meaning     string  `cbor:"6,keyasint"`
	At          instant `cbor:"7,keyasint"`
	Zone        int     `cbor:"8,keyasint,omitempty"` // seconds east of UTC
	Commit      uint64  `cbor:"9,keyasint"`
	Chain       []byte  `cbor:"10,keyasint"`
	Objects     int     `cbor:"11,keyasint,omitempty"`
	Digest      []byte  `cbor:"12,keyasint"`
	Public      []byte  `cbor:"13,keyasint"`
	Project     []byte  `cbor:"14,keyasint"`
	Mark        []byte  `cbor:"15,keyasint,omitempty"` // over the record without it
}

// labelsDigest is SHA-256 over identifier and content of every object of a
// slide, in the order of the identifiers. Versions do not count: an undone edit
// leaves the labels as they were.
func labelsDigest(tx *bolt.Tx, slide annotate.ID) (sum [32]byte, n int, err error) {
	h := sha256.New()
	if b := tx.Bucket(bucketObjects).Bucket(slide[:]); b != nil {
		err = b.ForEach(func(k, v []byte) error {
			_, _, body, err := unseal(k, v)
			if err != nil {
				return &DamageError{What: fmt.Sprintf("object %x", k), Err: err}
			}
			one := sha256.Sum256(body)
			h.Write(k)
			h.Write(one[:])
			n++
			return nil
		})
	}
	h.Sum(sum[:0])
	return sum, n, err
}

// Sign writes down that the person stands for the labels of the slide, with a
// meaning in words. key is that of the person's profile, see Secret.Open.
func (p *Project) Sign(slide annotate.ID, user annotate.ID, key ed25519.PrivateKey, meaning string, by Stamp) (Signature, error) {
	var s Signature
	err := p.update(func(tx *bolt.Tx) error {
		at := tx.Bucket(bucketSlides).Get(slide[:])
		if at == nil {
			return ErrUnknownSlide
		}
		sl, err := parseSlide(p.codec, slide[:], at)
		if err != nil {
			return err
		}
		value := tx.Bucket(bucketUsers).Get(user[:])
		if value == nil {
			return ErrUnknownUser
		}
		u, err := parseUser(p.codec, user[:], value)
		if err != nil {
			return err
		}
		if u.Secret == nil || u.Retired || !bytes.Equal(u.Secret.Public, key.Public().(ed25519.PublicKey)) {
			return ErrPassphrase
		}
		t, err := p.begin(tx, by)
		if err != nil {
			return err
		}
		digest, n, err := labelsDigest(tx, slide)
		if err != nil {
			return err
		}
		s = Signature{ID: annotate.NewID(), Slide: slide, Fingerprint: sl.Fingerprint, User: user, Name: u.Name, Role: u.Role,
			Meaning: meaning, At: by.At, Commit: t.seq - 1, Chain: t.record.Prev, Objects: n, Digest: digest,
			Public: u.Secret.Public, Current: true}
		plain, err := p.codec.enc.Marshal(s.v1(p.head.UUID))
		if err != nil {
			return err
		}
		s.Mark = ed25519.Sign(key, plain)
		body, err := p.codec.enc.Marshal(s.v1(p.head.UUID))
		if err != nil {
			return err
		}
		if err := t.put(tx.Bucket(bucketSignatures), changeSignature, s.ID, body); err != nil {
			return err
		}
		t.record.Op, t.record.Slide, t.record.Label, t.record.Reason = OpSign, slide, "Sign labels", meaning
		return t.finish()
	})
	if err != nil {
		return Signature{}, fmt.Errorf("storage: sign: %w", err)
	}
	return s, nil
}

func (s Signature) v1(project annotate.ID) signatureV1 {
	_, zone := s.At.Zone()
	return signatureV1{s.Slide[:], s.Fingerprint, s.User[:], s.Name, uint8(s.Role), s.Meaning, toInstant(s.At), zone,
		s.Commit, s.Chain[:], s.Objects, s.Digest[:], s.Public, project[:], s.Mark}
}

func readSignature(c *codec, k, value []byte) (Signature, error) {
	id, err := toID(k)
	if err != nil {
		return Signature{}, err
	}
	_, _, body, err := unseal(k, value)
	if err != nil {
		return Signature{}, err
	}
	var v signatureV1
	if err := c.dec.Unmarshal(body, &v); err != nil {
		return Signature{}, err
	}
	s := Signature{ID: id, Fingerprint: v.Fingerprint, Name: v.Name, Role: Role(v.Role), Meaning: v.Meaning,
		Commit: v.Commit, Objects: v.Objects, Public: v.Public, Mark: v.Mark}
	if s.At, err = v.At.time(); err != nil {
		return s, err
	}
	s.At = s.At.In(time.FixedZone("", v.Zone))
	if s.Slide, err = toID(v.Slide); err != nil {
		return s, err
	}
	if s.User, err = toID(v.User); err != nil {
		return s, err
	}
	if copy(s.Chain[:], v.Chain) != 32 || copy(s.Digest[:], v.Digest) != 32 || len(s.Public) != ed25519.PublicKeySize {
		return s, errors.New("fields are damaged")
	}
	return s, nil
}

// Signatures lists the signatures of a slide, oldest first, each with what is
// wrong with it, and whether the labels are still those that were signed. With
// the zero ID it lists those of all slides.
func (p *Project) Signatures(slide annotate.ID) ([]Signature, error) {
	var out []Signature
	err := p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketSignatures)
		if b == nil {
			return nil
		}
		digests := map[annotate.ID][32]byte{}
		return b.ForEach(func(k, v []byte) error {
			s, err := readSignature(p.codec, k, v)
			if err != nil {
				return &DamageError{What: fmt.Sprintf("signature %x", k), Err: err}
			}
			if !slide.IsZero() && s.Slide != slide {
				return nil
			}
			s.Problem = p.problemOf(tx, s)
			now, known := digests[s.Slide]
			if !known {
				if now, _, err = labelsDigest(tx, s.Slide); err != nil {
					return err
				}
				digests[s.Slide] = now
			}
			s.Current = s.Digest == now
			out = append(out, s)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("storage: signatures: %w", err)
	}
	return out, nil
}

// problemOf says why a signature is not good.
func (p *Project) problemOf(tx *bolt.Tx, s Signature) string {
	mark := s.Mark
	s.Mark = nil
	plain, err := p.codec.enc.Marshal(s.v1(p.head.UUID))
	if err != nil {
		return err.Error()
	}
	if !ed25519.Verify(s.Public, plain, mark) {
		return "the record is not what was signed"
	}
	r, err := getAudit(tx, p.codec, s.Commit)
	if err != nil || r.Hash != s.Chain {
		return "the edit log before it was changed"
	}
	value := tx.Bucket(bucketUsers).Get(s.User[:])
	if value == nil {
		return "the person has no profile"
	}
	if !ownKey(tx, p.codec, s.User, s.Public) {
		return "the key is not that of the person"
	}
	return ""
}

// ownKey tells whether the key is, or once was, that of the person.
func ownKey(tx *bolt.Tx, c *codec, user annotate.ID, public ed25519.PublicKey) bool {
	has := func(v []byte) bool {
		u, err := parseUser(c, user[:], v)
		return err == nil && u.Secret != nil && bytes.Equal(u.Secret.Public, public)
	}
	if has(tx.Bucket(bucketUsers).Get(user[:])) {
		return true
	}
	cur := tx.Bucket(bucketHistory).Cursor()
	for k, v := cur.Seek(user[:]); bytes.HasPrefix(k, user[:]); k, v = cur.Next() {
		if has(v) {
			return true
		}
	}
	return false
}
