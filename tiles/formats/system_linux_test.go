package formats

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

// A pipe is refused at once: to open it would be to wait for its writer. So is one
// that bears the name of a slide's other file.
func TestOpen_Pipe(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.svs")
	vms := folder(t, map[string]string{"a.vms": vmsOf("a.jpg")}, "a.vms")
	dzi := folder(t, deepZoom(t), "a.dzi")
	tile := filepath.Join(filepath.Dir(dzi), "a_files", "7", "1_1.png")
	if err := os.Remove(tile); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(filepath.Dir(vms), "a.jpg"), tile} {
		if err := unix.Mkfifo(p, 0o600); err != nil {
			t.Skip("no pipes here:", err)
		}
	}
	for p, want := range map[string]string{path: "a pipe", vms: "a.jpg", dzi: "1_1.png"} {
		done := make(chan error, 1)
		go func() {
			s, err := Open(context.Background(), p)
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
		select {
		case err := <-done:
			if p != dzi && (err == nil || !typed(err) || !strings.Contains(err.Error(), want)) || p == dzi && err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", filepath.Base(p), err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: waits for a writer", filepath.Base(p))
		}
	}
}

// A device is no slide, even one that gives bytes for ever.
func TestOpen_Device(t *testing.T) {
	if _, err := Open(context.Background(), "/dev/zero"); !errors.Is(err, tiles.ErrNotSlide) || !strings.Contains(err.Error(), "a device") {
		t.Errorf("got %v", err)
	}
}

// A file that the user may not read says so, and names itself.
func TestOpen_NoPermission(t *testing.T) {
	svs := write(t, "a.svs", slidetest.Good(t, tiffwrite.Aperio, false))
	vms := folder(t, map[string]string{"a.vms": vmsOf("a.jpg"), "a.jpg": "\xff\xd8\xff"}, "a.vms")
	for _, p := range []string{svs, filepath.Join(filepath.Dir(vms), "a.jpg")} {
		if err := os.Chmod(p, 0); err != nil {
			t.Fatal(err)
		}
	}
	for p, name := range map[string]string{svs: "a.svs", vms: "a.jpg"} {
		if p == vms {
			for up := filepath.Dir(p); up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
				if err := os.Chmod(up, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(vms, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		err := asNobody(func() error {
			s, err := Open(context.Background(), p)
			if err == nil {
				err = s.Close()
			}
			return err
		})
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// asNobody does something with the rights of nobody, where the tests run with all:
// the superuser may read everything. The rights are those of one thread.
func asNobody(do func() error) error {
	if os.Geteuid() != 0 {
		return do()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(65534); err != nil {
		return err
	}
	defer func() {
		if err := unix.Setfsuid(0); err != nil {
			panic(err) // the thread must not go on so
		}
	}()
	return do()
}
