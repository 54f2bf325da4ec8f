package storage

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/crypto/argon2"
)

// Role is what a person may do in a project. Whoever can write the project's
// file can do everything: roles guide colleagues, they stop no thief.
type Role uint8

// The roles; each may do what those before it may. The numbers are on the disk.
const (
	Annotator     Role = 1 // draws and changes labels
	Reviewer      Role = 2 // decides about suggestions of others, signs as a reviewer
	Administrator Role = 3 // keeps the list of people
)

// String is the role's name for people.
func (r Role) String() string {
	switch r {
	case Annotator:
		return "annotator"
	case Reviewer:
		return "reviewer"
	case Administrator:
		return "administrator"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	for _, r := range []Role{Annotator, Reviewer, Administrator} {
		if strings.EqualFold(s, r.String()) {
			return r, nil
		}
	}
	return 0, fmt.Errorf("role %q: there are annotator, reviewer and administrator", s)
}

// User is the profile of a person who works in the project.
type User struct {
	ID      annotate.ID
	Name    string // as it is printed beside a signature
	Role    Role
	Created time.Time // UTC
	Retired bool      // works here no more; what was done stays theirs
	Secret  *Secret   // nil: no passphrase, and no signing
}

// Secret is a person's key for signing, closed by a passphrase. The passphrase
// itself is nowhere.
type Secret struct {
	Salt    []byte
	Time    uint32 // passes of argon2id
	Memory  uint32 // KiB
	Threads uint8
	Wrapped []byte // nonce and AES-256-GCM of the Ed25519 seed
	Public  ed25519.PublicKey
}

// Costs of argon2id: the second recommendation of RFC 9106, section 4. The
// limits are for what a strange file asks for.
const (
	argonTime    = 3
	argonMemory  = 64 << 10
	argonThreads = 4

	argonMostTime   = 64
	argonMostMemory = 1 << 20
)

// MinPassphrase is the least length of a passphrase in characters.
const MinPassphrase = 8

// NewSecret makes a key for signing and closes it with the passphrase. It takes
// a noticeable part of a second, as every try of a thief does.
func NewSecret(passphrase string) (*Secret, error) {
	if len([]rune(passphrase)) < MinPassphrase {
		return nil, ErrShortPassphrase
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("storage: key: %w", err)
	}
	return wrapKey(private, public, passphrase)
}

func wrapKey(private ed25519.PrivateKey, public ed25519.PublicKey, passphrase string) (*Secret, error) {
	s := &Secret{Salt: make([]byte, 16), Time: argonTime, Memory: argonMemory, Threads: argonThreads, Public: public}
	rand.Read(s.Salt) // crypto/rand.Read never fails since Go 1.24
	box, err := s.box(passphrase)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce)
	s.Wrapped = box.Seal(nonce, nonce, private.Seed(), s.Public)
	return s, nil
}

