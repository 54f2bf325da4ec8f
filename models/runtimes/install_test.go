package runtimes

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/models/modeltest"
	"coverslip/models/onnx"
)

// fake is an installer for a made-up platform: a "library" is a text that
// starts with "LIB ", followed by its version.
func fake(t *testing.T) *installer {
	t.Helper()
	return &installer{
		root: t.TempDir(), platform: "linux-amd64", client: http.DefaultClient,
		known: map[string]known{sum("LIB 1.28.2 good"): {"linux-amd64", "1.28.2", "test"}, sum("LIB 1.28.2 arm"): {"linux-arm64", "1.28.2", "test"}},
		load: func(path string) (string, error) {
			b, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			words := strings.Fields(string(b))
			if len(words) < 2 || words[0] != "LIB" {
				return "", errors.New("not a shared library")
			}
			if !onnx.AtLeast(words[1], 1, 17) {
				return "", onnx.ErrOldRuntime
			}
			return words[1], nil
		},
	}
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func tgz(files ...string) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[i+1]))})
		_, _ = w.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	_ = z.Close()
	return buf.Bytes()
}

func zipped(files ...string) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.Create(files[i])
		_, _ = f.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	return buf.Bytes()
}

func save(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInstaller_Sources(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "unpacked")
	save(t, folder, "onnxruntime/lib/libonnxruntime.so.1.28.2", []byte("LIB 1.28.2 good"))
	save(t, folder, "onnxruntime/lib/libother.so", []byte("other"))
	for name, source := range map[string]string{
		"library":     save(t, dir, "libonnxruntime.so", []byte("LIB 1.28.2 good")),
		"npm package": save(t, dir, "a.tgz", tgz("package/package.json", "{}", "package/libonnxruntime.so", "LIB 1.28.2 good")),
		"several":     save(t, dir, "b.tgz", tgz("x/arm64/libonnxruntime.so.1", "LIB 1.28.2 arm", "x/odd/libonnxruntime.so", "LIB 1.99.0 odd", "x/x64/libonnxruntime.so.1", "LIB 1.28.2 good")),
		"zip":         save(t, dir, "c.zip", zipped("onnxruntime/lib/libonnxruntime.so.1.28.2", "LIB 1.28.2 good")),
		"folder":      folder,
		"wrong name":  save(t, dir, "renamed.bin", []byte("LIB 1.28.2 good")),
	} {
		t.Run(name, func(t *testing.T) {
			in := fake(t)
			got, err := in.install(context.Background(), source)
			if err != nil {
				t.Fatal(err)
			}
			want := filepath.Join(in.root, "1.28.2", "linux-amd64", "libonnxruntime.so")
			if got.Path != want || got.Version != "1.28.2" || !got.Known || got.Note != "" {
				t.Errorf("%+v, want %s", got, want)
			}
			if b, err := os.ReadFile(want); err != nil || string(b) != "LIB 1.28.2 good" {
				t.Errorf("%q, %v", b, err)
			}
			onlyVersions(t, in.root, 1)
		})
	}
}

// onlyVersions checks that nothing unfinished was left behind.
func onlyVersions(t *testing.T, root string, n int) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != n {
		t.Errorf("left behind: %v", entries)
	}
}

