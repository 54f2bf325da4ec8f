package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"coverslip/app"
	"coverslip/storage"
)

// signatureJSON is a signature as labels verify prints it.
type signatureJSON struct {
	Slide   string    `json:"slide"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Meaning string    `json:"meaning"`
	At      time.Time `json:"at"`
	Objects int       `json:"labels"`
	Digest  string    `json:"digest"`
	Public  string    `json:"publicKey"`
	Mark    string    `json:"signature"`
	Good    bool      `json:"good"`    // the signature is the person's, over this record
	Current bool      `json:"current"` // and the labels are still those
	Problem string    `json:"problem"`
}

func signatureOf(g storage.Signature, slide string) signatureJSON {
	return signatureJSON{Slide: slide, Name: g.Name, Role: g.Role.String(), Meaning: g.Meaning, At: g.At, Objects: g.Objects,
		Digest: hex.EncodeToString(g.Digest[:]), Public: hex.EncodeToString(g.Public), Mark: hex.EncodeToString(g.Mark),
		Good: g.Problem == "", Current: g.Problem == "" && g.Current, Problem: g.Problem}
}

func (j signatureJSON) text(w io.Writer) {
	state := "good; the labels are still those that were signed"
	switch {
	case !j.Good:
		state = "NOT GOOD: " + j.Problem
	case !j.Current:
		state = "good; the labels were changed since"
	}
	fmt.Fprintf(w, "%s  %s, %s, %s: “%s”, %d label(s): %s\n", j.At.Format("2006-01-02 15:04:05 -07:00"), j.Slide, j.Name, j.Role, j.Meaning, j.Objects, state)
}

func labelsSignVerb() verb {
	return verb{
		name:  "labels sign",
		short: "sign the labels of a slide",
		long: "The person (--user) stands for the labels as they are now: Ed25519 over a record of them, of the\n" +
			"slide's file, the time and the meaning. The passphrase is read from standard input each time.\n" +
			"Meanings: " + strings.Join(app.Meanings(), "; ") + ". Those after the first need a reviewer.",
		example: "coverslipctl labels sign --project colon.coverslip --slide A12.svs --user Ada < phrase.txt",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			who := f.String("user", "", "`NAME` of the person who signs")
			meaning := f.String("meaning", app.Meanings()[0], "`WORDS` of the list above, or their first ones")
			return func(c *call) error {
				var what string
				for _, m := range app.Meanings() {
					if *meaning != "" && strings.HasPrefix(strings.ToLower(m), strings.ToLower(*meaning)) {
						what = m
						break
					}
				}
				if what == "" {
					return wrongUsage("--meaning is one of: %s", strings.Join(app.Meanings(), "; "))
				}
				return p.with(false, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					u, phrase, err := c.secrets().signIn(s, *who)
					if err != nil {
						return err
					}
					if u.Secret == nil {
						return fmt.Errorf("profile %s: %w", u.Name, app.ErrNoProfile)
					}
					g, err := s.Sign(item.ID, what, phrase)
					if err != nil {
						return err
					}
					j := signatureOf(g, item.Name)
					return c.result(j, j.text)
				})
			}
		},
	}
}

func labelsVerifyVerb() verb {
	return verb{
		name:  "labels verify",
		short: "verify the signatures of slides' labels",
		long: "Each signature is checked against the person's key, the edit log and the labels of now. The exit\n" +
			"code is 1 when one is not good, or, with --current, when labels were changed since the last one,\n" +
			"or a slide has none.",
		example: "coverslipctl labels verify --project colon.coverslip --slide A12.svs --current",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			current := f.Bool("current", false, "fail unless the last signature of each slide stands for the labels of now")
			return func(c *call) error {
				return p.with(true, func(s *app.Session) error {
					items, err := p.slides(s)
					if err != nil {
						return err
					}
					list, wrong := []signatureJSON{}, ""
					for _, item := range items {
						all, err := s.Signatures(item.ID)
						if err != nil {
							return err
						}
						if *current && (len(all) == 0 || !all[len(all)-1].Current) && wrong == "" {
							wrong = item.Name + ": no signature stands for the labels of now"
						}
						for _, g := range all {
							if g.Problem != "" {
								wrong = fmt.Sprintf("%s, signed by %s: %s", item.Name, g.Name, g.Problem)
							}
							list = append(list, signatureOf(g, item.Name))
						}
					}
					err = c.result(list, func(w io.Writer) {
						if len(list) == 0 {
							fmt.Fprintln(w, "no signatures")
						}
						for _, j := range list {
							j.text(w)
						}
					})
					if err == nil && wrong != "" {
						err = &app.Problem{Title: "Not all labels are signed as asked", Err: fmt.Errorf("%s", wrong),
							Hint: "Look at the changes in the edit log (coverslipctl audit export), then sign the labels again."}
					}
					return err
				})
			}
		},
	}
}
