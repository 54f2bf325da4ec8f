package storage

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// OwnerName is the file beside project.bolt that says who has the project open.
// It locks nothing: the lock is the system's, and goes with the process.
const OwnerName = "project.open"

type owner struct {
	Process int       `json:"process"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
}

// sign says that this process has the project open. It is for the words of
// another one's message only, so a failure is none of the project.
func (p *Project) sign() {
	host, err := os.Hostname()
	if err != nil {
		host = "this computer"
	}
	b, err := json.Marshal(owner{os.Getpid(), host, time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		p.signed = os.WriteFile(filepath.Join(p.dir, OwnerName), b, 0o644) == nil
	}
}

// unsign takes the words back.
func (p *Project) unsign() error {
	if !p.signed {
		return nil
	}
	p.signed = false
	return os.Remove(filepath.Join(p.dir, OwnerName))
}

// holder adds to ErrLocked who holds the project, when that is known.
func holder(dir string, locked error) error {
	b, err := os.ReadFile(filepath.Join(dir, OwnerName))
	var o owner
	if err != nil || len(b) > 4096 || json.Unmarshal(b, &o) != nil || o.Process <= 0 {
		return locked
	}
	return fmt.Errorf("%w (process %d on %q since %s)", locked, o.Process, o.Host, o.Since.Local().Format("2006-01-02 15:04"))
}
