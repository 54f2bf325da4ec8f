// Package formats is the ordered list of the readers of slides, and the one
// door by which a slide is opened.
package formats

import (
	"context"
	"errors"
	"fmt"
	"os"

	"coverslip/tiles"
	"coverslip/tiles/akoya"
	"coverslip/tiles/aperio"
	"coverslip/tiles/codec"
	"coverslip/tiles/czi"
	"coverslip/tiles/deepzoom"
	"coverslip/tiles/dicom"
	"coverslip/tiles/flat"
	"coverslip/tiles/generic"
	"coverslip/tiles/hamamatsu"
	"coverslip/tiles/leica"
	"coverslip/tiles/mirax"
	"coverslip/tiles/ometiff"
	"coverslip/tiles/openslide"
	"coverslip/tiles/philips"
	"coverslip/tiles/remote"
	"coverslip/tiles/trestle"
	"coverslip/tiles/ventana"
	"coverslip/tiles/zarr"
)

// CodecStatus says what decodes one kind of compression, for doctors and
// about-boxes.
type CodecStatus = codec.Status

// Codecs lists the compressions and what of a set decodes each (nil: of
// codec.Default), and the library that reads what none of our readers does.
func Codecs(codecs *codec.Set) []CodecStatus {
	if codecs == nil {
		codecs = codec.Default()
	}
	return append(codecs.Status(), openslide.Status(!codecs.GoOnly()))
}

// List is the readers in the order in which they are asked: vendors, what anybody
// writes, plain pictures, and libopenslide where it is installed. codecs is what
// they decode through.
func List(codecs *codec.Set) []tiles.Format {
	return []tiles.Format{
		dicom.Format(codecs),
		mirax.Format(codecs),
		aperio.Format(codecs),
		hamamatsu.Format(codecs),
		hamamatsu.FormatSet(codecs),
		hamamatsu.FormatVMS(codecs),
		philips.Format(codecs),
		leica.Format(codecs),
		trestle.Format(codecs),
		czi.Format(codecs),
		deepzoom.Format(codecs),
		ventana.Format(codecs),
		zarr.Format(),
		akoya.Format(codecs),
		ometiff.Format(codecs),
		generic.Format(codecs),
		flat.FormatTIFF(codecs),
		flat.FormatPNG(),
		flat.FormatJPEG(codecs),
		flat.FormatBMP(),
		openslide.Format(!codecs.GoOnly()),
	}
}

// Open opens a slide with the decoders of this computer.
//
// Errors name the file: an error of the system when it cannot be opened at all,
// a *RefusedError when no reader knows it, and the reader's error
// (*tiles.FormatError, *tiles.UnsupportedError) when it is damaged or uses what
// is not supported.
func Open(ctx context.Context, path string) (tiles.Slide, error) {
	return OpenWith(ctx, path, codec.Default())
}

// Options say how a slide is opened.
type Options struct {
	Codecs  *codec.Set // nil takes codec.Default
	Network bool       // path may be an http or https address
}

// ErrNetwork: a slide lies behind a web address, and nobody has allowed the
// network.
var ErrNetwork = errors.New("it lies behind a web address, and slides from the network are not allowed")

// OpenWith opens a slide with the given decoders, and without the network.
func OpenWith(ctx context.Context, path string, codecs *codec.Set) (tiles.Slide, error) {
	return OpenBy(ctx, path, Options{Codecs: codecs})
}

// OpenBy opens a slide. A folder is opened when it is a Zarr store or holds the
// files of one DICOM slide. Errors as of Open, and ErrNetwork.
func OpenBy(ctx context.Context, path string, o Options) (tiles.Slide, error) {
	if o.Codecs == nil {
		o.Codecs = codec.Default()
	}
	src, err := source(ctx, path, o)
	if err != nil {
		return nil, err
	}
	s, err := OpenSource(ctx, src, o.Codecs)
	if err != nil {
		if cerr := src.Close(); cerr != nil {
			return nil, errors.Join(err, cerr)
		}
		return nil, err
	}
	return s, nil
}

// source opens the bytes of a slide.
func source(ctx context.Context, path string, o Options) (*tiles.Source, error) {
	if remote.Is(path) {
		if !o.Network {
			return nil, fmt.Errorf("%s: %w", remote.Name(path), ErrNetwork)
		}
		return remote.Open(ctx, path, remote.Options{})
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		file, err := zarr.FileIn(path)
		if err == nil && file == "" {
			file, err = mirax.FileIn(path)
		}
		if err == nil && file == "" {
			file, err = dicom.FileIn(path)
		}
		if err != nil {
			return nil, err
		}
		if file == "" {
			return nil, &RefusedError{Path: path, Seen: "a folder in which no slide was found",
				Hint: "Choose the slide's file in it. Only folders of an OME-Zarr slide or of one DICOM slide are opened as a whole."}
		}
		path = file
	}
	return tiles.OpenSource(path)
}

// OpenSource opens a slide of an opened file, which the slide then owns; on an
// error it is left to the caller.
func OpenSource(ctx context.Context, src *tiles.Source, codecs *codec.Set) (tiles.Slide, error) {
	var reasons []Reason
	list := List(codecs)
	only, restricted := onlyReader(src.Path())
	for _, f := range list {
		if restricted && f.Name != only {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.Detect(src); err != nil {
			reasons = append(reasons, Reason{f.Name, err})
			continue
		}
		s, err := f.Open(ctx, src)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", src.Path(), err)
		}
		return s, nil
	}
	return nil, refuse(src, list, reasons)
}
