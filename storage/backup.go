package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// Backup copies the project file to the path, while others may go on reading
// and writing; the copy is that of one moment. It replaces a file of that name,
// and is checked before it appears there. Embeddings are not part of it: they
// can be computed again. A path that is the project file itself is refused: the
// open file would be taken away from under those who write to it.
func (p *Project) Backup(path string) error {
	if to, err := os.Stat(path); err == nil {
		if own, err := os.Stat(p.path); err == nil && os.SameFile(to, own) {
			return fmt.Errorf("storage: backup to %s: %w", path, ErrOwnFile)
		}
	}
	err := p.copyTo(path, func(temp string) error {
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return err
		}
		err = p.view(func(tx *bolt.Tx) error {
			_, err := tx.WriteTo(f)
			return err
		})
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return fmt.Errorf("storage: backup to %s: %w", path, err)
	}
	return nil
}

// copyTo writes a temporary file beside the path, checks it and lets it appear.
func (p *Project) copyTo(path string, write func(temp string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	if err := write(temp.Name()); err != nil {
		return err
	}
	if err := walkFile(temp.Name()); err != nil {
		return err
	}
	return p.disk.publish(temp.Name(), path)
}

// compactBatch is how many bytes bbolt copies in one transaction.
const compactBatch = 16 << 20

// Compact rewrites the project file without its free pages: bbolt never gives
// space back. The old file stays until the new one is complete and checked.
func (p *Project) Compact() error {
	p.life.Lock()
	defer p.life.Unlock()
	if err := p.usable(); err != nil {
		return err
	}
	if p.readOnly {
		return fmt.Errorf("storage: %s: %w", p.path, ErrReadOnly)
	}
	fail := func(err error) error { return fmt.Errorf("storage: compact %s: %w", p.path, located(p.path, err)) }
	temp, err := os.CreateTemp(p.dir, tempPattern)
	if err != nil {
		return fail(err)
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return fail(err)
	}
	if err := compactInto(temp.Name(), p.db); err != nil {
		return fail(err)
	}
	// From here to openFile another program could take the project; then this
	// one has lost it and says so, and nothing is damaged.
	if err := p.db.Close(); err != nil {
		return fail(err)
	}
	p.db = nil
	if err := p.disk.publish(temp.Name(), p.path); err != nil {
		return fail(errors.Join(err, p.openFile()))
	}
	if err := p.openFile(); err != nil {
		return fail(err)
	}
	return nil
}

func compactInto(path string, from *bolt.DB) error {
	to, err := openBolt(path, boltOptions(false, 0))
	if err != nil {
		return err
	}
	err = shielded(func() error { return bolt.Compact(to, from, compactBatch) })
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	return walkFile(path)
}

// walkFile checks every page of a file that nobody writes.
func walkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	pages, err := inspect(f)
	if err != nil {
		return located(path, err)
	}
	return located(path, pages.walk())
}
