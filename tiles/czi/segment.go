package czi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"coverslip/tiles"
	"coverslip/tiles/codec"
	"coverslip/tiles/kept"
)

var le = binary.LittleEndian

// Segments begin with their name, the bytes they take and the bytes they use.
const segmentHeader = 32

// Names of segments.
const (
	idFile        = "ZISRAWFILE"
	idDirectory   = "ZISRAWDIRECTORY"
	idSubBlock    = "ZISRAWSUBBLOCK"
	idMetadata    = "ZISRAWMETADATA"
	idAttachments = "ZISRAWATTDIR"
	idAttachment  = "ZISRAWATTACH"
)

// Sizes of the fixed parts of segments, in bytes after the segment's header.
const (
	fileData       = 80  // of the file header that is read
	directoryData  = 128 // before the entries
	entryHead      = 32  // of a directory entry before its dimensions
	dimensionBytes = 20
	blockData      = 16  // of a sub-block before its directory entry
	blockLeast     = 256 // of a sub-block before its metadata
	xmlData        = 256 // before the XML
	attachDirData  = 256 // before the entries of attachments
	attachEntry    = 128
	attachData     = 256 // of an attachment before its bytes
)

// segmentID is the name of a segment.
func segmentID(head []byte) string {
	return string(bytes.TrimRight(head[:16], "\x00"))
}

// piece is a sub-block: a picture of one plane.
type piece struct {
	at           int64 // of its segment
	x, y         int32 // of its upper left corner, pixels of full resolution
	w, h         int32 // what it shows, pixels of full resolution
	sw, sh       int32 // what is stored, pixels
	c, z, t      int32
	scene, index int32 // S, or -1; M, or -1
	pixel        int32 // pixel type
	compression  int32
}

// readSegment reads n bytes after the header of a segment of the given name.
func (f *file) readSegment(at int64, id string, n int) ([]byte, error) {
	if at < 0 || at > f.size-segmentHeader-int64(n) {
		return nil, bad("%s at %d reaches behind the file's end at %d", id, at, f.size)
	}
	buf := make([]byte, segmentHeader+n)
	if _, err := f.r.ReadAt(buf, at); err != nil {
		return nil, fmt.Errorf("%s at %d: %w", id, at, err)
	}
	if got := segmentID(buf); got != id {
		return nil, bad("a segment %q lies at %d, not %s", clip(got), at, id)
	}
	return buf[segmentHeader:], nil
}

// parse reads header and directory of a file of size bytes.
func parse(r io.ReaderAt, size int64, codecs *codec.Set) (*file, error) {
	f := &file{r: r, size: size, codecs: codecs, kept: kept.New[int64](keptBytes), others: map[string]bool{}}
	head, err := f.readSegment(0, idFile, fileData)
	if err != nil {
		return nil, err
	}
	if major := le.Uint32(head); major != 1 {
		return nil, unsupported("", "CZI version %d", major)
	}
	if part := le.Uint32(head[48:]); part != 0 || !bytes.Equal(head[16:32], head[32:48]) {
		return nil, unsupported("save the slide as one file, in ZEN: Image Export", "CZI file that is part %d of several", part)
	}
	f.updatePending = le.Uint32(head[68:]) != 0
	f.xmlAt, f.attachmentsAt = int64(le.Uint64(head[60:])), int64(le.Uint64(head[72:]))
	at := int64(le.Uint64(head[52:]))
	if at == 0 {
		return nil, bad("there is no directory: the file was not closed by the program that wrote it")
	}
	return f, f.readDirectory(at)
}

// readDirectory reads the list of sub-blocks.
func (f *file) readDirectory(at int64) error {
	head, err := f.readSegment(at, idDirectory, directoryData)
	if err != nil {
		return err
	}
	n := int64(int32(le.Uint32(head)))
	at += segmentHeader + directoryData
	room := min(f.size-at, maxDirectory)
	if n < 1 || n > room/(entryHead+dimensionBytes) {
		return bad("a directory of %d sub-blocks where %d bytes are left", n, f.size-at)
	}
	// Entries differ in length: they are read in one go, as far as may be needed.
	buf := make([]byte, min(room, n*(entryHead+maxDimensions*dimensionBytes)))
	if _, err := f.r.ReadAt(buf, at); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	f.pieces = make([]piece, 0, n)
	for i := range n {
		p, length, err := f.parseEntry(buf)
		if err != nil {
			return &tiles.FormatError{Format: name, What: fmt.Sprintf("sub-block %d of %d", i, n), Err: err}
		}
		f.pieces = append(f.pieces, p)
		buf = buf[length:]
	}
	return nil
}

// parseEntry reads a directory entry of the kind DV.
func (f *file) parseEntry(b []byte) (piece, int, error) {
	p := piece{scene: -1, index: -1}
	if len(b) < entryHead {
		return p, 0, fmt.Errorf("its entry is cut off")
	}
	if string(b[:2]) != "DV" {
		return p, 0, fmt.Errorf("its entry is of the kind %q", b[:2])
	}
	p.pixel, p.at, p.compression = int32(le.Uint32(b[2:])), int64(le.Uint64(b[6:])), int32(le.Uint32(b[18:]))
	if part := le.Uint32(b[14:]); part != 0 {
		return p, 0, fmt.Errorf("it lies in part %d of the file", part)
	}
	n := int(int32(le.Uint32(b[28:])))
	if n < 1 || n > maxDimensions || len(b) < entryHead+n*dimensionBytes {
		return p, 0, fmt.Errorf("%d dimensions", n)
	}
	for i := range n {
		d := b[entryHead+i*dimensionBytes:]
		start, size, stored := int32(le.Uint32(d[4:])), int32(le.Uint32(d[8:])), int32(le.Uint32(d[16:]))
		if stored == 0 {
			stored = size
		}
		switch id := string(bytes.TrimRight(d[:4], "\x00")); id {
		case "X":
			p.x, p.w, p.sw = start, size, stored
		case "Y":
			p.y, p.h, p.sh = start, size, stored
		case "C":
			p.c = start
		case "Z":
			p.z = start
		case "T":
			p.t = start
		case "S":
			p.scene = start
		case "M":
			p.index = start
		default: // rotation, illumination, phase, block, view
			if start != 0 {
				f.others[clip(id)] = true
				p.pixel = -1 // marks what is left out
			}
		}
	}
	return p, entryHead + n*dimensionBytes, p.check()
}

// check holds the sizes of a piece against the limits.
func (p *piece) check() error {
	const most = math.MaxInt32 / 4
	switch {
	case p.w < 1 || p.h < 1 || p.sw < 1 || p.sh < 1:
		return fmt.Errorf("%d×%d pixels, stored as %d×%d", p.w, p.h, p.sw, p.sh)
	case p.x < -most || p.y < -most || p.x > most || p.y > most || p.w > most || p.h > most:
		return fmt.Errorf("%d×%d pixels at (%d,%d)", p.w, p.h, p.x, p.y)
	case p.sw > p.w || p.sh > p.h:
		return fmt.Errorf("%d×%d pixels are stored as more, %d×%d", p.w, p.h, p.sw, p.sh)
	}
	return nil
}

// clip shortens a text of the file for a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
