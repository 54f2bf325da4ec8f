package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/formats"
	"coverslip/tiles/remote"
	"coverslip/tiles/slidetest"
	"coverslip/tiles/tiffwrite"
)

func TestNetwork_OffUnlessAsked(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "case 7.svs"), slidetest.Good(t, tiffwrite.Aperio, false), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	files := http.FileServer(http.Dir(dir))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		files.ServeHTTP(w, r)
	}))
	defer srv.Close()
	address := srv.URL + "/case%207.svs?token=secret"

	_, _, err := OpenAny(t.Context(), address, Options{})
	if !errors.Is(err, formats.ErrNetwork) || asked != 0 || strings.Contains(err.Error(), "secret") {
		t.Fatalf("without leave: %v, %d requests", err, asked)
	}
	if p := Explain(err); p.Title != "Slide case 7.svs lies on the network, which is off" {
		t.Errorf("problem %q", p.Title)
	}

	s, id, err := OpenAny(t.Context(), address, Options{Network: true})
	if err != nil {
		t.Fatal(err)
	}
	item, err := s.Slide(id)
	if err != nil || item.Missing || strings.Contains(item.Path, "secret") || !remote.Is(item.Path) || item.RelPath != "" {
		t.Errorf("noted as %+v, %v", item, err)
	}
	open, err := s.OpenSlide(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.Loader.Read(context.Background(), tiles.Key{}); err != nil {
		t.Error(err)
	}
	projectDir := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	asked = 0
	s, err = OpenProject(projectDir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if items := s.Slides(); len(items) != 1 || items[0].Missing {
		t.Errorf("slides %+v", items)
	}
	if _, err := s.OpenSlide(context.Background(), id); !errors.Is(err, formats.ErrNetwork) || asked != 0 {
		t.Errorf("a project reaches for the network by itself: %v, %d requests", err, asked)
	}
	s.SetNetwork(true)
	if _, err := s.OpenSlide(context.Background(), id); err != nil {
		t.Error(err)
	}
	srv.Close()
}

func TestOpenAny_WhatItIs(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	zarr := slidetest.Shared(t, "made/cmu.ome.zarr/.zattrs")
	s, id, err := OpenAny(t.Context(), filepath.Dir(zarr), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenSlide(context.Background(), id); err != nil {
		t.Error(err)
	}
	dir := s.Dir()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, id, err = OpenAny(t.Context(), dir, Options{})
	if err != nil || !id.IsZero() {
		t.Fatalf("a project: %v, %v", id, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenAny(t.Context(), t.TempDir(), Options{}); err == nil {
		t.Error("an empty folder opens")
	}
	if _, _, err := OpenAny(t.Context(), filepath.Join(t.TempDir(), "nothing"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}
