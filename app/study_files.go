package app

import (
	"io"
	"path/filepath"
	"time"

	"coverslip/storage"
)

// WriteFigures writes a table of figures into the project's folder of exports,
// named after what it is and the time, and returns its path.
func (s *Session) WriteFigures(what string, write func(w io.Writer) error) (string, error) {
	path := filepath.Join(s.Dir(), storage.ExportDir, what+"-"+time.Now().Format("20060102-150405")+".csv")
	return path, WriteFile(path, write)
}
