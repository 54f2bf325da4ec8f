package hamamatsu

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// scanBlock is how many bytes are searched for markers at once.
const scanBlock = 1 << 20

// told is where segments begin, counted from the strip's beginning, as the file
// says. It is read at first need: of a large slide it is megabytes.
type told struct {
	mu   sync.Mutex // held while it is read
	done atomic.Pointer[toldStarts]
}

type toldStarts struct {
	starts []uint64
	err    error // why they cannot be used
}

// load returns the file's table; the slice is shared.
func (t *told) load(s *strip) ([]uint64, error) {
	if d := t.done.Load(); d != nil {
		return d.starts, d.err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.done.Load(); d != nil { // another tile read it meanwhile
		return d.starts, d.err
	}
	d := &toldStarts{}
	d.starts, d.err = s.readStarts()
	if s.src.Err() == nil || d.err == nil {
		t.done.Store(d)
	}
	return d.starts, d.err
}

// readStarts reads the file's own table and checks that it can be right.
func (s *strip) readStarts() ([]uint64, error) {
	n := s.cols * s.rows
	out, err := s.dir.Uints(tagStarts, n)
	if err != nil {
		return nil, err
	}
	if len(out) != n {
		return nil, fmt.Errorf("%d starts of %d segments", len(out), n)
	}
	if s.dir.Has(tagStartsHigh) {
		high, err := s.dir.Uints(tagStartsHigh, n)
		if err != nil {
			return nil, err
		}
		if len(high) != n {
			return nil, fmt.Errorf("%d upper words of %d starts", len(high), n)
		}
		for i, v := range high {
			out[i] |= v << 32
		}
	}
	for i, v := range out {
		if v >= uint64(s.size) || i > 0 && v < out[i-1]+2 {
			return nil, fmt.Errorf("segment %d begins at %d", i, v)
		}
	}
	if out[0] != uint64(len(s.header)) {
		return nil, errStarts
	}
	return out, nil
}

// lost is the start of a segment that is not to be found.
const lost = 0

// scanned is where segments begin, found by a search for restart markers that
// goes as far as tiles were asked for: the first screen of a slide without a
// table does not wait for gigabytes to be read.
type scanned struct {
	mu     sync.Mutex // protects all below
	starts []uint64   // appended to only: what was handed out stays
	off    int64      // of the strip, searched up to here
}

// upTo returns the first n starts, or all of them when there are fewer segments.
// Where a search was given up, the next one goes on.
func (t *scanned) upTo(ctx context.Context, s *strip, n int) ([]uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.starts == nil {
		t.off = int64(len(s.header))
		t.starts = []uint64{uint64(t.off)}
	}
	all := s.cols * s.rows
	n = min(n, all)
	buf := scratch(scanBlock)
	defer buffers.Put(buf)
	// Blocks overlap by a byte, so that no marker is cut in two.
	for ; len(t.starts) < n && t.off < s.size-1; t.off += scanBlock - 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := (*buf)[:min(scanBlock, s.size-t.off)]
		if err := s.read(b, t.off); err != nil {
			return nil, err
		}
		for i := 0; len(t.starts) < all; {
			j := bytes.IndexByte(b[i:], 0xff)
			if j < 0 || i+j+1 >= len(b) {
				break
			}
			i += j + 1
			if isRestart(b[i]) {
				t.add(b[i]&7, uint64(t.off)+uint64(i)+1)
			}
		}
	}
	if len(t.starts) < n {
		return nil, fmt.Errorf("the JPEG holds %d restart segments where %d are due", len(t.starts), all)
	}
	n = min(len(t.starts), all)
	return t.starts[:n:n], nil
}

// add enters the segment behind a marker. Markers are numbered 0 to 7, over and
// over (T.81 section E.1.4): where some are missing by their numbers, as many
// segments are lost, with the one before them, and no other. A damaged place
// must not shift the rest of the picture.
func (t *scanned) add(number byte, start uint64) {
	for range (number - byte(len(t.starts)-1)) & 7 {
		t.starts = append(t.starts, lost)
	}
	t.starts = append(t.starts, start)
}
