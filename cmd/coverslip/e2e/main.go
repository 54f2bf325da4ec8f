//go:build e2e

// E2e drives the built window under a virtual display. As a program it takes one picture:
//
//	go run -tags e2e ./cmd/coverslip/e2e -o picture.png -size 1600x1000 bin/coverslip PROJECT
//
// Its tests are the end-to-end tests of the window (make e2e). It knows the programs only
// as a user does: by their files, their windows and their answers.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	out := flag.String("o", "window.png", "where the picture goes")
	size := flag.String("size", "1600x1000", "of the screen, in pixels")
	limit := flag.Duration("limit", 3*time.Minute, "how long to wait for the window to come to rest")
	flag.Parse()
	if err := shoot(*out, *size, *limit, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
}

// shoot starts the program on a screen of its own, waits for its window to come to rest
// and writes a picture of it.
func shoot(out, size string, limit time.Duration, command []string) (err error) {
	if len(command) == 0 {
		return errors.New("no program given")
	}
	width, height, err := parseSize(size)
	if err != nil {
		return err
	}
	d, err := startDisplay(width, height)
	if err != nil {
		return err
	}
	defer d.close()
	p, err := d.start(nil, command[0], command[1:]...)
	if err != nil {
		return err
	}
	defer p.kill()
	img, err := p.fill(limit)
	if err != nil {
		return err
	}
	return savePNG(out, img)
}
