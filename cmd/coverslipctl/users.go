package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"coverslip/app"
	"coverslip/storage"
)

// words a passphrase may be made of; a longer line is no passphrase.
const maxPassphrase = 4096

// secrets reads passphrases, a line each, from standard input: on a command line
// everybody on the machine could read them.
type secrets struct {
	c     *call
	lines *bufio.Reader
}

func (c *call) secrets() *secrets {
	return &secrets{c, bufio.NewReader(io.LimitReader(os.Stdin, 4*maxPassphrase))}
}

// ask reads the next passphrase. At a terminal it says which, and nothing that is
// typed is shown.
func (s *secrets) ask(what string) (string, error) {
	if terminal(s.c.err) && terminal(os.Stdin) {
		fmt.Fprintf(s.c.err, "%s: ", what)
		show, err := hideTyping(os.Stdin)
		if err != nil {
			return "", wrongUsage("the passphrase is read from standard input, and this terminal would show it: coverslipctl … < FILE")
		}
		defer func() { show(); fmt.Fprintln(s.c.err) }()
	}
	line, err := s.lines.ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", wrongUsage("standard input holds no line for: %s", what)
	}
	return line, nil
}

// profile finds a person of the project by name, in any case.
func profile(s *app.Session, name string) (storage.User, error) {
	all, err := s.Users()
	if err != nil {
		return storage.User{}, err
	}
	var names []string
	for _, u := range all {
		if strings.EqualFold(u.Name, strings.TrimSpace(name)) {
			return u, nil
		}
		names = append(names, u.Name)
	}
	return storage.User{}, fmt.Errorf("%q: %w (there are: %s)", name, storage.ErrUnknownUser, strings.Join(names, ", "))
}

// person ends a verb with the profile of that name, as it is now.
func (c *call) person(s *app.Session, name string) error {
	u, err := profile(s, name)
	if err != nil {
		return err
	}
	return c.result(userOf(u), userOf(u).text)
}

// signIn makes a person who works in the session; the passphrase of a profile
// that has one is asked for, and answered.
func (x *secrets) signIn(s *app.Session, name string) (u storage.User, phrase string, err error) {
	if name == "" {
		return u, "", wrongUsage("--user NAME says who you are")
	}
	if u, err = profile(s, name); err != nil {
		return u, "", err
	}
	if u.Secret != nil {
		if phrase, err = x.ask("Passphrase of " + u.Name); err != nil {
			return u, "", err
		}
	}
	return u, phrase, s.SignIn(u.ID, phrase)
}

// userJSON is a profile as user list prints it. No secret is in it.
type userJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	Retired    bool      `json:"retired"`
	Passphrase bool      `json:"passphrase"`
	Created    time.Time `json:"created"`
	Public     string    `json:"publicKey,omitempty"` // Ed25519, hexadecimal
}

func userOf(u storage.User) userJSON {
	j := userJSON{ID: u.ID.String(), Name: u.Name, Role: u.Role.String(), Retired: u.Retired, Passphrase: u.Secret != nil, Created: u.Created}
	if u.Secret != nil {
		j.Public = fmt.Sprintf("%x", []byte(u.Secret.Public))
	}
	return j
}

func (j userJSON) text(w io.Writer) {
	state := "no passphrase"
	if j.Passphrase {
		state = "can sign"
	}
	if j.Retired {
		state = "retired"
	}
	fmt.Fprintf(w, "%-28s %-14s %-14s since %s\n", j.Name, j.Role, state, j.Created.Local().Format("2006-01-02"))
}

// userLong is what the verbs about people have in common.
const userLong = "Passphrases are read from standard input, a line each, never from the command line.\n" +
	"Roles guide colleagues: whoever can write the project's folder can change everything."

