package mirax

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"

	"coverslip/tiles"
)

// maxOpen is how many files of a slide are open at once: some slides have 200
// Data files, and a program may open only so many.
const maxOpen = 32

// member is a file of the slide's folder.
type member struct {
	name string // below the folder of the .mrxs file
	base int64  // where it begins in the bundle
	size int64
}

// bundle is the files of a slide one after the other as one: the settings, the
// index, then the Data files that are used, in the order of their numbers. The
// slide is read through it, so that its fingerprint is that of all of them and
// an error of one is the slide's. It is safe for concurrent use.
type bundle struct {
	src     *tiles.Source // the .mrxs file, which opens the others
	members []member
	size    int64

	mu     sync.Mutex
	open   map[int]*handle
	clock  int64
	closed bool
}

// handle is an opened member.
type handle struct {
	src   *tiles.Source
	users int
	used  int64 // when it was used last
}

func newBundle(src *tiles.Source) *bundle {
	return &bundle{src: src, open: map[int]*handle{}}
}

// add opens a member and appends it.
func (b *bundle) add(file string) (member, error) {
	i := len(b.members)
	b.members = append(b.members, member{name: file, base: b.size, size: -1})
	h, err := b.acquire(i)
	if err != nil {
		b.members = b.members[:i]
		if errors.Is(err, fs.ErrNotExist) {
			err = &tiles.FormatError{Format: name, What: fmt.Sprintf("file %s is missing: copy the slide's whole folder", path.Base(file)), Err: fs.ErrNotExist}
		}
		return member{}, err
	}
	b.release(h)
	m := &b.members[i]
	m.size = h.src.Size()
	b.size += m.size
	return *m, nil
}

// acquire returns an opened member, which must be released.
func (b *bundle) acquire(i int) (*handle, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, tiles.ErrClosed
	}
	b.clock++
	if h := b.open[i]; h != nil {
		h.users++
		h.used = b.clock
		return h, nil
	}
	if len(b.open) >= maxOpen {
		b.closeOldest()
	}
	m := &b.members[i]
	src, err := b.src.OpenSibling(m.name)
	if err != nil {
		return nil, err
	}
	if m.size >= 0 && src.Size() != m.size {
		got := src.Size()
		return nil, errors.Join(fmt.Errorf("%s has %d bytes where it had %d: it was changed while the slide was open", m.name, got, m.size), src.Close())
	}
	h := &handle{src: src, users: 1, used: b.clock}
	b.open[i] = h
	return h, nil
}

// closeOldest closes the handle used longest ago; all being in use, more are
// open for a while.
func (b *bundle) closeOldest() {
	oldest := -1
	for i, h := range b.open {
		if h.users == 0 && (oldest < 0 || h.used < b.open[oldest].used) {
			oldest = i
		}
	}
	if oldest >= 0 {
		b.open[oldest].src.Close() // read only: there is nothing to lose
		delete(b.open, oldest)
	}
}

func (b *bundle) release(h *handle) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.users--
	if b.closed && h.users == 0 {
		h.src.Close() // read only
	}
}

// ReadAt implements io.ReaderAt over all members.
func (b *bundle) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= b.size {
		return 0, io.EOF
	}
	i := sort.Search(len(b.members), func(i int) bool { return b.members[i].base > off }) - 1
	done := 0
	for done < len(p) && i < len(b.members) {
		m := &b.members[i]
		at := off + int64(done) - m.base
		n := int(min(int64(len(p)-done), m.size-at))
		if n > 0 {
			got, err := b.readMember(i, p[done:done+n], at)
			done += got
			if got < n {
				return done, err
			}
		}
		i++
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (b *bundle) readMember(i int, p []byte, at int64) (int, error) {
	h, err := b.acquire(i)
	if err != nil {
		return 0, err
	}
	defer b.release(h)
	n, err := h.src.ReadAt(p, at)
	switch {
	case n == len(p) || errors.Is(err, tiles.ErrClosed):
		return n, err
	case err == nil:
		err = io.ErrUnexpectedEOF
	}
	// The source over all files would take the end of one for its own.
	return n, fmt.Errorf("%s: %v", path.Base(b.members[i].name), err)
}

// closeAll closes the members, those in use when they are released.
func (b *bundle) closeAll() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	var errs []error
	for _, h := range b.open {
		if h.users == 0 {
			errs = append(errs, h.src.Close())
		}
	}
	clear(b.open)
	return errors.Join(errs...)
}

// folderOf is the name of the folder that belongs to a .mrxs file: its own
// without the ending.
func folderOf(file string) (folder string, ok bool) {
	base := path.Base(strings.ReplaceAll(file, "\\", "/"))
	ext := path.Ext(base)
	folder = strings.TrimSuffix(base, ext)
	return folder, strings.EqualFold(ext, ".mrxs") && folder != "" && folder != ".."
}

// lookUp finds a file of the slide's folder by its name, in any case where the
// folder can be listed: slides are copied from Windows. It returns the name that
// opens it.
func lookUp(folder string, names []string, file string) string {
	best := file
	for _, n := range names {
		if n == file {
			best = n
			break
		}
		if strings.EqualFold(n, file) {
			best = n
		}
	}
	return folder + "/" + best
}