func TestInstaller_UnknownLibraryIsSaid(t *testing.T) {
	in := fake(t)
	p := save(t, t.TempDir(), "libonnxruntime.so", []byte("LIB 1.20.1 own build"))
	got, err := in.install(context.Background(), p)
	if err != nil || got.Known || !strings.Contains(got.Note, "not one the program knows") || got.Version != "1.20.1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestInstaller_ReplacesAndRepeats(t *testing.T) {
	in := fake(t)
	dir := t.TempDir()
	for _, text := range []string{"LIB 1.28.2 other", "LIB 1.28.2 good", "LIB 1.28.2 good"} {
		got, err := in.install(context.Background(), save(t, dir, "libonnxruntime.so", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(got.Path); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
		onlyVersions(t, filepath.Dir(got.Path), 1)
	}
}

func TestInstaller_Refuses(t *testing.T) {
	dir := t.TempDir()
	good := tgz("package/libonnxruntime.so", "LIB 1.28.2 good")
	many := []string{}
	for i := range maxFound + 1 {
		many = append(many, fmt.Sprintf("%d/libonnxruntime.so", i), fmt.Sprintf("LIB 1.28.2 build %d", i))
	}
	for name, c := range map[string]struct {
		source string
		want   string
	}{
		"missing":        {filepath.Join(dir, "none"), "no such file"},
		"empty":          {save(t, dir, "empty", nil), "empty or cut"},
		"text":           {save(t, dir, "text", []byte("hello there")), "not a shared library"},
		"pointer":        {save(t, dir, "pointer", []byte("version https://git-lfs")), "Git LFS pointer"},
		"old":            {save(t, dir, "old", []byte("LIB 1.16.0 x")), "too old"},
		"odd version":    {save(t, dir, "odd", []byte("LIB 1.28.2/../../.. x")), "calls its version"},
		"other platform": {save(t, dir, "arm.tgz", tgz("package/libonnxruntime.so", "LIB 1.28.2 arm")), "is for linux-arm64, this system is linux-amd64"},
		"nothing in it":  {save(t, dir, "nothing.tgz", tgz("package/readme", "hello")), ErrNoLibrary.Error()},
		"cut package":    {save(t, dir, "cut.tgz", good[:len(good)-20]), "unexpected EOF"},
		"no gzip":        {save(t, dir, "gz", []byte("\x1f\x8bnothing of the kind")), "gzip"},
		"damaged zip":    {save(t, dir, "zip", []byte("PK\x03\x04nothing of the kind")), "zip"},
		"bzip2":          {save(t, dir, "bz", []byte("BZh91AY&SY")), "unpack it first"},
		"empty folder":   {t.TempDir(), ErrNoLibrary.Error()},
		"too many":       {save(t, dir, "many.tgz", tgz(many...)), "choose one"},
		"plain http":     {"http://localhost/x.tgz", "only https"},
		"no host":        {"https:///x.tgz", "not an address"},
	} {
		t.Run(name, func(t *testing.T) {
			in := fake(t)
			got, err := in.install(context.Background(), c.source)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v, want %q", got, err, c.want)
			}
			onlyVersions(t, in.root, 0)
		})
	}
}

func TestInstaller_Download(t *testing.T) {
	body := tgz("package/libonnxruntime.so", "LIB 1.28.2 good")
	p, ok := PackageFor("linux", "amd64")
	if !ok {
		t.Fatal("no package for linux")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/any/runtime.tgz", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(body) })
	mux.HandleFunc("/lib", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("LIB 1.28.2 good")) })
	mux.HandleFunc("/x/"+p.file(), func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(body) })
	mux.HandleFunc("/huge", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(int64(maxDownload)+1))
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.invalid/", http.StatusFound)
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	get := func(path string) (Installed, int64, error) {
		in := fake(t)
		in.client = server.Client()
		var seen int64
		in.progress = func(stage string, done, total int64) {
			if stage == "download" {
				seen = done
			}
		}
		got, err := in.install(context.Background(), server.URL+path)
		return got, seen, err
	}
	for _, path := range []string{"/any/runtime.tgz", "/lib"} {
		if got, seen, err := get(path); err != nil || !got.Known || seen == 0 {
			t.Errorf("%s: %+v, %d bytes, %v", path, got, seen, err)
		}
	}
	for path, want := range map[string]string{"/none?token=secret": "404", "/huge": "larger than", "/away": "away from https", "/x/" + p.file(): "checksum"} {
		_, _, err := get(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in := fake(t)
	in.client = server.Client()
	if _, err := in.install(ctx, server.URL+"/lib"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestPackage_DownloadURLs(t *testing.T) {
	p, _ := PackageFor("windows", "amd64")
	got := p.DownloadURLs("https://user:pass@registry.example/npm/?x=1")
	if len(got) != 3 || got[0] != "https://registry.example/npm/sherpa-onnx-win-x64/-/sherpa-onnx-win-x64-1.13.8.tgz" ||
		got[2] != "https://unpkg.com/sherpa-onnx-win-x64@1.13.8/onnxruntime.dll" {
		t.Errorf("%q", got)
	}
	for _, registry := range []string{"", "http://registry.example/", "file:///x", "::"} {
		if got := p.DownloadURLs(registry); len(got) != 2 {
			t.Errorf("%q gives %q", registry, got)
		}
	}
}

func TestRegistryLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "fund=false\nregistry=https://a/\n": "https://a/", "registry = \"https://b\"\n": "https://b",
		"@scope:registry=https://c\n//d/:_authToken=secret\n": "", "registry=https://a\nregistry=https://z": "https://z",
	} {
		if got := registryLine(strings.NewReader(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	t.Setenv("npm_config_registry", "https://from.environment/")
	if got := Registry(); got != "https://from.environment/" {
		t.Errorf("the environment is overlooked: %q", got)
	}
}

func TestPackages_Table(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Packages() {
		lib, err1 := hex.DecodeString(p.SHA256)
		pack, err2 := base64.StdEncoding.DecodeString(p.SHA512)
		if err1 != nil || err2 != nil || len(lib) != sha256.Size || len(pack) != sha512.Size || p.Size < 1e6 || seen[p.SHA256] || seen[p.SHA512] {
			t.Errorf("%+v", p)
		}
		seen[p.SHA256], seen[p.SHA512] = true, true
		if p.Library != onnx.LibraryNames(p.OS)[0] {
			t.Errorf("%s: the library %s would not be found again", p.Name, p.Library)
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d sums for five platforms", len(seen))
	}
}

// TestInstall_RealLibrary installs this machine's runtime once more, into an
// empty folder.
func TestInstall_RealLibrary(t *testing.T) {
	rt := modeltest.Runtime(t)
	in := &installer{root: t.TempDir(), platform: onnx.Platform(), known: knownLibraries(), load: loadVersion, client: http.DefaultClient}
	got, err := in.install(context.Background(), rt.Path())
	if err != nil || got.Version != rt.Version() {
		t.Fatalf("%+v, %v", got, err)
	}
	again, err := onnx.Load(got.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add(tgz("package/libonnxruntime.so", "LIB 1.28.2 good"))
	f.Add(zipped("libonnxruntime.so", "LIB 1.28.2 good"))
	f.Add([]byte("LIB 1.28.2 good"))
	f.Add([]byte("\x1f\x8b\x08"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		work, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(work)
		in := &installer{platform: "linux-amd64", progress: func(string, int64, int64) {}}
		name := filepath.Join(work, "source")
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		found, err := in.collect(context.Background(), name, work)
		if err == nil && len(found) == 0 {
			t.Error("neither a library nor an error")
		}
		for _, l := range found {
			if filepath.Dir(filepath.Dir(l.path)) != work {
				t.Errorf("%s was written outside the work folder", l.path)
			}
		}
	})
}

func TestRemedy_NamesThePackage(t *testing.T) {
	p, ok := Here()
	if !ok {
		t.Skip("needs a platform with a package")
	}
	if got := Remedy(); !strings.Contains(got, p.Name) || !strings.Contains(got, "MB") {
		t.Errorf("%s", got)
	}
	if urls := DownloadURLs(""); len(urls) != 2 || !strings.HasSuffix(urls[0], p.Library) {
		t.Errorf("%q", urls)
	}
}

func FuzzRegistryLine(f *testing.F) {
	f.Add("registry=https://a/\n//a/:_authToken=secret\n")
	f.Add("registry\n=\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		got := registryLine(strings.NewReader(text))
		if got != "" && !strings.Contains(text, got) {
			t.Errorf("%q is not in the file", got)
		}
		p, _ := PackageFor("linux", "amd64")
		for _, u := range p.DownloadURLs(got) {
			if !strings.HasPrefix(u, "https://") {
				t.Errorf("%q", u)
			}
		}
	})
}

// A port that nobody listens on answers at once; a name that does not resolve
// takes the same road through net/http.
func TestInstall_NoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Install(t.Context(), "https://"+at+"/package.tgz", nil)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), at) {
		t.Errorf("%v, want %v naming %s", err, ErrUnreachable, at)
	}
}

// loadVersion opens a library in this process.
func loadVersion(path string) (string, error) {
	l, err := onnx.ProbeHere(path)
	return l.Version, err
}
