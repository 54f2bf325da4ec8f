package app

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// At knowing who works.
var (
	// ErrSessionLocked: the person locked the session; Unlock goes on with it.
	ErrSessionLocked = errors.New("the session is locked")
	// ErrNotAllowed: the person's role does not allow it.
	ErrNotAllowed = errors.New("your role in this project does not allow it")
	// ErrNoProfile: nobody has signed in.
	ErrNoProfile = errors.New("nobody has signed in")
	// ErrLastAdministrator: a project with profiles needs an administrator.
	ErrLastAdministrator = errors.New("a project needs one administrator")
)

// MinPassphrase is the least length of a passphrase in characters.
const MinPassphrase = storage.MinPassphrase

// people is who works in a session.
type people struct {
	mu     sync.Mutex // protects what follows
	me     *storage.User
	locked bool
}

// Meanings are what a person may state with a signature; those after the first
// need a reviewer.
func Meanings() []string {
	return []string{"I made these labels", "I reviewed these labels", "I approve these labels"}
}

// Users lists the profiles of the project, retired ones included.
func (s *Session) Users() ([]storage.User, error) { return s.project.Users() }

// Me is the profile of who works now; false when nobody signed in.
func (s *Session) Me() (storage.User, bool) {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	if s.people.me == nil {
		return storage.User{}, false
	}
	return *s.people.me, true
}

// SignIn makes a profile the one who works. A profile with a passphrase needs it.
func (s *Session) SignIn(id annotate.ID, passphrase string) error {
	u, err := s.user(id)
	if err != nil {
		return err
	}
	if u.Retired {
		return fmt.Errorf("profile %s: %w", u.Name, storage.ErrUnknownUser)
	}
	if u.Secret != nil {
		if _, err := u.Secret.Open(passphrase); err != nil {
			return fmt.Errorf("profile %s: %w", u.Name, err)
		}
	}
	s.become(u)
	return nil
}

func (s *Session) become(u storage.User) {
	s.people.mu.Lock()
	s.people.me, s.people.locked = &u, false
	s.people.mu.Unlock()
	s.SetAuthor(u.Name)
}

func (s *Session) user(id annotate.ID) (storage.User, error) {
	all, err := s.project.Users()
	if err != nil {
		return storage.User{}, err
	}
	if i := slices.IndexFunc(all, func(u storage.User) bool { return u.ID == id }); i >= 0 {
		return all[i], nil
	}
	return storage.User{}, storage.ErrUnknownUser
}

// AddUser makes a profile. The first one of a project becomes its
// administrator. After that anybody may enter as an annotator, and an
// administrator may enter others with any role. passphrase "" makes a profile
// that cannot sign. It does not sign in.
func (s *Session) AddUser(name string, role storage.Role, passphrase string) (storage.User, error) {
	all, err := s.project.Users()
	if err != nil {
		return storage.User{}, err
	}
	me, _ := s.Me()
	switch {
	case len(all) == 0:
		role = storage.Administrator
	case role > storage.Annotator && me.Role < storage.Administrator:
		return storage.User{}, fmt.Errorf("a %s is entered by an administrator: %w", role, ErrNotAllowed)
	}
	u := storage.User{ID: annotate.NewID(), Name: strings.TrimSpace(name), Role: role, Created: time.Now().UTC()}
	if passphrase != "" {
		if u.Secret, err = storage.NewSecret(passphrase); err != nil {
			return u, err
		}
	}
	return u, s.project.PutUser(u, s.stamp())
}

// SetRole changes what a person may do, or retires the profile. Only an
// administrator may, and one has to be left.
func (s *Session) SetRole(id annotate.ID, role storage.Role, retired bool) error {
	if me, _ := s.Me(); me.Role < storage.Administrator {
		return ErrNotAllowed
	}
	all, err := s.project.Users()
	if err != nil {
		return err
	}
	left := 0
	var u *storage.User
	for i := range all {
		if all[i].ID == id {
			u = &all[i]
			u.Role, u.Retired = role, retired
		}
		if all[i].Role == storage.Administrator && !all[i].Retired {
			left++
		}
	}
	if u == nil {
		return storage.ErrUnknownUser
	}
	if left == 0 {
		return ErrLastAdministrator
	}
	if err := s.project.PutUser(*u, s.stamp()); err != nil {
		return err
	}
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	if s.people.me != nil && s.people.me.ID == id {
		s.people.me = u
	}
	return nil
}