func (s *Secret) box(passphrase string) (cipher.AEAD, error) {
	if s.Time < 1 || s.Time > argonMostTime || s.Memory < 8 || s.Memory > argonMostMemory || s.Threads < 1 {
		return nil, broken("the costs of a passphrase are not believable")
	}
	block, err := aes.NewCipher(argon2.IDKey([]byte(passphrase), s.Salt, s.Time, s.Memory, s.Threads, 32))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Open gives the key for signing; ErrPassphrase for a wrong passphrase.
func (s *Secret) Open(passphrase string) (ed25519.PrivateKey, error) {
	box, err := s.box(passphrase)
	if err != nil {
		return nil, err
	}
	n := box.NonceSize()
	if len(s.Wrapped) < n {
		return nil, broken("a key is too short")
	}
	seed, err := box.Open(nil, s.Wrapped[:n], s.Wrapped[n:], s.Public)
	if err != nil {
		return nil, ErrPassphrase
	}
	if len(seed) != ed25519.SeedSize {
		return nil, broken("a key has %d bytes", len(seed))
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Rewrap closes the same key with another passphrase.
func (s *Secret) Rewrap(old, passphrase string) (*Secret, error) {
	if len([]rune(passphrase)) < MinPassphrase {
		return nil, ErrShortPassphrase
	}
	key, err := s.Open(old)
	if err != nil {
		return nil, err
	}
	return wrapKey(key, s.Public, passphrase)
}

type userV1 struct {
	Name    string  `cbor:"1,keyasint"`
	Role    uint8   `cbor:"2,keyasint"`
	Created instant `cbor:"3,keyasint,omitempty"`
	Retired bool    `cbor:"4,keyasint,omitempty"`
	Salt    []byte  `cbor:"5,keyasint,omitempty"`
	Time    uint32  `cbor:"6,keyasint,omitempty"`
	Memory  uint32  `cbor:"7,keyasint,omitempty"`
	Threads uint8   `cbor:"8,keyasint,omitempty"`
	Wrapped []byte  `cbor:"9,keyasint,omitempty"`
	Public  []byte  `cbor:"10,keyasint,omitempty"`
}

func (c *codec) user(u User) ([]byte, error) {
	v := userV1{Name: u.Name, Role: uint8(u.Role), Created: toInstant(u.Created), Retired: u.Retired}
	if s := u.Secret; s != nil {
		v.Salt, v.Time, v.Memory, v.Threads, v.Wrapped, v.Public = s.Salt, s.Time, s.Memory, s.Threads, s.Wrapped, s.Public
	}
	return c.enc.Marshal(v)
}

func parseUser(c *codec, k, value []byte) (User, error) {
	id, err := toID(k)
	if err != nil {
		return User{}, &DamageError{What: "the list of profiles", Err: err}
	}
	fail := func(err error) (User, error) { return User{}, &DamageError{What: "profile " + id.String(), Err: err} }
	_, _, body, err := unseal(k, value)
	if err != nil {
		return fail(err)
	}
	var v userV1
	if err := c.dec.Unmarshal(body, &v); err != nil {
		return fail(err)
	}
	u := User{ID: id, Name: v.Name, Role: Role(v.Role), Retired: v.Retired}
	if u.Created, err = v.Created.time(); err != nil {
		return fail(err)
	}
	if len(v.Wrapped) > 0 {
		if len(v.Public) != ed25519.PublicKeySize {
			return fail(errors.New("the public key has a wrong length"))
		}
		u.Secret = &Secret{v.Salt, v.Time, v.Memory, v.Threads, v.Wrapped, v.Public}
	}
	return u, nil
}

// Users lists the profiles in the order they were made, retired ones included.
func (p *Project) Users() ([]User, error) {
	var out []User
	err := p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketUsers)
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			u, err := parseUser(p.codec, k, v)
			out = append(out, u)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("storage: profiles: %w", err)
	}
	return out, nil
}

// PutUser makes or replaces a profile; what it was before stays in the history.
// A name that another one carries gives ErrNameTaken: signatures are printed
// with it.
func (p *Project) PutUser(u User, by Stamp) error {
	fail := func(err error) error { return fmt.Errorf("storage: profile %q: %w", u.Name, err) }
	u.Name = strings.TrimSpace(u.Name)
	if u.ID.IsZero() || u.Name == "" || u.Role < Annotator || u.Role > Administrator {
		return fail(errors.New("it needs an identity, a name and a role"))
	}
	err := p.update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketUsers)
		label := "Add profile " + u.Name
		err := b.ForEach(func(k, v []byte) error {
			other, err := parseUser(p.codec, k, v)
			if err != nil {
				return err
			}
			if other.ID == u.ID {
				label = changeWords(other, u)
			} else if strings.EqualFold(other.Name, u.Name) {
				return ErrNameTaken
			}
			return nil
		})
		if err != nil {
			return err
		}
		t, err := p.begin(tx, by)
		if err != nil {
			return err
		}
		body, err := p.codec.user(u)
		if err != nil {
			return err
		}
		if err := t.put(b, changeUser, u.ID, body); err != nil {
			return err
		}
		t.record.Op, t.record.Label = OpUser, label
		return t.finish()
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// changeWords say in the edit log what of a profile was changed.
func changeWords(was, now User) string {
	switch {
	case now.Retired && !was.Retired:
		return "Retire " + now.Name
	case was.Retired && !now.Retired:
		return "Take " + now.Name + " back as " + now.Role.String()
	case was.Role != now.Role:
		return "Make " + now.Name + " " + now.Role.String()
	case was.Secret == nil && now.Secret != nil:
		return "Set the passphrase of " + now.Name
	case was.Secret != nil && now.Secret != nil && !bytes.Equal(was.Secret.Wrapped, now.Secret.Wrapped):
		return "Change the passphrase of " + now.Name
	}
	return "Change profile " + now.Name
}
