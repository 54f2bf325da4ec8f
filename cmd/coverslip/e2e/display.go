//go:build e2e

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// display is a virtual X server of its own, so that runs beside each other, and a person's
// own screen, never meet. Its frame buffer is a file, which makes a picture a file read.
type display struct {
	name          string // ":7"
	width, height int    // pixels
	server        *exec.Cmd
	frames        string // folder of the frame buffer
}

func startDisplay(width, height int) (*display, error) {
	frames, err := os.MkdirTemp("", "coverslip-display")
	if err != nil {
		return nil, err
	}
	// The server picks a free number and says so on the descriptor we give it.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	d := &display{width: width, height: height, frames: frames}
	d.server = exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height),
		"-fbdir", frames, "-nolisten", "tcp", "-noreset")
	d.server.ExtraFiles = []*os.File{write}
	if err := d.server.Start(); err != nil {
		write.Close()
		return nil, fmt.Errorf("the virtual display Xvfb does not start (.ci/setup ci installs it): %w", err)
	}
	write.Close()
	if err := read.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		d.close()
		return nil, fmt.Errorf("the virtual display Xvfb gave no number within 30 s: %w", err)
	}
	d.name = ":" + strings.TrimSpace(number)
	return d, nil
}

func (d *display) close() {
	if d.server.Process != nil {
		_ = d.server.Process.Kill() // it may be gone already, which is as good
		_ = d.server.Wait()
	}
	_ = os.RemoveAll(d.frames)
}

// environ is this process's environment, pointed at the display.
func (d *display) environ(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "FYNE_SCALE", "FYNE_THEME":
		default:
			env = append(env, v)
		}
	}
	return append(append(env, "DISPLAY="+d.name, "LIBGL_ALWAYS_SOFTWARE=1", "FYNE_SCALE=1"), more...)
}

// xdo has xdotool send X events or answer a question about windows.
func (d *display) xdo(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = d.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("xdotool %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// picture reads the whole screen. The frame buffer file is an X window dump
// (X11/XWDFile.h): 25 big-endian words, a colour table, then 32-bit pixels.
func (d *display) picture() (*image.RGBA, error) {
	path := filepath.Join(d.frames, "Xvfb_screen0")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	const words = 25
	if len(data) < 4*words {
		return nil, fmt.Errorf("%s: %d bytes are no window dump", path, len(data))
	}
	word := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
	headerSize, width, height, bits, stride, colours := word(0), word(4), word(5), word(11), word(12), word(19)
	pixels := headerSize + 12*colours
	if bits != 32 || word(7) != 0 || len(data) < pixels+stride*height {
		return nil, fmt.Errorf("%s: %d bits a pixel, byte order %d, %d bytes: not a dump this reads", path, bits, word(7), len(data))
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := 0; y < height; y++ {
		from, to := data[pixels+y*stride:], img.Pix[y*img.Stride:]
		for x := 0; x < 4*width; x += 4 {
			to[x], to[x+1], to[x+2], to[x+3] = from[x+2], from[x+1], from[x], 255
		}
	}
	return img, nil
}

// still waits until the screen shows something and then stays the same for quiet. A
// program under test is asked nothing and timed by nothing else: what a person would wait
// for is what is waited for.
func (d *display) still(quiet, limit time.Duration) (*image.RGBA, error) {
	var last *image.RGBA
	since, end := time.Now(), time.Now().Add(limit)
	for time.Now().Before(end) {
		now, err := d.picture()
		if err != nil {
			return nil, err
		}
		if last == nil || differing(last, now, now.Bounds()) > 0 || flat(now) {
			last, since = now, time.Now()
		} else if time.Since(since) >= quiet {
			return now, nil
		}
		time.Sleep(60 * time.Millisecond)
	}
	return last, fmt.Errorf("the screen did not come to rest within %s", limit)
}

// differing counts the pixels in r that are not the same.
func differing(a, b *image.RGBA, r image.Rectangle) int {
	n := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		i, j := a.PixOffset(r.Min.X, y), b.PixOffset(r.Min.X, y)
		for x := 0; x < r.Dx(); x++ {
			if [3]byte(a.Pix[i:i+3]) != [3]byte(b.Pix[j:j+3]) {
				n++
			}
			i, j = i+4, j+4
		}
	}
	return n
}

// flat tells whether a picture has one colour only: an empty screen.
func flat(img *image.RGBA) bool {
	for i := 4; i < len(img.Pix); i += 4 {
		if [3]byte(img.Pix[i:i+3]) != [3]byte(img.Pix[:3]) {
			return false
		}
	}
	return true
}

func savePNG(path string, img image.Image) error {
	return save(path, func(w io.Writer) error { return png.Encode(w, img) })
}

// saveJPEG is for pictures in papers, which must be small.
func saveJPEG(path string, img image.Image) error {
	return save(path, func(w io.Writer) error { return jpeg.Encode(w, img, &jpeg.Options{Quality: 82}) })
}

func save(path string, encode func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := encode(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// parseSize reads "1280x800".
func parseSize(s string) (width, height int, err error) {
	a, b, ok := strings.Cut(s, "x")
	width, err1 := strconv.Atoi(a)
	height, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || width < 1 || height < 1 {
		return 0, 0, fmt.Errorf("size %q: want WIDTHxHEIGHT, such as 1280x800", s)
	}
	return width, height, nil
}