// SetPassphrase gives the profile of who works a passphrase, or another one;
// old is "" when there was none. What was signed stays signed.
func (s *Session) SetPassphrase(old, passphrase string) error {
	me, ok := s.Me()
	if !ok {
		return ErrNoProfile
	}
	var err error
	if me.Secret == nil {
		me.Secret, err = storage.NewSecret(passphrase)
	} else {
		me.Secret, err = me.Secret.Rewrap(old, passphrase)
	}
	if err != nil {
		return err
	}
	if err := s.project.PutUser(me, s.stamp()); err != nil {
		return err
	}
	s.become(me)
	return nil
}

// Lock stops all changes until Unlock; the slide stays visible.
func (s *Session) Lock() {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	s.people.locked = true
}

// Locked tells whether Lock was called and Unlock was not.
func (s *Session) Locked() bool {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	return s.people.locked
}

// Unlock goes on with the session; a profile with a passphrase needs it.
func (s *Session) Unlock(passphrase string) error {
	me, ok := s.Me()
	if ok && me.Secret != nil {
		if _, err := me.Secret.Open(passphrase); err != nil {
			return err
		}
	}
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	s.people.locked = false
	return nil
}

// mayChange refuses what a locked session or the person's role does not allow:
// an annotator changes no annotation of somebody else.
func (s *Session) mayChange(e annotate.Edit) error {
	if s.Locked() {
		return ErrSessionLocked
	}
	if err := s.washedOut(); err != nil {
		return err
	}
	me, ok := s.Me()
	if !ok || me.Role > storage.Annotator {
		return nil
	}
	for _, c := range e.Changes {
		if b := c.Before; b != nil && b.Kind == annotate.Annotation && b.By.Author != "" && b.By.Author != me.Name {
			return fmt.Errorf("it is %s's: %w", b.By.Author, ErrNotAllowed)
		}
	}
	return nil
}

// Sign has the person who works stand for the labels of a slide. The passphrase
// is asked for each time. A meaning other than the first of Meanings needs a
// reviewer.
func (s *Session) Sign(slide annotate.ID, meaning, passphrase string) (storage.Signature, error) {
	me, ok := s.Me()
	switch {
	case !ok:
		return storage.Signature{}, ErrNoProfile
	case s.Locked():
		return storage.Signature{}, ErrSessionLocked
	case me.Secret == nil:
		return storage.Signature{}, fmt.Errorf("profile %s has no passphrase: %w", me.Name, ErrNoProfile)
	case meaning != Meanings()[0] && me.Role < storage.Reviewer:
		return storage.Signature{}, ErrNotAllowed
	}
	var key ed25519.PrivateKey
	key, err := me.Secret.Open(passphrase)
	if err != nil {
		return storage.Signature{}, err
	}
	s.door.Lock() // what is signed stands still
	defer s.door.Unlock()
	return s.project.Sign(slide, me.ID, key, meaning, s.stamp())
}

// Signatures lists the signatures of a slide, oldest first; with the zero ID
// those of all slides.
func (s *Session) Signatures(slide annotate.ID) ([]storage.Signature, error) {
	return s.project.Signatures(slide)
}

// SetRoleWords is SetRole by the role's name, or "retired".
func (s *Session) SetRoleWords(id annotate.ID, words string) error {
	if words == "retired" {
		u, err := s.user(id)
		if err != nil {
			return err
		}
		return s.SetRole(id, u.Role, true)
	}
	role, err := storage.ParseRole(words)
	if err != nil {
		return err
	}
	return s.SetRole(id, role, false)
}
