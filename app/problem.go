package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"coverslip/annotate"
	"coverslip/annotate/interchange/geojson"
	"coverslip/models"
	"coverslip/models/learn"
	"coverslip/models/onnx"
	"coverslip/models/runtimes"
	"coverslip/storage"
	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/remote"
)

// Problem is an error as a person is told of it: what went wrong with which
// file, and what to do about it.
type Problem struct {
	Title string // what is wrong, with the file's name
	Hint  string // what to do; never empty
	Err   error  // the cause in full, for the details
}

// Error is the title and the cause.
func (p *Problem) Error() string {
	if p.Err == nil {
		return p.Title
	}
	return p.Title + ": " + p.Err.Error()
}

// Words are what is wrong and what to do, in sentences.
func (p *Problem) Words() string { return p.Title + ". " + p.Hint }

// Unwrap is the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Details is the cause in full, a line for each part of it: of a file that is no
// slide what every reader says. "" when there is no cause.
func (p *Problem) Details() string {
	if p.Err == nil {
		return ""
	}
	var refused *formats.RefusedError
	if errors.As(p.Err, &refused) {
		return refused.Details()
	}
	return p.Err.Error()
}

// FileError says which file or folder an error is about.
type FileError struct {
	What string // "slide", "project", "model", "folder", ...
	Path string // as the user gave it
	Err  error
}

// Error names the file once, also when the cause does.
func (e *FileError) Error() string {
	text := e.Err.Error()
	if strings.Contains(text, e.Path) {
		return text
	}
	return fmt.Sprintf("%s %s: %s", e.What, e.Path, text)
}

// Unwrap is the cause.
func (e *FileError) Unwrap() error { return e.Err }

// about wraps an error with the file it is about; nil stays nil.
func about(what, path string, err error) error {
	if err == nil {
		return nil
	}
	return &FileError{What: what, Path: path, Err: err}
}

// explanation is one row of the table that Explain looks in.
type explanation struct {
	is    func(error) bool
	title string // %s stands for the file, or what else the error is about
	hint  string
}

// is makes the test for a sentinel.
func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// as makes the test for a type of error.
func as[T error](err error) bool {
	var e T
	return errors.As(err, &e)
}

// spoilt tells whether a file begins as a slide does and goes on otherwise.
func spoilt(err error) bool {
	var r *formats.RefusedError
	return errors.As(err, &r) && r.Damaged()
}

// Sentences of more than one row of the table.
const (
	damagedSlide = "%s is damaged or incomplete"
	copyAgain    = "Copy the slide again from where it came, and compare the file sizes."
	chooseSlide  = "Choose a slide file (.svs, .ndpi, .mrxs, .scn, .bif, .czi, .dcm, .tif). If it should be one, this copy is cut or damaged: copy it again and compare the file sizes. coverslipctl doctor FILE lists what each reader says."
)

