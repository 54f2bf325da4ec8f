// Package deid writes clean copies of slides: the pixels of the slide as they are
// stored, and of everything else only what is on a list of what is needed to read
// and measure them. Labels, macros and thumbnails are left out, texts are written
// anew, comments inside JPEG and JPEG 2000 streams are blanked, colour profiles
// keep their numbers and lose their texts. What a format has that no list knows is
// left out and counted; a format that no list knows is refused.
//
// It cannot see what is written on the glass itself: pixels are copied. Who shares
// a slide has to look at it.
//
// Sources: TIFF 6.0; ICC.1:2010; ITU T.81 and T.800; DICOM PS3.15 Annex E (Basic
// Application Level Confidentiality Profile); the descriptions of OpenSlide for
// the vendors' own parts.
package deid

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/formats"
)

// Options say how a slide is cleaned.
type Options struct {
	// Key makes pseudonyms of identifiers (UIDs of DICOM) by HMAC-SHA256, so that
	// files of one slide fit together and nobody can guess back. It must be kept
	// secret, and be the same for slides that belong together.
	Key []byte
	off rule // tests switch one rule off to see that it is needed
}

// rule is one thing that keeps persons out of a copy.
type rule int

// The rules. Each has a test that fails without it.
const (
	ruleNone     rule = iota
	ruleImages        // label, macro and thumbnail are left out
	ruleTags          // TIFF tags that no list names are left out
	ruleText          // descriptions are written anew
	ruleSegments      // comments in JPEG and JPEG 2000 streams are blanked
	ruleProfile       // texts of colour profiles are left out
	ruleElements      // DICOM elements that no list names are left out
	ruleValues        // words of listed DICOM elements are checked
	ruleIDs           // identifiers are replaced
	ruleFolders       // what lies beside the pixels in a MIRAX slide is left out
	ruleCount
)

// Report says what a clean copy has lost.
type Report struct {
	Format  string   // of the slide
	Out     string   // what was written
	Levels  int      // of the pyramid, as many as the slide had
	Dropped []string // each thing that was left out, in order, once
	Mind    []string // what a person has to look at
}

func (r *Report) drop(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(r.Dropped, text) && len(r.Dropped) < 1000 {
		r.Dropped = append(r.Dropped, text)
	}
}

// ErrUnknown: no list says what of such a slide may be kept.
var ErrUnknown = errors.New("clean copies are made of SVS, NDPI, OME-TIFF, DICOM and MIRAX slides")

// Clean writes a clean copy of a slide: a file, or for DICOM and MIRAX a folder.
// out must not exist. It appears only when it is whole, was opened again and has
// the levels of the slide.
//
// Errors: ErrUnknown for formats without a list, those of opening the slide,
// *tiles.UnsupportedError for kinds of a format that no list covers.
func Clean(ctx context.Context, path, out string, o Options) (Report, error) {
	r := Report{Out: out}
	if len(o.Key) < 16 {
		return r, errors.New("deid: the key of the pseudonyms must have 16 bytes or more")
	}
	if _, err := os.Lstat(out); err == nil {
		return r, fmt.Errorf("deid: %s is there already", out)
	}
	slide, err := formats.Open(ctx, path)
	if err != nil {
		return r, err
	}
	r.Format = slide.Info().Format
	before := slide.Levels()
	info := *slide.Info()
	if err := slide.Close(); err != nil {
		return r, err
	}
	write := map[string]func(context.Context, string, string, tiles.Info, *Report) error{
		"aperio": o.tiffFile, "hamamatsu": o.tiffFile, "ome-tiff": o.tiffFile, "dicom": o.dicomFolder, "mirax": o.miraxFolder,
	}[r.Format]
	if write == nil {
		return r, fmt.Errorf("deid: %s is a slide of the format %s: %w", path, r.Format, ErrUnknown)
	}
	temp, err := os.MkdirTemp(filepath.Dir(out), ".coverslip-deid-*.partial")
	if err != nil {
		return r, err
	}
	err = func() error {
		made := filepath.Join(temp, filepath.Base(out))
		if err := write(ctx, path, made, info, &r); err != nil {
			return fmt.Errorf("deid: %s: %w", path, err)
		}
		if err := check(ctx, made, before); err != nil && o.off != ruleImages && o.off != ruleFolders {
			return fmt.Errorf("deid: %s: the copy is not sound: %w", path, err)
		}
		r.Levels = len(before)
		return place(temp, made, out)
	}()
	r.Mind = append(r.Mind, "Pixels are as scanned: writing on the glass, if any, is in them.")
	return r, errors.Join(err, os.RemoveAll(temp))
}

// place gives the copy its name; a MIRAX slide is a file and a folder.
func place(temp, made, out string) error {
	entries, err := os.ReadDir(temp)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { // the file that is opened comes last
		return cmp.Compare(map[bool]int{true: 1}[a.Name() == filepath.Base(made)], map[bool]int{true: 1}[b.Name() == filepath.Base(made)])
	})
	for _, e := range entries {
		if err := os.Rename(filepath.Join(temp, e.Name()), filepath.Join(filepath.Dir(out), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// check opens a copy and compares its levels with the slide's.
func check(ctx context.Context, path string, want []tiles.Level) error {
	s, err := formats.Open(ctx, path)
	if err != nil {
		return err
	}
	got, names := s.Levels(), s.Info().Associated
	if err := s.Close(); err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("it has %d levels where the slide has %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Width != want[i].Width || got[i].Height != want[i].Height {
			return fmt.Errorf("level %d has %d×%d pixels where the slide has %d×%d", i, got[i].Width, got[i].Height, want[i].Width, want[i].Height)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("it still has the images %v", names)
	}
	return nil
}

// code is hex digits for an identifier.
func (o Options) code(kind, text string) string {
	m := hmac.New(sha256.New, o.Key)
	m.Write([]byte(kind + "\x00" + text)) // a hash never fails
	return hex.EncodeToString(m.Sum(nil))
}

// uid is the pseudonym of a DICOM identifier, PS3.5 annex B.2; those of the
// standard itself name no person and stay.
func (o Options) uid(v string) string {
	if v == "" || strings.HasPrefix(v, "1.2.840.10008.") || o.off == ruleIDs {
		return v
	}
	n, _ := new(big.Int).SetString(o.code("uid", v)[:31], 16) // hex digits always parse
	return "2.25." + n.String()
}
