package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"coverslip/storage"
)

// Names in the environment by which a program is told to look at a project, or
// to repair it, and to do nothing else: a damaged file can end the process that
// maps it, so that is never the one that a person waits for.
const (
	checkInside  = "COVERSLIP_CHECK_INSIDE"
	repairInside = "COVERSLIP_REPAIR_INSIDE"
)

// Inside tells whether the program was started to check or repair a project;
// main then calls ServeInside and ends.
func Inside(env func(string) string) bool { return env(checkInside) != "" || env(repairInside) != "" }

// ServeInside does what the program was started for and writes the result.
func ServeInside(env func(string) string, out io.Writer) int {
	answer := insideAnswer{}
	var err error
	if dir := env(checkInside); dir != "" {
		err = storage.CheckDir(dir)
	} else if program, perr := os.Executable(); perr != nil {
		err = perr
	} else {
		// A process of its own for each look at what came out, too.
		answer.Report, err = storage.Repair(env(repairInside), func(dir string) error { return CheckProject(context.Background(), program, dir) })
	}
	answer.Kind, answer.Text = kindOf(err)
	if json.NewEncoder(out).Encode(answer) != nil {
		return 1
	}
	return 0
}

// insideAnswer is what the child says.
type insideAnswer struct {
	Kind   string               `json:"kind"` // "" when all is well, else a kind of error
	Text   string               `json:"text"`
	Report storage.RepairReport `json:"report"`
}

// insideKinds are the errors that mean something to callers.
func insideKinds() map[string]error {
	return map[string]error{"locked": storage.ErrLocked, "none": storage.ErrNotProject, "newer": storage.ErrNewer, "network": storage.ErrNetworkDrive}
}

func kindOf(err error) (kind, text string) {
	if err == nil {
		return "", ""
	}
	var d *storage.DamageError
	if errors.As(err, &d) {
		return "damaged", err.Error()
	}
	for kind, target := range insideKinds() {
		if errors.Is(err, target) {
			return kind, err.Error()
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return "none", err.Error()
	}
	return "other", err.Error()
}

func (a insideAnswer) err(dir string) error {
	switch target := insideKinds()[a.Kind]; {
	case a.Kind == "":
		return nil
	case a.Kind == "damaged":
		return &relayed{a.Text, &storage.DamageError{Path: dir, What: a.Text}}
	case target != nil:
		return &relayed{a.Text, target}
	}
	return errors.New(a.Text)
}

// relayed is an error of the child: its words, which name all there is to name,
// and what it was.
type relayed struct {
	text string
	is   error
}

// Error is the words of the child.
func (r *relayed) Error() string { return r.text }

// Unwrap is what it was.
func (r *relayed) Unwrap() error { return r.is }

// CheckProject checks a whole project that nobody has open, in a child process of
// the program, whose main must ask Inside; with program "" in this process.
// Errors: *storage.DamageError, also when the child died of the file;
// storage.ErrLocked, ErrNotProject, ErrNewer.
func CheckProject(ctx context.Context, program, dir string) error {
	if program == "" {
		return storage.CheckDir(dir)
	}
	a, err := inside(ctx, program, checkInside, dir)
	if err != nil {
		return err
	}
	return a.err(dir)
}

// RepairProject brings a damaged project back, see storage.Repair, in a child
// process as CheckProject. The report is good with an error, too: it says what
// was tried. Cancelling leaves the project as it was.
func RepairProject(ctx context.Context, program, dir string) (storage.RepairReport, error) {
	if program == "" {
		return storage.Repair(dir, storage.CheckDir)
	}
	a, err := inside(ctx, program, repairInside, dir)
	if err != nil {
		return storage.RepairReport{}, err
	}
	return a.Report, a.err(dir)
}

func inside(ctx context.Context, program, name, dir string) (a insideAnswer, err error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), name+"="+dir)
	if name == checkInside {
		cmd.Env = append(cmd.Env, repairInside+"=")
	}
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &a)
	}
	if err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return a, &storage.DamageError{Path: dir, What: "reading it ended the process that read it", Err: fmt.Errorf("%w: %s", err, line)}
	}
	return a, nil
}

// Damaged is the folder of the project that an error says is damaged.
func Damaged(err error) (dir string, ok bool) {
	var f *FileError
	var d *storage.DamageError
	if !errors.As(err, &d) || !errors.As(err, &f) || f.What != "project" {
		return "", false
	}
	return wholePath(f.Path), true
}

// RepairWords say to a person what a repair did: a sentence each.
func RepairWords(r storage.RepairReport) []string {
	if r.Damage == "" {
		return []string{"Nothing is damaged."}
	}
	how := map[string]string{
		"older meta page": "The last state that was written is damaged: the one before it was taken, and the journal gave what came after.",
		"history":         "Single values were damaged: the same versions were taken from the history, the journal or a backup.",
		"journal":         "The file could not be used: the project was made again from its journal, edit by edit.",
		"backup":          "File and journal could not be used: the newest sound backup was taken, and the journal gave what it could.",
	}[r.By]
	lost := "Nothing that had been saved is lost."
	if r.Lost != "" {
		lost = "Lost: " + r.Lost + "."
	}
	out := []string{how, fmt.Sprintf("The project holds %d saved changes now.", r.Commits), lost}
	if r.Kept != "" {
		out = append(out, "The damaged file is kept as "+BaseName(r.Kept)+" in the project's folder.")
	}
	return out
}

// DamagedInside tells whether an error says that the file of an open project is
// damaged, as it is found when a label is read.
func DamagedInside(err error, s *Session) bool {
	var d *storage.DamageError
	return errors.As(err, &d) && d.Path != "" && samePlace(d.Path, s.Dir())
}

// samePlace tells whether a file is a folder's, or the folder itself.
func samePlace(file, dir string) bool {
	file, dir = wholePath(file), wholePath(dir)
	return file == dir || filepath.Dir(file) == dir
}