func userListVerb() verb {
	return verb{
		name:    "user list",
		short:   "list the people of a project",
		example: "coverslipctl user list --project colon.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			return func(c *call) error {
				return p.with(true, func(s *app.Session) error {
					all, err := s.Users()
					if err != nil {
						return err
					}
					list := []userJSON{}
					for _, u := range all {
						list = append(list, userOf(u))
					}
					return c.result(list, func(w io.Writer) {
						if len(list) == 0 {
							fmt.Fprintln(w, "nobody has a profile; coverslipctl user add makes one")
						}
						for _, j := range list {
							j.text(w)
						}
					})
				})
			}
		},
	}
}

func userAddVerb() verb {
	return verb{
		name: "user add", args: "NAME", min: 1, max: 1,
		short: "enter a person into a project",
		long: "The first person becomes the administrator. Others become annotators, unless an administrator\n" +
			"(--user) gives them another role. With --passphrase the new profile gets one, and can sign.\n" +
			"Order on standard input: the passphrase of --user, if that profile has one, then the new one.\n" + userLong,
		example: "coverslipctl user add --project colon.coverslip --user Ada --role reviewer --passphrase \"Bob Roe\" < phrases.txt",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			who := f.String("user", "", "`NAME` of the administrator who does it")
			role := f.String("role", "annotator", "annotator, reviewer or administrator")
			phrase := f.Bool("passphrase", false, "read a passphrase for the new profile")
			return func(c *call) error {
				r, err := storage.ParseRole(*role)
				if err != nil {
					return wrongUsage("--role is annotator, reviewer or administrator")
				}
				return p.with(false, func(s *app.Session) error {
					x, secret := c.secrets(), ""
					if *who != "" {
						if _, _, err := x.signIn(s, *who); err != nil {
							return err
						}
					}
					if *phrase {
						if secret, err = x.ask("New passphrase of " + c.args[0]); err != nil {
							return err
						}
						if secret == "" {
							return storage.ErrShortPassphrase
						}
					}
					u, err := s.AddUser(c.args[0], r, secret)
					if err != nil {
						return err
					}
					return c.person(s, u.Name)
				})
			}
		},
	}
}

func userRoleVerb() verb {
	return verb{
		name: "user role", args: "NAME ROLE", min: 2, max: 2,
		short:   "change what a person may do in a project, or retire the profile",
		long:    "ROLE is annotator, reviewer, administrator or retired. Only an administrator may, and one has\nto be left.\n" + userLong,
		example: "coverslipctl user role --project colon.coverslip --user Ada \"Bob Roe\" reviewer",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			who := f.String("user", "", "`NAME` of the administrator who does it")
			return func(c *call) error {
				if _, err := storage.ParseRole(c.args[1]); err != nil && c.args[1] != "retired" {
					return wrongUsage("ROLE is annotator, reviewer, administrator or retired")
				}
				return p.with(false, func(s *app.Session) error {
					if _, _, err := c.secrets().signIn(s, *who); err != nil {
						return err
					}
					u, err := profile(s, c.args[0])
					if err != nil {
						return err
					}
					if err := s.SetRoleWords(u.ID, strings.ToLower(c.args[1])); err != nil {
						return err
					}
					return c.person(s, u.Name)
				})
			}
		},
	}
}

func userPassphraseVerb() verb {
	return verb{
		name: "user passphrase", args: "NAME", min: 1, max: 1,
		short: "give a person's profile a passphrase, or another one",
		long: "Order on standard input: the passphrase of now, if there is one, then the new one of eight\n" +
			"characters or more. What was signed stays signed. Nobody can read a forgotten passphrase.\n" + userLong,
		example: "coverslipctl user passphrase --project colon.coverslip Ada < phrases.txt",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, false)
			return func(c *call) error {
				return p.with(false, func(s *app.Session) error {
					x := c.secrets()
					u, old, err := x.signIn(s, c.args[0])
					if err != nil {
						return err
					}
					phrase, err := x.ask("New passphrase of " + u.Name)
					if err != nil {
						return err
					}
					if err := s.SetPassphrase(old, phrase); err != nil {
						return err
					}
					return c.person(s, u.Name)
				})
			}
		},
	}
}
