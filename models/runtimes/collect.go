package runtimes

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"coverslip/models/onnx"
)

// collector gathers candidate libraries in the work folder. It never uses a
// name from an archive as a path.
type collector struct {
	ctx   context.Context
	in    *installer
	work  string
	found []library
}

// A package holds a library a platform at most, perhaps under two names.
const maxFound = 12

// file tells archives from libraries by their first bytes, not their name.
func (c *collector) file(name string, size int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var head [4]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return errors.New("the file is empty or cut")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := &progressReader{c: c, r: f, total: size}
	switch {
	case string(head[:2]) == "\x1f\x8b":
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		return c.tar(z)
	case string(head[:4]) == "PK\x03\x04":
		z, err := zip.NewReader(f, size)
		if err != nil {
			return err
		}
		return c.zip(z)
	case isTar(f):
		return c.tar(in)
	case string(head[:3]) == "BZh", string(head[1:4]) == "7zX":
		return errors.New("packed with bzip2 or xz: unpack it first and choose the folder")
	case string(head[:]) == "vers":
		return errors.New("a Git LFS pointer, not the file itself")
	}
	return c.add(in, filepath.Base(name), size)
}

// isTar looks for the magic at byte 257 and leaves the file at its start.
func isTar(f *os.File) bool {
	var magic [5]byte
	_, err := f.ReadAt(magic[:], 257)
	return err == nil && string(magic[:]) == "ustar"
}

func (c *collector) tar(r io.Reader) error {
	tr := tar.NewReader(&io.LimitedReader{R: r, N: maxUnpacked})
	for n := 0; ; n++ {
		if err := context.Cause(c.ctx); err != nil {
			return err
		}
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("damaged package: %w", err)
		}
		if n > maxEntries {
			return fmt.Errorf("%w: more than %d files", ErrTooLarge, maxEntries)
		}
		if h.Typeflag != tar.TypeReg || !isAnyLibraryName(path.Base(h.Name)) {
			continue
		}
		if err := c.add(tr, path.Base(h.Name), h.Size); err != nil {
			return err
		}
	}
}

func (c *collector) zip(z *zip.Reader) error {
	if len(z.File) > maxEntries {
		return fmt.Errorf("%w: more than %d files", ErrTooLarge, maxEntries)
	}
	for _, e := range z.File {
		base := path.Base(strings.ReplaceAll(e.Name, `\`, "/"))
		if !e.Mode().IsRegular() || !isAnyLibraryName(base) {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return fmt.Errorf("damaged package: %s: %w", base, err)
		}
		size := int64(min(e.UncompressedSize64, maxLibrary+1))
		err = errors.Join(c.add(r, base, size), r.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// folder looks a few levels deep, as an unpacked package needs.
func (c *collector) folder(dir string) error {
	const depth = 6
	n := 0
	return filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			if p == dir {
				return err
			}
			return nil // a folder that may not be read cannot hold what the user means
		}
		if n++; n > maxEntries {
			return fmt.Errorf("more than %d files: choose the folder of the runtime itself", maxEntries)
		}
		if e.IsDir() {
			rel, err := filepath.Rel(dir, p)
			if err == nil && strings.Count(rel, string(filepath.Separator)) >= depth {
				return filepath.SkipDir
			}
			return context.Cause(c.ctx)
		}
		if !isAnyLibraryName(e.Name()) {
			return nil
		}
		st, err := os.Stat(p) // through links: a library's plain name often is one
		if err != nil || !st.Mode().IsRegular() {
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		return c.add(f, e.Name(), st.Size())
	})
}

// add copies a library into the work folder, hashing it on the way. The same
// file under a second name is kept once.
func (c *collector) add(r io.Reader, name string, size int64) error {
	if size > maxLibrary {
		return fmt.Errorf("%s: %w (%d bytes)", name, ErrTooLarge, size)
	}
	if len(c.found) >= maxFound {
		return fmt.Errorf("more than %d libraries: choose one", maxFound)
	}
	// Each in a folder of its own, under its usual name: Windows adds ".dll" to
	// a name without an ending before it loads it.
	dir, err := os.MkdirTemp(c.work, "lib-")
	if err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(dir, onnx.LibraryNames(osOf(c.in.platform))[0]), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), &io.LimitedReader{R: r, N: maxLibrary + 1})
	if err == nil && n > maxLibrary {
		err = ErrTooLarge
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l := library{path: out.Name(), name: name, sha256: hex.EncodeToString(h.Sum(nil))}
	for _, f := range c.found {
		if f.sha256 == l.sha256 {
			return os.RemoveAll(dir)
		}
	}
	c.found = append(c.found, l)
	return nil
}

// progressReader reports what was read and stops when the context does.
type progressReader struct {
	c           *collector
	r           io.Reader
	done, total int64
}

func (p *progressReader) Read(b []byte) (int, error) {
	if err := context.Cause(p.c.ctx); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.done += int64(n)
	p.c.in.progress("unpack", p.done, p.total)
	return n, err
}
