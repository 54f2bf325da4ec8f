package app

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// AuditFormats are the formats of an exported edit log, by the endings of files.
func AuditFormats() []string { return []string{"csv", "json", "jsonl", "html"} }

// AuditEntry is an audit record as files for others hold it. From all of its
// fields together the hash can be computed again.
type AuditEntry struct {
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"`
	Author  string    `json:"author"`
	Session string    `json:"session"`
	App     string    `json:"app"`
	Op      string    `json:"op"`
	Of      uint64    `json:"of,omitempty"`
	Slide   string    `json:"slide,omitempty"`
	Label   string    `json:"label"`
	Reason  string    `json:"reason,omitempty"`
	Changes int       `json:"changes"`
	Run     int64     `json:"runNanoseconds,omitempty"`
	Clock   bool      `json:"clockSuspect,omitempty"`
	Digest  string    `json:"digest"`
	Prev    string    `json:"prev"`
	Hash    string    `json:"hash"`
}

// EntryOf is a record as files for others hold it.
func EntryOf(r storage.AuditRecord) AuditEntry {
	e := AuditEntry{Seq: r.Seq, At: r.At, Author: r.Author, Session: r.Session, App: r.App, Op: r.Op.String(), Of: r.Of,
		Label: r.Label, Reason: r.Reason, Changes: r.Changes, Run: int64(r.Run), Clock: r.Clock,
		Digest: hex.EncodeToString(r.Digest[:]), Prev: hex.EncodeToString(r.Prev[:]), Hash: hex.EncodeToString(r.Hash[:])}
	if !r.Slide.IsZero() {
		e.Slide = r.Slide.String()
	}
	return e
}

// record is the way back from EntryOf.
func (e AuditEntry) record() (storage.AuditRecord, error) {
	r := storage.AuditRecord{Seq: e.Seq, At: e.At, Author: e.Author, Session: e.Session, App: e.App, Of: e.Of,
		Label: e.Label, Reason: e.Reason, Changes: e.Changes, Run: time.Duration(e.Run), Clock: e.Clock}
	var err error
	if r.Op, err = storage.ParseOp(e.Op); err != nil {
		return r, err
	}
	if e.Slide != "" {
		if r.Slide, err = annotate.ParseID(e.Slide); err != nil {
			return r, err
		}
	}
	for _, f := range []struct {
		to   *[32]byte
		from string
	}{{&r.Digest, e.Digest}, {&r.Prev, e.Prev}, {&r.Hash, e.Hash}} {
		b, err := hex.DecodeString(f.from)
		if err != nil || len(b) != 32 {
			return r, fmt.Errorf("%q is no hash", f.from)
		}
		*f.to = [32]byte(b)
	}
	return r, nil
}

// auditHead is what stands above the records of an export.
type auditHead struct {
	Project string    `json:"project"`
	Name    string    `json:"name"`
	Written time.Time `json:"written"`
	Program string    `json:"program"`
	Records uint64    `json:"records"`
	Head    string    `json:"head"`
	From    uint64    `json:"from"` // number of the first record below
	Problem string    `json:"problem,omitempty"`
}

// ExportAudit writes the edit log from a number on in one of AuditFormats, and
// answers how many records it wrote.
func (s *Session) ExportAudit(w io.Writer, format string, from uint64) (n int, err error) {
	rep, err := s.project.VerifyAudit()
	if err != nil {
		return 0, err
	}
	head := auditHead{s.project.UUID().String(), s.Name(), time.Now().UTC().Truncate(time.Second), "coverslip " + Version,
		rep.Records, hex.EncodeToString(rep.Head[:]), max(1, from), rep.Problem}
	out := bufio.NewWriter(w)
	switch format {
	case "csv":
		n, err = s.auditCSV(out, head, from)
	case "json":
		n, err = s.auditJSON(out, head, from)
	case "jsonl":
		n, err = s.auditLines(out, from)
	case "html":
		n, err = s.auditHTML(out, head, from)
	default:
		return 0, fmt.Errorf("format %q: there are %s", format, strings.Join(AuditFormats(), ", "))
	}
	return n, errors.Join(err, out.Flush())
}

func (s *Session) auditLines(w io.Writer, from uint64) (n int, err error) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	err = s.project.Audit(from, func(r storage.AuditRecord) error {
		n++
		return e.Encode(EntryOf(r))
	})
	return n, err
}

