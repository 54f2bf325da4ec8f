package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coverslip/models/onnx"
	"coverslip/tiles"

	"golang.org/x/sys/unix"
)

// smallDisk is a file system of its own; the test is skipped where none may be
// mounted.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skip("no file system may be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// breakDrive makes every descriptor of a file unreadable, as one on a network
// drive is when that is gone.
func breakDrive(t *testing.T, path string) {
	t.Helper()
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	broken := 0
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err != nil || target != path {
			continue
		}
		n, err := strconv.Atoi(fd.Name())
		if err == nil {
			err = unix.Dup3(int(folder.Fd()), n, unix.O_CLOEXEC) // reading a folder is EISDIR
		}
		if err != nil {
			t.Fatal(err)
		}
		broken++
	}
	if broken == 0 {
		t.Fatal("the slide is not open")
	}
}

// TestCase17_DriveOfSlidesGone: tiles cannot be read while the drive is away,
// labels are drawn and saved all the same, and the tiles come when it is back.
func TestCase17_DriveOfSlidesGone(t *testing.T) {
	s, slide := newProject(t)
	path := filepath.Join(filepath.Dir(s.Dir()), "slide.svs")
	open := s.Current()
	breakDrive(t, path)
	away := path + ".away"
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	_, err := open.Loader.Read(t.Context(), tiles.Key{Col: 1})
	var passing interface{ Temporary() bool }
	if err == nil || !errors.As(err, &passing) || !passing.Temporary() {
		t.Fatalf("a tile of a drive that is gone: %v", err)
	}
	mark := draw(t, s, "Tumour", 10, 10, 90, 90)
	if err := s.project.Check(); err != nil || object(t, s, slide, mark) == nil {
		t.Error("the label was not saved:", err)
	}
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	if _, err := open.Loader.Read(t.Context(), tiles.Key{Col: 2}); err != nil {
		t.Error("the drive is back, but:", err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) { // that tile is not asked for at once
		if _, err = open.Loader.Read(t.Context(), tiles.Key{Col: 1}); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Error("the tile that failed:", err)
	}
}

// TestCase17_OtherFileCameBack: a file that is another one when the drive is back
// is not shown under the labels.
func TestCase17_OtherFileCameBack(t *testing.T) {
	s, _ := newProject(t)
	path := filepath.Join(filepath.Dir(s.Dir()), "slide.svs")
	breakDrive(t, path)
	if _, err := s.Current().Loader.Read(t.Context(), tiles.Key{Col: 1}); err == nil {
		t.Fatal("it was read")
	}
	writeSlide(t, path, 2)
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Current().Loader.Read(t.Context(), tiles.Key{Col: 2}); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("got %v", err)
	}
}

// children lists the processes that this one started.
func children(t *testing.T) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && parent == os.Getpid() && state != "Z" {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// killChildren kills the processes that this one started after a pause, unless over
// is closed before. It returns how many died.
func killChildren(t *testing.T, pause time.Duration, over <-chan struct{}) int {
	killed := 0
	for {
		select {
		case <-over:
			return killed
		case <-time.After(pause):
		}
		pause = 2 * time.Millisecond // one that was idle is started anew, and is killed before it has done a run
		for _, pid := range children(t) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
				t.Error(err)
			}
			killed++
		}
	}
}

// TestCase38_NativeLibraryDies kills the process in which a model runs, in the
// middle of a job: the job says so, the program and the labels go on, and the
// next job runs.
func TestCase38_NativeLibraryDies(t *testing.T) {
	if _, _, err := onnx.Find(""); err != nil {
		t.Skip("ONNX Runtime is not installed:", err)
	}
	s, slide := newProject(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.options.Worker = program
	if _, err := s.Encoder(); err != nil {
		t.Fatal(err)
	}
	var st JobStatus
	killed := 0
	o := SuggestOptions{Patch: 64}
	// A process that dies idle is started anew and nobody is the wiser: only one that
	// dies at work is a fault, and when it works depends on the machine.
	const pause = 20 * time.Millisecond
	for try := range 12 {
		o.MPP = 1.5 + float64(try)/10 // several runs of the network, on patches none of which is known
		over, ended := make(chan struct{}), make(chan struct{})
		err = s.Start("Embed", func(ctx context.Context, p Progress) error {
			go func() {
				defer close(ended)
				killed += killChildren(t, pause, over)
			}()
			defer func() { close(over); <-ended }()
			_, err := s.Embed(ctx, slide, o, p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.job.wait()
		if st = s.JobStatus(); st.Err != nil {
			break
		}
	}
	if killed == 0 || st.Running || st.Err == nil || !strings.Contains(Explain(st.Err).Title, "process ended") {
		t.Fatalf("killed %d times, the job: %+v", killed, st)
	}
	draw(t, s, "Tumour", 10, 10, 90, 90)
	if r, err := s.Embed(t.Context(), slide, o, nil); err != nil || r.Embedded == 0 && r.Patches == 0 {
		t.Errorf("the next job: %+v, %v", r, err)
	}
}
