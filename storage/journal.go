package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// JournalName is the journal beside project.bolt: every commit once more, in
// the order they were made, in a file that is only ever added to. It alone
// restores the project. docs/project-format.md gives its bytes.
const JournalName = "project.journal"

const (
	journalMagic = "CSJOURN1"
	recordHead   = 16 // "CSR1", length (8 bytes), CRC-32C (4 bytes)

	kindProject byte = 0 // whose journal it is; the first record
	kindCommit  byte = 1 // audit record, list of changes, values
	kindSetting byte = 2 // key, sealed value
)

var recordMagic = []byte("CSR1")

// journalAhead is by how many bytes of zeros the file grows at once: writing
// into what is there already spares the file system a change of the length,
// which is most of what a sync costs.
const journalAhead = 256 << 10

// journal is the open journal of a project that is written. It is protected by
// Project.write.
type journal struct {
	disk disk
	file *os.File
	end  int64 // of the last whole record
	size int64 // of the file: zeros lie from end to here
	last int64 // where end was before the last record, to take it back
}

// journalEntry is a record in the making: its parts are written one after
// another and never copied together, since an import may be large.
type journalEntry [][]byte

func (e journalEntry) length() (n int64) {
	for _, part := range e {
		n += int64(len(part))
	}
	return n
}

// framed puts length and checksum in front of the parts.
func (e journalEntry) framed() journalEntry {
	head := append(make([]byte, 0, recordHead), recordMagic...)
	head = binary.LittleEndian.AppendUint64(head, uint64(e.length()))
	sum := crc32.Update(0, castagnoli, head[4:])
	for _, part := range e {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return append(journalEntry{binary.LittleEndian.AppendUint32(head, sum)}, e...)
}

// field appends a length and the bytes.
func (e journalEntry) field(b []byte) journalEntry {
	return append(e, binary.AppendUvarint(nil, uint64(len(b))), b)
}

func commitEntry(audit, log []byte, values [][]byte) journalEntry {
	e := journalEntry{[]byte{kindCommit}}.field(audit).field(log)
	e = append(e, binary.AppendUvarint(nil, uint64(len(values))))
	for _, v := range values {
		e = e.field(v)
	}
	return e
}

func settingEntry(key, sealed []byte) journalEntry {
	return journalEntry{[]byte{kindSetting}}.field(key).field(sealed)
}

func projectEntry(h header) (journalEntry, error) {
	created, err := h.Created.MarshalText()
	if err != nil {
		return nil, err
	}
	e := journalEntry{[]byte{kindProject}}.field(h.UUID[:]).field([]byte(h.Name)).field(created).field([]byte(h.App))
	return append(e, binary.AppendUvarint(nil, uint64(h.Schema))), nil
}

// pieceBytes is how much of a large record is written at a time.
const pieceBytes = 1 << 20

// add writes the record and has it on the disk when it returns nil. After an
// error the journal is as it was before, or errBroken is part of the error.
func (j *journal) add(entries ...journalEntry) error {
	before := j.end
	err := j.write(entries)
	if err == nil {
		if err = j.disk.sync(j.file); err == nil {
			j.last = before
			return nil
		}
		// What a failed sync left on the disk nobody knows.
		return errors.Join(fmt.Errorf("journal: %w", err), errBroken)
	}
	j.last = before
	return errors.Join(fmt.Errorf("journal: %w", err), j.takeBack())
}

func (j *journal) write(entries []journalEntry) error {
	var total int64
	for _, e := range entries {
		total += recordHead + e.length()
	}
	if need := j.end + total; need > j.size {
		grown := need + journalAhead
		zeros := make([]byte, min(grown-j.size, pieceBytes))
		for at := j.size; at < grown; at += int64(len(zeros)) {
			if err := j.disk.writeAt(j.file, zeros[:min(int64(len(zeros)), grown-at)], at); err != nil {
				return err
			}
		}
		j.size = grown
	}
	piece := make([]byte, 0, min(total, pieceBytes))
	flush := func() error {
		err := j.disk.writeAt(j.file, piece, j.end)
		j.end += int64(len(piece))
		piece = piece[:0]
		return err
	}
	for _, e := range entries {
		for _, part := range e.framed() {
			for len(part) > 0 {
				n := min(len(part), cap(piece)-len(piece))
				piece, part = append(piece, part[:n]...), part[n:]
				if len(piece) == cap(piece) {
					if err := flush(); err != nil {
						return err
					}
				}
			}
		}
	}
	if len(piece) == 0 {
		return nil
	}
	return flush()
}

// takeBack removes the last record, whose commit did not come about.
func (j *journal) takeBack() error {
	err := j.disk.truncate(j.file, j.last)
	if err == nil {
		j.end, j.size = j.last, j.last
		err = j.disk.sync(j.file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), errBroken)
	}
	return nil
}