func (s *Session) auditJSON(w io.Writer, head auditHead, from uint64) (n int, err error) {
	h, err := json.Marshal(head)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(w, "%s,\"log\":[", bytes.TrimSuffix(h, []byte("}"))); err != nil {
		return 0, err
	}
	err = s.project.Audit(from, func(r storage.AuditRecord) error {
		sep := ",\n"
		if n == 0 {
			sep = "\n"
		}
		n++
		line, err := json.Marshal(EntryOf(r))
		if err == nil {
			_, err = fmt.Fprintf(w, "%s%s", sep, line)
		}
		return err
	})
	if err != nil {
		return n, err
	}
	_, err = io.WriteString(w, "\n]}\n")
	return n, err
}

// auditColumns are the columns of the table of the log.
func auditColumns() []string {
	return []string{"seq", "at", "author", "op", "of", "slide", "label", "reason", "changes", "session", "app",
		"runNanoseconds", "clockSuspect", "digest", "prev", "hash"}
}

// auditCSV writes a table; a field that a spreadsheet would take for a formula
// begins with an apostrophe.
func (s *Session) auditCSV(w io.Writer, head auditHead, from uint64) (n int, err error) {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"project", head.Project, guarded(head.Name), "head", head.Head, "from", strconv.FormatUint(head.From, 10)}); err != nil {
		return 0, err
	}
	if err := c.Write(auditColumns()); err != nil {
		return 0, err
	}
	err = s.project.Audit(from, func(r storage.AuditRecord) error {
		n++
		e := EntryOf(r)
		return c.Write([]string{strconv.FormatUint(e.Seq, 10), e.At.Format(time.RFC3339Nano), guarded(e.Author), e.Op,
			strconv.FormatUint(e.Of, 10), e.Slide, guarded(e.Label), guarded(e.Reason), strconv.Itoa(e.Changes), guarded(e.Session),
			guarded(e.App), strconv.FormatInt(e.Run, 10), strconv.FormatBool(e.Clock), e.Digest, e.Prev, e.Hash})
	})
	c.Flush()
	return n, errors.Join(err, c.Error())
}

