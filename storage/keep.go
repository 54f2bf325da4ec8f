package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// How many automatic backups are kept: the newest, and of each of the last days
// the last one.
const (
	keepNewest = 10
	keepDays   = 7
)

// BackupFile is an automatic backup, as its name tells of it.
type BackupFile struct {
	Path string
	At   time.Time // UTC, to the second
	Why  string    // "open", "work", "close"
	Seq  uint64    // number of the last commit in it
}

const backupTime = "20060102T150405"

func (b BackupFile) name() string {
	return fmt.Sprintf("auto-%s-%s-%d.bolt", b.At.UTC().Format(backupTime), b.Why, b.Seq)
}

// parseBackup reads a name; false for a file that is no automatic backup.
func parseBackup(path string) (BackupFile, bool) {
	words := strings.Split(strings.TrimSuffix(filepath.Base(path), ".bolt"), "-")
	if len(words) != 4 || words[0] != "auto" || filepath.Ext(path) != ".bolt" {
		return BackupFile{}, false
	}
	at, err := time.Parse(backupTime, words[1])
	seq, err2 := strconv.ParseUint(words[3], 10, 64)
	return BackupFile{path, at, words[2], seq}, err == nil && err2 == nil
}

// Backups lists the automatic backups of the project in a folder, newest first.
// The number of the last commit goes before the time: a clock may be wrong.
func Backups(dir string) ([]BackupFile, error) {
	dir, _ = projectFile(dir)
	entries, err := os.ReadDir(filepath.Join(dir, BackupDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("storage: backups: %w", err)
	}
	var out []BackupFile
	for _, e := range entries {
		if b, ok := parseBackup(filepath.Join(dir, BackupDir, e.Name())); ok {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b BackupFile) int {
		if a.Seq != b.Seq {
			return int(min(max(int64(b.Seq)-int64(a.Seq), -1), 1))
		}
		return b.At.Compare(a.At)
	})
	return out, nil
}

// AutoBackup lays a checked copy of the project into its folder backup, unless
// the newest one there holds everything already, and takes away those that are
// past keeping: the newest 10 stay, and the last of each of the 7 days before.
// path is "" when none was needed. why is one word of letters: "open".
func (p *Project) AutoBackup(why string, now time.Time) (path string, err error) {
	have, err := Backups(p.dir)
	if err != nil {
		return "", err
	}
	seq, err := p.LastCommit()
	if err != nil {
		return "", err
	}
	if len(have) == 0 || have[0].Seq != seq {
		b := BackupFile{At: now, Why: why, Seq: seq}
		path = filepath.Join(p.dir, BackupDir, b.name())
		if err := p.Backup(path); err != nil {
			return "", err
		}
		if err := verifyBackup(path, seq); err != nil {
			return "", errors.Join(fmt.Errorf("storage: backup %s: %w", path, err), p.disk.remove(path))
		}
		if have, err = Backups(p.dir); err != nil {
			return path, err
		}
	}
	for _, b := range past(have, keepNewest) {
		if err := p.disk.remove(b.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return path, fmt.Errorf("storage: old backup: %w", err)
		}
	}
	return path, nil
}

// past lists the backups that are no longer kept; the list is newest first.
func past(have []BackupFile, newest int) []BackupFile {
	var out []BackupFile
	days := map[string]bool{}
	for i, b := range have {
		day := b.At.UTC().Format("20060102")
		last := !days[day]
		days[day] = true
		if i >= newest && (!last || len(days) > keepDays) {
			out = append(out, b)
		}
	}
	return out
}

// LastCommit is the number of the last audit record.
func (p *Project) LastCommit() (seq uint64, err error) {
	err = p.view(func(tx *bolt.Tx) error {
		if k, _ := tx.Bucket(bucketAudit).Cursor().Last(); len(k) == 8 {
			seq = order64(k)
		}
		return nil
	})
	return seq, err
}

// verifyBackup opens the copy as a project and looks for its last commit.
func verifyBackup(path string, seq uint64) error {
	c, err := newCodec()
	if err != nil {
		return err
	}
	if _, err := identify(path); err != nil {
		return err
	}
	db, err := openBolt(path, boltOptions(true, populateMax))
	if err != nil {
		return err
	}
	err = shielded(func() error {
		return db.View(func(tx *bolt.Tx) error {
			_, err := getAudit(tx, c, seq)
			return err
		})
	})
	return errors.Join(err, db.Close())
}

// Room is how many bytes are free where the project lies; false when the system
// does not say.
func (p *Project) Room() (free uint64, ok bool) { return FreeBytes(p.dir) }

// lowRoom is below how many free bytes a person is warned.
const lowRoom = 1 << 30

// RoomLow tells whether the disk is nearly full: less than 1 GB free, or less
// than three times the project's file. It takes away all automatic backups but
// the newest two then.
func (p *Project) RoomLow() (bool, error) {
	free, ok := p.Room()
	st, err := os.Stat(p.path)
	if err != nil || !ok {
		return false, err
	}
	if free >= lowRoom && free >= 3*uint64(st.Size()) {
		return false, nil
	}
	have, err := Backups(p.dir)
	if err != nil || p.readOnly {
		return true, err
	}
	for i, b := range have {
		if i >= 2 {
			if err := p.disk.remove(b.Path); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}
