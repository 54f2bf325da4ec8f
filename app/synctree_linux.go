package app

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncTree makes sure that everything below a folder is on the disk: one call
// for the file system it lies on, where a call for each of a hundred thousand
// patches would take minutes.
func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