// guarded keeps a spreadsheet from taking a text for a formula.
func guarded(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

func unguarded(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && rest != "" && strings.ContainsRune("=+-@\t\r'", rune(rest[0])) {
		return rest
	}
	return s
}

func (s *Session) auditHTML(w io.Writer, head auditHead, from uint64) (n int, err error) {
	page, err := template.New("audit").Parse(auditPage)
	if err != nil {
		return 0, err
	}
	signatures, err := s.project.Signatures(annotate.ID{})
	if err != nil {
		return 0, err
	}
	names := map[annotate.ID]string{}
	slides, err := s.project.Slides()
	if err != nil {
		return 0, err
	}
	for _, sl := range slides {
		names[sl.ID] = sl.Name
	}
	top := struct {
		auditHead
		Signatures []storage.Signature
		Slides     map[annotate.ID]string
	}{head, signatures, names}
	if err := page.ExecuteTemplate(w, "top", top); err != nil {
		return 0, err
	}
	err = s.project.Audit(from, func(r storage.AuditRecord) error {
		n++
		return page.ExecuteTemplate(w, "row", struct {
			AuditEntry
			SlideName string
		}{EntryOf(r), names[r.Slide]})
	})
	if err != nil {
		return n, err
	}
	return n, page.ExecuteTemplate(w, "end", nil)
}

// auditPage prints well on A4 in landscape: the head of the table on each page,
// no row cut in two.
const auditPage = `{{define "top"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Edit log of {{.Name}}</title>
<style>
@page { size: A4 landscape; margin: 12mm }
body { font: 10pt/1.35 sans-serif; color: #111; margin: 2em auto; max-width: 75em; padding: 0 1em }
table { border-collapse: collapse; width: 100%; font-size: 8.5pt; margin: 1em 0 }
th, td { text-align: left; vertical-align: top; padding: 2px 6px; border-bottom: 1px solid #bbb }
thead { display: table-header-group } tr { break-inside: avoid }
code { font-size: 7.5pt; overflow-wrap: anywhere } .bad { color: #a00; font-weight: bold }
@media print { body { margin: 0; max-width: none; padding: 0 } }
</style></head><body>
<h1>Edit log of {{.Name}}</h1>
<p>Project <code>{{.Project}}</code>, {{.Records}} records, written {{.Written.Format "2006-01-02 15:04:05 MST"}} by {{.Program}}.<br>
Hash of the last record: <code>{{.Head}}</code></p>
{{if .Problem}}<p class="bad">The log was changed from outside: {{.Problem}}</p>{{end}}
<p>The records form a chain of hashes. It shows what was altered, removed or put elsewhere; it does not show that somebody wrote a whole new chain: keep the hash above in another place. Research use only.</p>
{{if .Signatures}}<h2>Signatures</h2>
<table><thead><tr><th>When</th><th>Who</th><th>Slide</th><th>Meaning</th><th>Labels</th><th>State</th></tr></thead><tbody>
{{range .Signatures}}<tr><td>{{.At.Format "2006-01-02 15:04:05 -07:00"}}</td><td>{{.Name}} ({{.Role}})</td><td>{{index $.Slides .Slide}}</td><td>{{.Meaning}}</td><td>{{.Objects}}</td>
<td>{{if .Problem}}<span class="bad">{{.Problem}}</span>{{else if .Current}}valid, labels unchanged{{else}}valid, labels changed since{{end}}</td></tr>
{{end}}</tbody></table>{{end}}
<h2>Records</h2>
<table><thead><tr><th>No.</th><th>When</th><th>Who</th><th>What</th><th>Slide</th><th>Reason</th><th>Changes</th><th>Hash</th></tr></thead><tbody>
{{end}}{{define "row"}}<tr><td>{{.Seq}}</td><td>{{.At.Format "2006-01-02 15:04:05 -07:00"}}{{if .Clock}} <span class="bad">clock?</span>{{end}}</td><td>{{.Author}}</td><td>{{.Op}}{{if .Of}} of {{.Of}}{{end}}: {{.Label}}</td><td>{{.SlideName}}</td><td>{{.Reason}}</td><td>{{.Changes}}</td><td><code>{{.Hash}}</code></td></tr>
{{end}}{{define "end"}}</tbody></table></body></html>
{{end}}`

// AuditFinding is what VerifyAuditFile found in an exported log.
type AuditFinding struct {
	Records int    // good ones, from the first on
	Head    string // hash of the last good one, hexadecimal
	Problem string // of the record after them; "" when all are good
}

// VerifiableAudit tells whether VerifyAuditFile reads files of that name.
func VerifiableAudit(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".json", ".jsonl":
		return true
	}
	return false
}

// fileHead is what an exported log says of itself; JSON lines say nothing.
type fileHead struct {
	project annotate.ID
	head    string // hash of the last record
	from    uint64 // number of the first record; 0 when it is not said
}

// VerifyAuditFile checks an exported edit log (CSV, JSON or JSON lines) without
// the project: every record's hash, the links between them, and that the first
// and the last record are those that the file names. project may be zero; then
// the link of the first record is taken from a file that names its project, and
// is not checked for one that does not. from is the number of the first record;
// 0 takes what the file says, or 1. Records that were cut off the end of JSON
// lines are found only beside the project.
func VerifyAuditFile(path string, project annotate.ID, from uint64) (AuditFinding, error) {
	f, err := os.Open(path)
	if err != nil {
		return AuditFinding{}, about("file", path, err)
	}
	defer f.Close()
	if !VerifiableAudit(path) {
		return AuditFinding{}, about("file", path, fmt.Errorf("a log in %s cannot be checked; export it as csv, json or jsonl", filepath.Ext(path)))
	}
	entries := func(yield func(AuditEntry) error) (fileHead, error) { return eachJSON(f, yield) }
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		entries = func(yield func(AuditEntry) error) (fileHead, error) { return eachCSV(f, yield) }
	}
	var all []storage.AuditRecord
	named, err := entries(func(e AuditEntry) error {
		r, err := e.record()
		if err != nil {
			r.Seq = 0
			r.Label = err.Error()
		}
		all = append(all, r)
		return nil
	})
	if err != nil {
		return AuditFinding{}, about("file", path, err)
	}
	if project.IsZero() {
		project = named.project
	}
	if from == 0 {
		from = max(1, named.from)
	}
	if len(all) > 0 && all[0].Seq != from && all[0].Seq != 0 { // 0: the record itself is broken, and says so
		return AuditFinding{Problem: fmt.Sprintf("record %d was expected first, this is %d", from, all[0].Seq)}, nil
	}
	found, err := chained(all, project)
	if err == nil && found.Problem == "" && named.head != "" && named.head != found.Head {
		found.Problem = fmt.Sprintf("records were removed from its end: the file says that the hash of the last one is %s", named.head)
	}
	return found, err
}

