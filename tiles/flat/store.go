package flat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// store keeps the tiles of a pyramid by their numbers. put is called by one
// goroutine, get by any number afterwards.
type store interface {
	// put keeps the tiles from first on, of size bytes each, one behind the
	// other; the bytes are the caller's.
	put(first int64, tiles []byte, size int) error
	// get returns a tile, in buf when it is not in memory; it must not be
	// changed.
	get(tile int64, buf *[]byte) ([]byte, error)
	close() error
}

// memory is a store of small pictures.
type memory struct {
	mu    sync.RWMutex
	tiles map[int64][]byte
}

func newMemory() *memory { return &memory{tiles: map[int64][]byte{}} }

func (m *memory) put(first int64, tiles []byte, size int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := 0; i*size < len(tiles); i++ {
		m.tiles[first+int64(i)] = append([]byte(nil), tiles[i*size:(i+1)*size]...)
	}
	return nil
}

func (m *memory) get(tile int64, _ *[]byte) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	t, ok := m.tiles[tile]
	if !ok {
		return nil, fmt.Errorf("tile %d was not made", tile)
	}
	return t, nil
}

func (m *memory) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tiles = nil
	return nil
}

// EnvTemp names the environment variable of the folder for temporary pyramids;
// else they lie in the user's cache folder.
const EnvTemp = "COVERSLIP_TEMP"

// filePrefix and fileSuffix name temporary pyramids.
const filePrefix, fileSuffix = "pyramid-", ".tmp"

// tempDir is the folder of temporary pyramids.
func tempDir() string {
	if dir := os.Getenv(EnvTemp); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "coverslip", "pyramids")
}

// disk is a store in a file that nobody else sees.
type disk struct {
	f    *os.File
	size int64 // bytes of a tile
	gone bool  // its name is no more
}

// newDisk makes a temporary file for tiles of size bytes, need bytes in all, and
// removes what a crash left behind. An *roomError when there is too little room.
func newDisk(dir string, size int, need int64) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder for temporary pyramids: %w", err)
	}
	sweep(dir)
	free, err := freeBytes(dir)
	if err != nil {
		return nil, fmt.Errorf("room in %s: %w", dir, err)
	}
	if need > free-spareRoom {
		return nil, &roomError{dir, need, free}
	}
	f, err := os.CreateTemp(dir, filePrefix+"*"+fileSuffix)
	if err != nil {
		return nil, fmt.Errorf("temporary pyramid: %w", err)
	}
	// Where the system lets an open file lose its name, a crash leaves nothing.
	return &disk{f: f, size: int64(size), gone: os.Remove(f.Name()) == nil}, nil
}

// sweep removes the files of programs that crashed. Those in use have lost their
// names, or (on Windows) cannot be removed.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // making a file will tell
	}
	for _, e := range entries {
		if n := e.Name(); strings.HasPrefix(n, filePrefix) && strings.HasSuffix(n, fileSuffix) && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(dir, n)) // in use: left alone
		}
	}
}

// roomError: a pyramid does not fit on the disk.
type roomError struct {
	dir        string
	need, free int64
}

func (e *roomError) Error() string {
	return fmt.Sprintf("its pyramid takes %s of temporary room in %s, where %s are free (and %s are left alone)", size(e.need), e.dir, size(e.free), size(spareRoom))
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func (d *disk) put(first int64, tiles []byte, _ int) error {
	_, err := d.f.WriteAt(tiles, first*d.size)
	return err
}

func (d *disk) get(tile int64, buf *[]byte) ([]byte, error) {
	if int64(cap(*buf)) < d.size {
		*buf = make([]byte, d.size)
	}
	*buf = (*buf)[:d.size]
	_, err := d.f.ReadAt(*buf, tile*d.size)
	return *buf, err
}

func (d *disk) close() error {
	err := d.f.Close()
	if !d.gone {
		err = errors.Join(err, os.Remove(d.f.Name()))
	}
	return err
}
