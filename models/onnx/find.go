package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Candidate is a library that was looked at, and why it was not taken.
type Candidate struct {
	Path    string
	From    string // "setting", "environment", "installed", "beside the program", "system"
	Version string // of the library, when it could be asked
	Note    string // a warning that does not stop its use, such as an old version
	Err     error  // why it was not taken; nil for the one that was

	Providers []string // execution providers compiled into it
}

// InstalledFolder is where runtimes are installed for this user:
// <user cache folder>/coverslip/runtime/ort, with a folder a version and
// platform below it.
func InstalledFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("onnx: no folder for user data: %w", err)
	}
	return filepath.Join(cache, "coverslip", "runtime", "ort"), nil
}

// Platform names the system this program runs on as its folders do: "linux-amd64".
func Platform() string { return runtime.GOOS + "-" + runtime.GOARCH }

// LibraryNames are the file names that an ONNX Runtime library goes by on an
// operating system, the usual one first.
func LibraryNames(goos string) []string {
	switch goos {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.dylib"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.1"}
}

// Environment names a library (a file or a folder) to be used when the caller
// of Find has no setting; it is an order just as that is.
const Environment = "COVERSLIP_ONNXRUNTIME"

// Find looks for a usable library: the setting (a file or a folder) or, when
// that is empty, the one that Environment names; what was installed for this
// user (newest version first); the folders beside the program; the system's
// folders. Each candidate is opened and asked for its
// version; the first that answers with 1.28 or later is taken, or, when none
// does, the first with 1.17 or later. tried lists every candidate that was
// looked at, the one taken last.
//
// A setting is an order: when it is given and cannot be used, Find looks no
// further, because running with another library than the one asked for would
// hide the mistake. Nothing found gives ErrNoRuntime with all reasons.
//
// A library is code that runs when it is opened, here in this process; FindBy
// has it opened elsewhere.
func Find(setting string) (path string, tried []Candidate, err error) {
	return FindBy(setting, ProbeHere)
}

// Library is what a library says of itself.
type Library struct {
	Path      string // absolute
	Version   string // such as "1.28.2"
	Warning   string // what a user should know about that version; empty when nothing
	Build     string // the library's own description of how it was built
	Providers []string
}

// ProbeHere opens a library in this process and asks it.
func ProbeHere(path string) (Library, error) {
	rt, err := Load(path)
	if err != nil {
		return Library{}, err
	}
	l := Library{Path: rt.Path(), Version: rt.Version(), Warning: rt.Warning(), Build: rt.BuildInfo(), Providers: rt.Providers()}
	return l, rt.Close()
}

// FindBy is Find with a way of its own to ask a library.
func FindBy(setting string, probe func(path string) (Library, error)) (path string, tried []Candidate, err error) {
	from := "setting"
	if setting == "" {
		setting, from = os.Getenv(Environment), "environment"
	}
	best := -1 // an old one that will do when there is no better
	for _, c := range candidates(setting, from) {
		l, err := probe(c.Path)
		c.Version, c.Note, c.Providers, c.Err = l.Version, l.Warning, l.Providers, err
		if err == nil {
			c.Path = l.Path
		}
		tried = append(tried, c)
		switch {
		case err != nil:
		case c.Note == "":
			if best >= 0 {
				tried[best].Err = fmt.Errorf("%w %s, and %s is there", errOlder, tried[best].Version, c.Version)
			}
			return c.Path, tried, nil
		case best < 0:
			best = len(tried) - 1
		default:
			tried[len(tried)-1].Err = fmt.Errorf("%w %s, as the one before it", errOlder, c.Version)
		}
	}
	if best < 0 {
		return "", tried, notFound(setting, tried)
	}
	taken := tried[best]
	return taken.Path, append(slices.Delete(tried, best, best+1), taken), nil
}

// errOlder: the library works and another one is better.
var errOlder = errors.New("can be crashed by a damaged model: version")

func notFound(setting string, tried []Candidate) error {
	if len(tried) == 0 && setting != "" {
		return fmt.Errorf("onnx: %w: the setting %s holds no library", ErrNoRuntime, setting)
	}
	if len(tried) == 0 {
		return fmt.Errorf("onnx: %w: no library in the user's data, beside the program or in the system's folders", ErrNoRuntime)
	}
	reasons := make([]string, len(tried))
	for i, c := range tried {
		reasons[i] = fmt.Sprintf("%s: %v", c.From, c.Err)
	}
	return fmt.Errorf("onnx: %w: %s", ErrNoRuntime, strings.Join(reasons, "; "))
}

// candidates lists what there is to try, without opening anything.
func candidates(setting, from string) []Candidate {
	if setting != "" {
		if st, err := os.Stat(setting); err == nil && st.IsDir() {
			return inFolder(setting, from)
		}
		return []Candidate{{Path: setting, From: from}}
	}
	list := installed()
	for _, dir := range besideProgram() {
		list = append(list, inFolder(dir, "beside the program")...)
	}
	for _, dir := range systemFolders() {
		list = append(list, inFolder(dir, "system")...)
	}
	return list
}

func inFolder(dir, from string) []Candidate {
	for _, name := range LibraryNames(runtime.GOOS) {
		p := filepath.Join(dir, name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return []Candidate{{Path: p, From: from}}
		}
	}
	return nil
}

// installed lists the user's own runtimes for this platform, newest first.
func installed() []Candidate {
	root, err := InstalledFolder()
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil // nothing installed yet
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return compareVersions(b.Name(), a.Name()) })
	var list []Candidate
	for _, e := range entries {
		list = append(list, inFolder(filepath.Join(root, e.Name(), Platform()), "installed")...)
	}
	return list
}

func besideProgram() []string {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	dir := filepath.Dir(exe)
	return []string{dir, filepath.Join(dir, "lib"), filepath.Join(dir, "..", "lib"), filepath.Join(dir, "..", "Frameworks")}
}

func systemFolders() []string {
	switch runtime.GOOS {
	case "linux":
		triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
		return []string{"/usr/lib/" + triplet, "/usr/local/lib", "/usr/lib64", "/usr/lib"}
	case "darwin":
		return []string{"/opt/homebrew/lib", "/usr/local/lib"}
	}
	return nil // Windows: System32 holds an old library of this name, of no use
}

// compareVersions orders version texts by their numbers, so that 1.9 comes
// before 1.28; what is no number is compared as text.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(as) && i < len(bs); i++ {
		x, err1 := strconv.Atoi(as[i])
		y, err2 := strconv.Atoi(bs[i])
		c := cmp.Compare(x, y)
		if err1 != nil || err2 != nil {
			c = strings.Compare(as[i], bs[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

// checkLibraryFile looks at the first bytes before native code does: a file
// that is no library at all deserves a better message than the loader's.
func checkLibraryFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("not a file")
	}
	var head [4]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return errors.New("the file is empty or cut")
	}
	switch string(head[:]) {
	case "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\xbe\xba\xfe\xca":
		return nil
	case "vers":
		return errors.New("a Git LFS pointer, not the library itself")
	}
	if string(head[:2]) == "MZ" {
		return nil
	}
	return errors.New("not a shared library")
}