// close cuts the zeros off.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	err := error(nil)
	if j.size != j.end {
		err = j.disk.truncate(j.file, j.end)
	}
	return errors.Join(err, j.file.Close())
}

// openJournal opens the journal for adding after the given length, the end of
// its last whole record.
func openJournal(d disk, path string, end int64) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	j := &journal{disk: d, file: f, end: end, size: end, last: end}
	st, err := f.Stat()
	if err == nil && st.Size() > end {
		err = d.truncate(f, end)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// makeJournal writes the journal of a whole project, all its commits from the
// first on, and lets it appear under its name.
func (p *Project) makeJournal() (*journal, error) {
	end, err := p.layJournal(p.dir)
	if err != nil {
		return nil, err
	}
	return openJournal(p.disk, filepath.Join(p.dir, JournalName), end)
}

// layJournal writes that journal into a folder, and answers its length.
func (p *Project) layJournal(dir string) (end int64, err error) {
	temp, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return 0, err
	}
	defer os.Remove(temp.Name())
	j := &journal{disk: p.disk, file: temp}
	err = p.view(func(tx *bolt.Tx) error { return j.snapshot(tx, p.codec, p.head) })
	if err := errors.Join(err, temp.Close()); err != nil {
		return 0, err
	}
	return j.end, p.disk.publish(temp.Name(), filepath.Join(dir, JournalName))
}

// snapshotBatch is how many records of a snapshot are written at once.
const snapshotBatch = 256

