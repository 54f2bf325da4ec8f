package runtimes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"coverslip/models/onnx"
)

// At installing.
var (
	// ErrNoLibrary: the source holds no ONNX Runtime library for this platform.
	ErrNoLibrary = errors.New("no ONNX Runtime library for this system in it")
	// ErrTooLarge: the source is larger than any runtime is.
	ErrTooLarge = errors.New("larger than any ONNX Runtime")
	// ErrChecksum: the file is not the one that was asked for.
	ErrChecksum = errors.New("checksum differs: the file is damaged or not the expected one")
	// ErrUnreachable: the server did not answer, or there is no network.
	ErrUnreachable = errors.New("the server could not be reached")
)

// What a runtime can weigh, in bytes. The largest library seen is 46 MB, the
// largest package 113 MB; builds for graphics cards are several times that.
const (
	maxLibrary  = 1 << 30
	maxDownload = 1 << 30
	maxUnpacked = 4 << 30
	maxEntries  = 20000
)

// Progress is told how many bytes of total are done; total is 0 when it is
// not known. It is called on the goroutine of Install.
type Progress func(stage string, done, total int64)

// Installed is the outcome of Install.
type Installed struct {
	Path    string // of the library, in the user's data
	Version string // as the library says
	Known   bool   // its sum is one of those pinned in this program
	Note    string // what the user should know; empty when nothing
}

// installer holds what tests replace.
type installer struct {
	root     string
	platform string
	client   *http.Client
	known    map[string]known
	load     func(path string) (version string, err error)
	progress Progress
}

// Install puts one library from source into the user's data and gives its new
// place. source is a library file, a package (.tgz, .tar.gz, .tar, .zip), a
// folder that holds a library, or an https address of one of these.
//
// A library whose sha256 is pinned in this program is installed as known. Any
// other is accepted only when it loads and says that it is ONNX Runtime 1.17
// or later. Loading runs its code: it is the user who vouches for it, and
// Note says so. A file is checked before it appears under its final name.
func Install(ctx context.Context, source string, progress Progress) (Installed, error) {
	return InstallBy(ctx, source, onnx.ProbeHere, progress)
}

// InstallBy is Install with another way to open a library: in a process of its
// own, which a broken one may crash.
func InstallBy(ctx context.Context, source string, probe func(path string) (onnx.Library, error), progress Progress) (Installed, error) {
	root, err := Folder()
	if err != nil {
		return Installed{}, err
	}
	load := func(path string) (string, error) {
		l, err := probe(path)
		return l.Version, err
	}
	in := &installer{
		root: root, platform: onnx.Platform(), known: knownLibraries(), load: load, progress: progress,
		client: &http.Client{Timeout: 30 * time.Minute},
	}
	return in.install(ctx, source)
}

func (in *installer) install(ctx context.Context, source string) (Installed, error) {
	if in.progress == nil {
		in.progress = func(string, int64, int64) {}
	}
	if err := os.MkdirAll(in.root, 0o755); err != nil {
		return Installed{}, fmt.Errorf("runtimes: %w", err)
	}
	work, err := os.MkdirTemp(in.root, ".install-")
	if err != nil {
		return Installed{}, fmt.Errorf("runtimes: %w", err)
	}
	defer os.RemoveAll(work)
	name := source
	if isAddress(source) {
		if name, err = in.download(ctx, source, work); err != nil {
			return Installed{}, fmt.Errorf("runtimes: %s: %w", redact(source), err)
		}
	}
	found, err := in.collect(ctx, name, work)
	if err != nil {
		return Installed{}, fmt.Errorf("runtimes: %s: %w", redact(source), err)
	}
	got, err := in.take(found)
	if err != nil {
		return Installed{}, fmt.Errorf("runtimes: %s: %w", redact(source), err)
	}
	return got, nil
}

// library is a candidate on disk, in the work folder.
type library struct{ path, name, sha256 string }

