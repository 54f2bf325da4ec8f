package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/storage"
)

// annotationsEditVerb edits by script: a line of JSON in, a line of JSON out.
func annotationsEditVerb() verb {
	return verb{
		name: "annotations edit", args: "[FILE]", max: 1,
		short: "edit the labels of a slide by a script of JSON lines",
		long: "Each line of FILE (or of standard input) is one edit; when its answer is printed, it is on the disk:\n" +
			"  {\"do\":\"draw\",\"class\":\"Tumour\",\"rect\":[x0,y0,x1,y1]} or \"ring\":[[x,y],…]; the answer names the object\n" +
			"  {\"do\":\"move\",\"id\":…,\"rect\":[…]}  {\"do\":\"class\",\"id\":…,\"class\":…}\n" +
			"  {\"do\":\"delete\",\"id\":…,\"reason\":…}  {\"do\":\"undelete\",\"id\":…}  {\"do\":\"undo\"}  {\"do\":\"redo\"}  {\"do\":\"backup\"}\n" +
			"Positions are level-0 pixels. The slide's file need not be there.",
		example: "coverslipctl annotations edit --project colon.coverslip --slide a.svs edits.jsonl",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p := declareProject(f, true)
			return func(c *call) error {
				var in io.Reader = os.Stdin
				if len(c.args) == 1 {
					file, err := os.Open(c.args[0])
					if err != nil {
						return aboutFile("file", c.args[0], err)
					}
					defer file.Close()
					in = file
				}
				return p.with(false, func(s *app.Session) error {
					slide, err := p.one(s)
					if err != nil {
						return err
					}
					return script(c, s, slide.ID, in)
				})
			}
		},
	}
}

// editLine is one line of the script.
type editLine struct {
	Do     string       `json:"do"`
	ID     *annotate.ID `json:"id"`
	Class  string       `json:"class"`
	Rect   *[4]float64  `json:"rect"`
	Ring   [][2]float64 `json:"ring"`
	Reason string       `json:"reason"`
}

// editAnswer is one line of the answer.
type editAnswer struct {
	Line int    `json:"line"`
	Do   string `json:"do"`
	ID   string `json:"id,omitempty"`
	Did  string `json:"did,omitempty"` // what an undo or redo did
}

// maxEditLine bounds a line of the script.
const maxEditLine = 64 << 20

func script(c *call, s *app.Session, slide annotate.ID, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxEditLine)
	for n := 1; lines.Scan(); n++ {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		var line editLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return wrongUsage("line %d: %v", n, err)
		}
		answer := editAnswer{Line: n, Do: line.Do}
		if err := line.run(s, slide, &answer); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := c.printLine(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (l editLine) roi() (annotate.ROI, error) {
	switch {
	case l.Rect != nil:
		return annotate.Rectangle(l.Rect[0], l.Rect[1], l.Rect[2], l.Rect[3]), nil
	case len(l.Ring) > 0:
		ring := make(annotate.Ring, len(l.Ring))
		for i, p := range l.Ring {
			ring[i] = annotate.Point{X: p[0], Y: p[1]}
		}
		return annotate.Area(ring), nil
	}
	return annotate.ROI{}, wrongUsage("%s needs rect or ring", l.Do)
}

// run does the line.
func (l editLine) run(s *app.Session, slide annotate.ID, answer *editAnswer) error {
	var class annotate.ID
	if l.Class != "" {
		var err error
		if class, err = classNamed(s.Palette(), l.Class); err != nil {
			return err
		}
	}
	if l.ID != nil {
		answer.ID = l.ID.String()
	} else if l.Do == "move" || l.Do == "class" || l.Do == "delete" || l.Do == "undelete" {
		return wrongUsage("%s needs id", l.Do)
	}
	switch l.Do {
	case "draw":
		roi, err := l.roi()
		if err != nil {
			return err
		}
		id, err := s.DrawOn(slide, roi, class)
		answer.ID = id.String()
		return err
	case "move":
		roi, err := l.roi()
		if err != nil {
			return err
		}
		set, err := s.Objects(slide)
		if err != nil {
			return err
		}
		o := set.Get(*l.ID)
		if o == nil {
			return fmt.Errorf("object %s: %w", l.ID, app.ErrNoObject)
		}
		return s.Move(o, roi)
	case "class":
		return s.SetClass([]annotate.ID{*l.ID}, class)
	case "delete":
		return s.DeleteBecause([]annotate.ID{*l.ID}, l.Reason)
	case "undelete":
		return s.Undelete(slide, []annotate.ID{*l.ID}, l.Reason)
	case "undo", "redo":
		turn := s.UndoOn
		if l.Do == "redo" {
			turn = s.RedoOn
		}
		did, err := turn(slide)
		if errors.Is(err, storage.ErrNothingToUndo) || errors.Is(err, storage.ErrNothingToRedo) {
			return nil
		}
		answer.Did = did
		return err
	case "backup":
		path, err := s.BackUpNow()
		answer.Did = path
		return err
	}
	return wrongUsage("there is no edit %q", l.Do)
}
