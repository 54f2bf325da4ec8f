package onnx_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
)

func TestFind_SettingIsObeyedOrRefused(t *testing.T) {
	dir := t.TempDir()
	library := onnx.LibraryNames(runtime.GOOS)[0]
	for name, c := range map[string]struct{ content, want string }{
		"text":      {"hello, I am no library", "not a shared library"},
		"pointer":   {"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"},
		"cut":       {"\x7fE", "empty or cut"},
		"header":    {"\x7fELF\x02\x01\x01 and then nothing of use", "cannot be loaded"},
		"no export": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no export" {
				testForeignLibrary(t)
				return
			}
			p := filepath.Join(dir, name+"-"+library)
			write(t, p, []byte(c.content))
			_, tried, err := onnx.Find(p)
			if !errors.Is(err, onnx.ErrNoRuntime) || len(tried) != 1 || tried[0].From != "setting" {
				t.Fatalf("got %v, %v", tried, err)
			}
			if !strings.Contains(tried[0].Err.Error(), c.want) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("reason is %v, want %q", tried[0].Err, c.want)
			}
		})
	}
	for _, setting := range []string{dir, filepath.Join(dir, "nothing here")} {
		if _, _, err := onnx.Find(setting); !errors.Is(err, onnx.ErrNoRuntime) {
			t.Errorf("setting %s: %v", setting, err)
		}
	}
}

// testForeignLibrary hands over a sound library that is something else.
func testForeignLibrary(t *testing.T) {
	for _, p := range []string{"/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"} {
		if _, err := os.Stat(p); err != nil {
			continue
		}
		if _, err := onnx.Load(p); err == nil || !strings.Contains(err.Error(), "not an ONNX Runtime library") {
			t.Errorf("%s: %v", p, err)
		}
		return
	}
	t.Skip("needs a foreign library")
}

func TestFind_FolderSetting(t *testing.T) {
	rt := modeltest.Runtime(t)
	path, tried, err := onnx.Find(filepath.Dir(rt.Path()))
	if err != nil || path != rt.Path() {
		t.Fatalf("%s, %v", path, err)
	}
	if last := tried[len(tried)-1]; last.Version != rt.Version() || last.Err != nil || last.Note != rt.Warning() {
		t.Errorf("the library taken is listed as %+v", last)
	}
}

func TestFind_EnvironmentIsObeyedOrRefused(t *testing.T) {
	rt := modeltest.Runtime(t)
	t.Setenv(onnx.Environment, rt.Path())
	path, tried, err := onnx.Find("")
	if err != nil || path != rt.Path() || len(tried) != 1 || tried[0].From != "environment" {
		t.Errorf("%s, %+v, %v", path, tried, err)
	}
	t.Setenv(onnx.Environment, t.TempDir())
	if _, _, err := onnx.Find(""); !errors.Is(err, onnx.ErrNoRuntime) {
		t.Errorf("an empty folder: %v", err)
	}
	if path, _, err := onnx.Find(rt.Path()); err != nil || path != rt.Path() {
		t.Errorf("the setting comes first: %s, %v", path, err)
	}
}

func TestFind_NothingInstalled(t *testing.T) {
	t.Setenv(onnx.Environment, "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	path, tried, err := onnx.Find("")
	if err == nil {
		t.Skipf("this system has a runtime of its own: %s", path)
	}
	if !errors.Is(err, onnx.ErrNoRuntime) {
		t.Errorf("%v, %v", tried, err)
	}
}

func TestFind_TakesNewestInstalled(t *testing.T) {
	rt := modeltest.Runtime(t)
	if runtime.GOOS != "linux" {
		t.Skip("sets the cache folder as Linux has it")
	}
	cache := t.TempDir()
	t.Setenv(onnx.Environment, "")
	t.Setenv("XDG_CACHE_HOME", cache)
	root, err := onnx.InstalledFolder()
	if err != nil || root != filepath.Join(cache, "coverslip", "runtime", "ort") {
		t.Fatalf("%s, %v", root, err)
	}
	for _, v := range []string{"1.9.0", "1.28.2", "1.29.0"} {
		dir := filepath.Join(root, v, onnx.Platform())
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p := filepath.Join(dir, onnx.LibraryNames(runtime.GOOS)[0])
		if v == "1.28.2" {
			err = os.Symlink(rt.Path(), p)
		} else {
			err = os.WriteFile(p, []byte("broken"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path, tried, err := onnx.Find("")
	if err != nil || !strings.Contains(path, "1.28.2") {
		t.Fatalf("took %s, %v", path, err)
	}
	if len(tried) != 2 || !strings.Contains(tried[0].Path, "1.29.0") || tried[0].Err == nil || tried[1].From != "installed" {
		t.Errorf("tried %+v", tried)
	}
}

func TestAtLeast(t *testing.T) {
	for v, want := range map[string]bool{"1.17.0": true, "1.16.9": false, "2.0": true, "1.28.2": true, "": false, "1": false, "x.y": false, "0.99": false} {
		if got := onnx.AtLeast(v, 1, 17); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
	list := []string{"1.9.0", "1.28.2", "1.17.3", "1.28.10", "1.28"}
	slices.SortFunc(list, onnx.CompareVersions)
	if got := strings.Join(list, " "); got != "1.9.0 1.17.3 1.28 1.28.2 1.28.10" {
		t.Errorf("order is %s", got)
	}
}

// TestFindBy_PrefersNew: an old library that works is passed over for a newer
// one, with the reason, and taken when there is none.
func TestFindBy_PrefersNew(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv(onnx.Environment, "")
	versions := map[string]string{}
	for _, v := range []string{"1.30.0", "1.23.2", "1.22.0"} {
		dir := filepath.Join(home, "coverslip", "runtime", "ort", v, onnx.Platform())
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p := filepath.Join(dir, onnx.LibraryNames(runtime.GOOS)[0])
		write(t, p, []byte("a library"))
		versions[p] = v
	}
	if root, err := onnx.InstalledFolder(); err != nil || !strings.HasPrefix(root, home) {
		t.Skip("needs a cache folder that can be moved")
	}
	probe := func(broken string) func(string) (onnx.Library, error) {
		return func(p string) (onnx.Library, error) {
			v := versions[p]
			if v == "" || v == broken {
				return onnx.Library{}, errors.New("broken")
			}
			l := onnx.Library{Path: p, Version: v}
			if !onnx.AtLeast(v, 1, 28) {
				l.Warning = "old"
			}
			return l, nil
		}
	}
	path, tried, err := onnx.FindBy("", probe(""))
	if err != nil || versions[path] != "1.30.0" || len(tried) != 1 {
		t.Errorf("%s, %+v, %v", path, tried, err)
	}
	path, tried, err = onnx.FindBy("", probe("1.30.0"))
	if err != nil || versions[path] != "1.23.2" || tried[len(tried)-1].Version != "1.23.2" || tried[len(tried)-1].Err != nil {
		t.Errorf("%s, %+v, %v", path, tried, err)
	}
	for _, c := range tried[:len(tried)-1] {
		if c.Err == nil {
			t.Errorf("%s was passed over without a reason", c.Path)
		}
	}
}
