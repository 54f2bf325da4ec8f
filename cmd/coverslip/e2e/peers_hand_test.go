//go:build e2e

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
)

// hand moves the mouse of a display by the XTEST extension, as a device would:
// one connection, no process for each event, so that a path is kept in time.
// The requests are those of the X protocol (X11/Xproto.h) and of
// X11/extensions/xtestproto.h.
type hand struct {
	conn  net.Conn
	xtest byte // major opcode of the extension
}

// Kinds of events of the core protocol that XTEST fakes.
const (
	xKeyPress      = 2
	xKeyRelease    = 3
	xButtonPress   = 4
	xButtonRelease = 5
	xMotion        = 6
)

// newHand connects to the display.
func (d *display) newHand() (*hand, error) {
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(d.name, ":"))
	if err != nil {
		return nil, err
	}
	h := &hand{conn: conn}
	if err := h.greet(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("display %s: %w", d.name, err)
	}
	return h, nil
}

func (h *hand) close() { h.conn.Close() }

// greet opens the connection and asks for the extension.
func (h *hand) greet() error {
	hello := make([]byte, 12) // little-endian, protocol 11.0, no authorisation
	hello[0], hello[2] = 'l', 11
	if _, err := h.conn.Write(hello); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(h.conn, head); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, h.conn, 4*int64(binary.LittleEndian.Uint16(head[6:]))); err != nil {
		return err
	}
	if head[0] != 1 {
		return fmt.Errorf("the X server refuses (%d)", head[0])
	}
	ask := []byte{98, 0, 4, 0, 5, 0, 0, 0, 'X', 'T', 'E', 'S', 'T', 0, 0, 0} // QueryExtension
	if _, err := h.conn.Write(ask); err != nil {
		return err
	}
	reply := make([]byte, 32)
	if _, err := io.ReadFull(h.conn, reply); err != nil {
		return err
	}
	if reply[0] != 1 || reply[8] == 0 {
		return fmt.Errorf("the X server has no XTEST extension")
	}
	h.xtest = reply[9]
	return nil
}

// fake sends one event; detail is the button or the key code.
func (h *hand) fake(kind, detail byte, x, y int) error {
	r := make([]byte, 36) // FakeInput
	r[0], r[1], r[2] = h.xtest, 2, 9
	r[4], r[5] = kind, detail
	binary.LittleEndian.PutUint16(r[24:], uint16(x))
	binary.LittleEndian.PutUint16(r[26:], uint16(y))
	_, err := h.conn.Write(r)
	return err
}

// move puts the pointer to a place of the screen.
func (h *hand) move(x, y int) error { return h.fake(xMotion, 0, x, y) }

// press presses a button down; 1 is the left one, 4 and 5 are the wheel.
func (h *hand) press(button byte) error { return h.fake(xButtonPress, button, 0, 0) }

// release lets a button go.
func (h *hand) release(button byte) error { return h.fake(xButtonRelease, button, 0, 0) }