func chained(all []storage.AuditRecord, project annotate.ID) (AuditFinding, error) {
	var found AuditFinding
	chain, err := storage.NewChain(project)
	if err != nil {
		return found, err
	}
	for i, r := range all {
		if i == 0 && project.IsZero() && r.Seq == 1 {
			// Nobody says whose chain it is: the first link is not known.
			if chain, err = storage.ResumeChain(r); err != nil {
				return found, err
			}
		}
		if found.Problem = chain.Add(r); found.Problem != "" {
			return found, nil
		}
		found.Records++
		found.Head = hex.EncodeToString(r.Hash[:])
	}
	if len(all) == 0 {
		found.Problem = "there is no record"
	}
	return found, nil
}

// maxAuditFile bounds an exported log that is read.
const maxAuditFile = 4 << 30

func eachJSON(r io.Reader, yield func(AuditEntry) error) (head fileHead, err error) {
	in := bufio.NewReader(io.LimitReader(r, maxAuditFile))
	d := json.NewDecoder(in)
	for {
		var raw struct {
			AuditEntry
			Project *annotate.ID  `json:"project"`
			Head    string        `json:"head"`
			From    uint64        `json:"from"`
			Log     *[]AuditEntry `json:"log"`
		}
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return head, nil
		}
		if err != nil {
			return head, err
		}
		if raw.Log == nil {
			if err := yield(raw.AuditEntry); err != nil {
				return head, err
			}
			continue
		}
		if raw.Project != nil {
			head.project = *raw.Project
		}
		head.head, head.from = raw.Head, raw.From
		for _, e := range *raw.Log {
			if err := yield(e); err != nil {
				return head, err
			}
		}
	}
}

func eachCSV(r io.Reader, yield func(AuditEntry) error) (head fileHead, err error) {
	c := csv.NewReader(io.LimitReader(r, maxAuditFile))
	c.FieldsPerRecord = -1
	first, err := c.Read()
	if err != nil {
		return head, err
	}
	if len(first) < 2 || first[0] != "project" {
		return head, errors.New("it is no edit log")
	}
	if head.project, err = annotate.ParseID(first[1]); err != nil {
		return head, err
	}
	for i := 3; i+1 < len(first); i += 2 {
		switch first[i] {
		case "head":
			head.head = first[i+1]
		case "from":
			if head.from, err = strconv.ParseUint(first[i+1], 10, 64); err != nil {
				return head, fmt.Errorf("the number of its first record: %w", err)
			}
		}
	}
	if _, err := c.Read(); err != nil {
		return head, err
	}
	for {
		f, err := c.Read()
		if errors.Is(err, io.EOF) {
			return head, nil
		}
		if err != nil {
			return head, err
		}
		e, err := csvEntry(f)
		if err != nil {
			e = AuditEntry{Op: err.Error()}
		}
		if err := yield(e); err != nil {
			return head, err
		}
	}
}

func csvEntry(f []string) (AuditEntry, error) {
	if len(f) != len(auditColumns()) {
		return AuditEntry{}, fmt.Errorf("a row of %d fields", len(f))
	}
	seq, err1 := strconv.ParseUint(f[0], 10, 64)
	at, err2 := time.Parse(time.RFC3339Nano, f[1])
	of, err3 := strconv.ParseUint(f[4], 10, 64)
	changes, err4 := strconv.Atoi(f[8])
	run, err5 := strconv.ParseInt(f[11], 10, 64)
	suspect, err6 := strconv.ParseBool(f[12])
	return AuditEntry{Seq: seq, At: at, Author: unguarded(f[2]), Op: f[3], Of: of, Slide: f[5], Label: unguarded(f[6]),
		Reason: unguarded(f[7]), Changes: changes, Session: unguarded(f[9]), App: unguarded(f[10]), Run: run, Clock: suspect,
		Digest: f[13], Prev: f[14], Hash: f[15]}, errors.Join(err1, err2, err3, err4, err5, err6)
}