// collect copies every candidate library of the source into the work folder.
func (in *installer) collect(ctx context.Context, name, work string) ([]library, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	c := &collector{ctx: ctx, in: in, work: work}
	switch {
	case st.IsDir():
		err = c.folder(name)
	case st.Mode().IsRegular():
		err = c.file(name, st.Size())
	default:
		err = errors.New("neither a file nor a folder")
	}
	if err != nil {
		return nil, err
	}
	if len(c.found) == 0 {
		return nil, ErrNoLibrary
	}
	return c.found, nil
}

// take chooses among the candidates, a known one first, and installs it.
func (in *installer) take(found []library) (Installed, error) {
	var reasons []error
	for _, l := range found {
		k, ok := in.known[l.sha256]
		if !ok {
			continue
		}
		if k.platform != in.platform {
			reasons = append(reasons, fmt.Errorf("%s is for %s, this system is %s", l.name, k.platform, in.platform))
			continue
		}
		version, err := in.load(l.path)
		if err != nil {
			reasons = append(reasons, fmt.Errorf("%s is the right file but cannot run on this system: %w", l.name, err))
			continue
		}
		return in.place(l, version, true)
	}
	for _, l := range found {
		if _, ok := in.known[l.sha256]; ok {
			continue
		}
		version, err := in.load(l.path)
		if err != nil {
			reasons = append(reasons, fmt.Errorf("%s: %w", l.name, err))
			continue
		}
		return in.place(l, version, false)
	}
	return Installed{}, fmt.Errorf("%w: %w", ErrNoLibrary, errors.Join(reasons...))
}

// place moves a checked library to its final name. Files are renamed one by
// one, not folders, because Windows lets a loaded library be renamed but not
// its folder.
func (in *installer) place(l library, version string, isKnown bool) (Installed, error) {
	if !validVersion(version) {
		return Installed{}, fmt.Errorf("the library calls its version %q", version)
	}
	dir := filepath.Join(in.root, version, in.platform)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Installed{}, err
	}
	final := filepath.Join(dir, onnx.LibraryNames(osOf(in.platform))[0])
	got := Installed{Path: final, Version: version, Known: isKnown}
	if !isKnown {
		got.Note = "this build of ONNX Runtime is not one the program knows; it loads and says it is version " + version
	}
	if old, err := hashFile(final); err == nil && old == l.sha256 {
		return got, nil
	}
	if err := os.Chmod(l.path, 0o755); err != nil {
		return Installed{}, err
	}
	if _, err := os.Stat(final); err == nil {
		// The old one may be loaded by a running program: move it aside and
		// try to remove it; what cannot be removed is overwritten next time.
		aside := final + ".old"
		if err := os.Rename(final, aside); err != nil {
			return Installed{}, err
		}
		defer os.Remove(aside)
	}
	if err := os.Rename(l.path, final); err != nil {
		return Installed{}, err
	}
	return got, nil
}

func osOf(platform string) string {
	name, _, _ := strings.Cut(platform, "-")
	return name
}

// validVersion guards the folder's name against what a library may say.
func validVersion(s string) bool {
	if len(s) == 0 || len(s) > 40 || s[0] < '0' || s[0] > '9' || strings.Contains(s, "..") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r == '.' || r == '-' || r == '+')
	})
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// isLibraryName says whether a file of a package is a runtime library of an
// operating system: the plain name or one with a version in it.
func isLibraryName(name, goos string) bool {
	if slices.Contains(onnx.LibraryNames(goos), name) {
		return true
	}
	switch goos {
	case "windows":
		return false
	case "darwin":
		return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return strings.HasPrefix(name, "libonnxruntime.so.")
}

// isAnyLibraryName is true for a library of any system: a package for another
// one should be recognised and named, not called empty.
func isAnyLibraryName(name string) bool {
	return isLibraryName(name, "linux") || isLibraryName(name, "darwin") || isLibraryName(name, "windows")
}

// Remedy tells a user without a runtime what to do.
func Remedy() string {
	p, ok := Here()
	if !ok {
		return "Install ONNX Runtime 1.28 or later for " + runtime.GOOS + "/" + runtime.GOARCH + " and choose its library file in the settings."
	}
	return fmt.Sprintf("Install the runtime from the package %s %s (%.0f MB), or choose a library of ONNX Runtime 1.17 or later.",
		p.Name, p.Version, float64(p.Size)/1e6)
}