// explanations goes from the special to the general: the first that fits counts.
func explanations() []explanation {
	return append(keepingExplanations(), []explanation{
		{is(context.Canceled), "Stopped", "Nothing was lost; start it again to go on."},
		{is(context.DeadlineExceeded), "%s did not answer in time", "Try again; if it lies on a network drive, copy it to this computer first."},

		{is(ErrSlideMissing), "%s was moved, renamed or is on a drive that is not connected", "Connect the drive, or tell where the slides lie now: coverslipctl project relink PROJECT FOLDER."},
		{is(formats.ErrNetwork), "%s lies on the network, which is off", "Choose Slides from web addresses in the menu File, or give --network, and open it again."},
		{is(remote.ErrNoRanges), "%s cannot be read in parts from that server", "Download the slide and open the file, or ask for a server that answers range requests."},
		{is(remote.ErrChanged), "%s was replaced on the server", "Open it again."},
		{as[*remote.NetError], "The server of %s cannot be reached", "Check the connection and the address, then try again; what was loaded stays."},
		{is(ErrOtherSlide), "%s is another slide than the one the labels were drawn on", "Put the original file back, find it in another folder, or add this one as a new slide. Nothing is drawn on it meanwhile; the labels are safe in the project."},
		{is(ErrNoSlide), "The project has no such slide", "List its slides with: coverslipctl project list PROJECT."},
		{is(ErrNoScale), "%s does not say how many µm a pixel is", "Give the scale, 0.25 for a 40× scan or 0.5 for 20×: coverslipctl project add --mpp 0.25 PROJECT SLIDE (demo and convert take --mpp, too)."},
		{is(ErrBadScale), "No slide has that scale", "Give the µm of a pixel at full resolution: 0.25 for a scan at 40×, 0.5 at 20×, 1 at 10×."},
		{is(ErrNothingOpen), "No slide is open", "Open a slide first."},
		{is(storage.ErrClosed), "The project is closed", "Open it again."},
		{is(ErrClosed), "The project is closed", "Open it again."},

		{is(annotate.ErrConflict), "The object was changed meanwhile", "Nothing was overwritten; look at the object as it is now and try again."},
		{is(annotate.ErrInvalidROI), "This shape cannot be used", "Draw it again: it needs at least three points that enclose an area."},
		{is(ErrNoObject), "The object is not on the slide any more", "Nothing was changed; select it again."},
		{is(ErrNoClass), "There is no such class", "Choose one of the project's classes."},
		{is(ErrObjectLocked), "The object is locked", "Unlock it first."},
		{is(ErrNotSuggestion), "Only a model's suggestion can be accepted or rejected", "Give a person's annotation another class, or delete it."},

		{is(ErrBusy), "Another job is running", "Wait for its end, or cancel it."},
		{is(ErrFewLabels), "There are too few labels to learn from", "Draw and class at least one label for each of two classes or more, each covering the middle of a patch, then ask for suggestions again."},
		{is(learn.ErrOneClass), "There are too few labels to learn from", "Draw and class at least one label for each of two classes or more, each covering the middle of a patch, then ask for suggestions again."},
		{is(ErrNoTissue), "No tissue was found on %s", "Look at the slide: if it does hold tissue, draw and class labels on it; patches under labels are always used."},
		{is(ErrNoLabels), "There is nothing to export", "Draw and class labels, or accept suggestions, and export again."},
		{is(ErrOutExists), "%s exists and is not empty", "Choose another output folder, or remove that one; nothing is overwritten."},

		{is(onnx.ErrNoRuntime), "ONNX Runtime, the library that runs models, is not installed", "Install it with: coverslipctl setup (or coverslipctl setup --from FILE without a network). Slides and labels work without it."},
		{is(onnx.ErrOldRuntime), "ONNX Runtime, the library that runs models, is too old", "Install a newer one with: coverslipctl setup."},
		{is(models.ErrNoModel), "%s holds no model", "Choose a folder with model.onnx, or with config.json and model.safetensors (or pytorch_model.bin). Weights that their makers gate are downloaded from their page after you agreed to the terms."},
		{as[*models.UnsupportedError], "%s is a model that cannot run here", "Check the folder with: coverslipctl model check FOLDER."},
		{as[*models.FormatError], "%s is not a usable model", "Check the folder with: coverslipctl model check FOLDER; copy it again from where it came."},
		{as[*onnx.StatusError], "ONNX Runtime refuses %s", "Check it with: coverslipctl model check FOLDER. The details are the runtime's own words."},

		{is(runtimes.ErrNoLibrary), "%s holds no ONNX Runtime library for this system", runtimes.Remedy()},
		{is(runtimes.ErrTooLarge), "%s is larger than any ONNX Runtime", runtimes.Remedy()},
		{is(runtimes.ErrUnreachable), "The download did not reach its server", "Check the network and try again, or bring the file: coverslipctl setup --from FILE."},
		{is(runtimes.ErrChecksum), "%s is damaged or not the expected file", "Fetch it again; nothing was installed."},

		{is(tiles.ErrOutside), "%s asks for a file outside its own folder", "Put all files of the slide into one folder, the files themselves and not links to them. Be careful with a stranger's slide that does this."},
		{is(ErrBadTiles), "%s has parts that cannot be read", "The rest of the slide is usable. Copy the slide again from where it came, and compare the file sizes."},
		{is(tiles.ErrNoAssociated), "%s has no image of that name", "coverslipctl info SLIDE lists the images that are there."},
		{spoilt, damagedSlide, copyAgain},
		{is(tiles.ErrNotSlide), "%s is not a slide that Coverslip can read", chooseSlide},
		{as[*tiles.UnsupportedError], "%s uses something that Coverslip cannot read", "Convert the slide, for example to a pyramidal TIFF. The details name what is unsupported."},
		{as[*tiles.FormatError], damagedSlide, copyAgain},
		{as[*tiles.TileError], "%s has a part that cannot be decoded", "The rest of the slide is usable. Copy the slide again from where it came."},

		{as[*geojson.FormatError], "%s is not a usable GeoJSON file", "Export it again from the program it came from. Nothing was imported."},

		{is(syscall.ENOSPC), "The disk is full", "Free some space and try again; what was saved before is safe."},
		{is(syscall.EDQUOT), "Your share of the disk is used up", "Free some space and try again; what was saved before is safe."},
		{is(fs.ErrExist), "%s exists already", "Choose another name, or remove it; nothing is overwritten."},
		{is(fs.ErrNotExist), "%s does not exist", "Check the name and the folder."},
		{is(fs.ErrPermission), "%s may not be read or written by you", "Ask for the right, or copy it to a folder of your own."},
		{is(io.ErrUnexpectedEOF), "%s ends too early", "Copy the file again from where it came, and compare the file sizes."},
	}...)
}