func (j *journal) snapshot(tx *bolt.Tx, c *codec, h header) error {
	if err := j.disk.writeAt(j.file, []byte(journalMagic), 0); err != nil {
		return err
	}
	j.end, j.size = int64(len(journalMagic)), 1<<62 // no zeros: nothing is synced in between
	first, err := projectEntry(h)
	if err != nil {
		return err
	}
	batch := []journalEntry{first}
	cur := tx.Bucket(bucketAudit).Cursor()
	for k, v := cur.First(); k != nil; k, v = cur.Next() {
		e, err := storedEntry(tx, c, k, v)
		if err != nil {
			return err
		}
		if batch = append(batch, e); len(batch) >= snapshotBatch {
			if err := j.write(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	err = tx.Bucket(bucketSettings).ForEach(func(k, v []byte) error {
		batch = append(batch, settingEntry(k, v))
		return nil
	})
	if err != nil {
		return err
	}
	return j.write(batch)
}

// storedEntry is the journal's record of a commit that the project holds.
func storedEntry(tx *bolt.Tx, c *codec, key, audit []byte) (journalEntry, error) {
	if len(key) != 8 {
		return nil, broken("the audit has a key of %d bytes", len(key))
	}
	seq := order64(key)
	r, err := readAudit(c, key, audit)
	if err != nil {
		return nil, &DamageError{What: fmt.Sprintf("audit record %d", seq), Err: err}
	}
	steps, err := getSteps(tx, seq)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, 0, len(steps))
	for _, s := range steps {
		if s.removed {
			continue
		}
		v, err := valueAt(tx, s.kind, r.Slide, s.id, seq)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return commitEntry(audit, tx.Bucket(bucketLog).Get(key), values), nil
}

// commitRecord is a commit as the journal holds it.
type commitRecord struct {
	audit, log []byte
	values     [][]byte // of the steps that removed nothing, in their order
}

// journalRecord is one record that was read: one of its fields is set.
type journalRecord struct {
	project    *header
	commit     *commitRecord
	key, value []byte // a setting
	at, end    int64  // bytes from the beginning of the file
}

// journalReader reads a journal from its beginning. It copies what it hands out.
type journalReader struct {
	r       io.ReaderAt
	size    int64
	at      int64
	skipped int64 // bytes that belong to no whole record
	holes   int   // places before a whole record where some lie
}

var errNoJournal = errors.New("it is no journal of Coverslip's")

func readJournal(r io.ReaderAt, size int64) (*journalReader, error) {
	head := make([]byte, len(journalMagic))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if string(head) != journalMagic {
		return nil, errNoJournal
	}
	return &journalReader{r: r, size: size, at: int64(len(journalMagic))}, nil
}

// next is the next whole record, nil at the end. What cannot be read is stepped
// over to the next place that can, and counted.
func (j *journalReader) next() (*journalRecord, error) {
	from := j.at
	for at := from; ; {
		rec, err := j.record(at)
		if err != nil {
			return nil, err
		}
		if rec != nil {
			if at > from {
				j.skipped += at - from
				j.holes++
			}
			j.at = rec.end
			return rec, nil
		}
		if at, err = j.seek(at + 1); err != nil {
			return nil, err
		}
		if at < 0 {
			j.at = from
			return nil, nil
		}
	}
}

// torn tells whether anything but zeros follows the last whole record.
func (j *journalReader) torn() (bool, error) {
	buf := make([]byte, 64<<10)
	for at := j.at; at < j.size; {
		n, err := j.r.ReadAt(buf[:min(int64(len(buf)), j.size-at)], at)
		if err != nil && err != io.EOF {
			return false, err
		}
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return true, nil
		}
		if n == 0 {
			break
		}
		at += int64(n)
	}
	return false, nil
}

// seek finds the next place from which a record may begin; -1 when none does.
func (j *journalReader) seek(from int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at := from; at < j.size; {
		n, err := j.r.ReadAt(buf[:min(int64(len(buf)), j.size-at)], at)
		if err != nil && err != io.EOF {
			return -1, err
		}
		if i := bytes.Index(buf[:n], recordMagic); i >= 0 {
			return at + int64(i), nil
		}
		if n < len(recordMagic) {
			break
		}
		at += int64(n - len(recordMagic) + 1)
	}
	return -1, nil
}

// record reads the record that begins at a place; nil when none does.
func (j *journalReader) record(at int64) (*journalRecord, error) {
	head := make([]byte, recordHead)
	if at+recordHead > j.size {
		return nil, nil
	}
	if _, err := j.r.ReadAt(head, at); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head[4:])
	if !bytes.Equal(head[:4], recordMagic) || n == 0 || n > uint64(j.size-at-recordHead) {
		return nil, nil
	}
	body := make([]byte, n)
	if _, err := j.r.ReadAt(body, at+recordHead); err != nil {
		return nil, err
	}
	if crc32.Update(crc32.Update(0, castagnoli, head[4:12]), castagnoli, body) != binary.LittleEndian.Uint32(head[12:]) {
		return nil, nil
	}
	rec, err := parseRecord(body)
	if err != nil {
		return nil, nil // whole, and not understood: as good as damaged
	}
	rec.at, rec.end = at, at+recordHead+int64(n)
	return rec, nil
}

func parseRecord(body []byte) (*journalRecord, error) {
	f := fields{b: body[1:]}
	rec := &journalRecord{}
	switch body[0] {
	case kindProject:
		h := &header{}
		ok := copy(h.UUID[:], f.next()) == len(h.UUID)
		h.Name = string(f.next())
		if err := h.Created.UnmarshalText(f.next()); err != nil {
			return nil, err
		}
		h.App = string(f.next())
		h.Schema = int(f.number())
		if !ok || h.Schema < 1 || h.Schema > 1<<20 {
			f.bad = true
		}
		rec.project = h
	case kindCommit:
		c := &commitRecord{audit: f.next(), log: f.next()}
		n := f.number()
		if n > uint64(len(f.b)) {
			return nil, errNoJournal
		}
		for range n {
			c.values = append(c.values, f.next())
		}
		rec.commit = c
	case kindSetting:
		rec.key, rec.value = f.next(), f.next()
	default:
		return nil, errNoJournal
	}
	if f.bad || len(f.b) != 0 {
		return nil, errNoJournal
	}
	return rec, nil
}

// fields takes lengths and bytes off a record.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) number() uint64 {
	n, k := binary.Uvarint(f.b)
	if k <= 0 {
		f.bad = true
		return 0
	}
	f.b = f.b[k:]
	return n
}

func (f *fields) next() []byte {
	n := f.number()
	if n > uint64(len(f.b)) {
		f.bad = true
		return nil
	}
	part := f.b[:n:n]
	f.b = f.b[n:]
	return part
}

// setAside renames a file of the project that does not belong to it as it is
// now, and answers its new name.
func (p *Project) setAside(path, why string) (string, error) {
	ext := filepath.Ext(path)
	name := strings.TrimSuffix(filepath.Base(path), ext)
	to := filepath.Join(p.dir, fmt.Sprintf("%s.%s-%s%s", name, why, time.Now().UTC().Format("20060102T150405.000"), ext))
	err := p.disk.rename(path, to)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return to, err
}