// Explain turns any error of the rooms below into what a person needs to know.
// A *Problem in the chain is given as it is. Explain(nil) is the zero Problem.
func Explain(err error) Problem {
	if err == nil {
		return Problem{}
	}
	var p *Problem
	if errors.As(err, &p) {
		return *p
	}
	for _, x := range slices.Concat(workerExplanations(), shapeExplanations(), explanations()) {
		if x.is(err) {
			title := x.title
			if strings.Contains(title, "%s") {
				title = fmt.Sprintf(title, subject(err))
			}
			if r := (*formats.RefusedError)(nil); errors.As(err, &r) && r.Seen != "" {
				title += ": it is " + r.Seen
			}
			return Problem{Title: title, Hint: hint(err, x.hint), Err: err}
		}
	}
	return Problem{
		Title: "Something went wrong",
		Hint:  "The details say what; if it comes again, report it with them.",
		Err:   err,
	}
}

// hint prefers what the error itself knows to do.
func hint(err error, table string) string {
	var r *formats.RefusedError
	if errors.As(err, &r) && r.Hint != "" {
		return r.Hint
	}
	var full *RoomError
	if errors.As(err, &full) {
		return full.hint()
	}
	var u *tiles.UnsupportedError
	if errors.As(err, &u) && u.Hint != "" {
		return u.Hint
	}
	var m *models.UnsupportedError
	if errors.As(err, &m) && m.Hint != "" {
		return m.Hint
	}
	return table
}

// subject is the name of the file the error is about, without its folders: they
// stand in the details.
func subject(err error) string {
	var f *FileError
	for inner := err; errors.As(inner, &f) && as[*FileError](f.Err); { // the innermost knows best
		inner = f.Err
	}
	if f != nil && f.Path != "" {
		return strings.ToUpper(f.What[:1]) + f.What[1:] + " " + BaseName(f.Path)
	}
	var full *RoomError
	if errors.As(err, &full) {
		return BaseName(full.Path)
	}
	var d *storage.DamageError
	if errors.As(err, &d) && d.Path != "" {
		return filepath.Base(d.Path)
	}
	var pe *fs.PathError
	if errors.As(err, &pe) && pe.Path != "" {
		return filepath.Base(pe.Path)
	}
	var le *os.LinkError
	if errors.As(err, &le) && le.New != "" {
		return filepath.Base(le.New)
	}
	return "The file"
}
