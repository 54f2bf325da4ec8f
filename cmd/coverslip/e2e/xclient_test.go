//go:build e2e

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// xclient speaks the X protocol (X.Org, "X Window System Protocol", version 11)
// as far as an application needs it out of which something is dragged. xdotool
// moves the mouse, but nobody can take hold of a file with it where no file
// manager runs.
type xclient struct {
	conn   net.Conn
	in     *bufio.Reader
	root   uint32
	window uint32 // a window of our own
	atoms  map[string]uint32
}

var little = binary.LittleEndian

// dialX connects to the display and makes a window that is never seen.
func dialX(name string) (*xclient, error) {
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+strings.TrimPrefix(name, ":"))
	if err != nil {
		return nil, err
	}
	x := &xclient{conn: conn, in: bufio.NewReader(conn), atoms: map[string]uint32{}}
	if err := x.setup(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("X at %s: %w", name, err)
	}
	return x, nil
}

// setup is the first exchange of a connection ("Connection Setup").
func (x *xclient) setup() error {
	if err := x.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := x.conn.Write([]byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(x.in, head); err != nil {
		return err
	}
	body := make([]byte, 4*int(little.Uint16(head[6:])))
	if _, err := io.ReadFull(x.in, body); err != nil {
		return err
	}
	if head[0] != 1 {
		return fmt.Errorf("refused: %q", body)
	}
	base := little.Uint32(body[4:])
	vendor, formats := int(little.Uint16(body[16:])), int(body[21])
	x.root = little.Uint32(body[32+(vendor+3)/4*4+8*formats:])
	x.window = base
	// CreateWindow: of the parent's depth and kind, 1 × 1, nothing set.
	return x.send(1, 0, u32(x.window), u32(x.root), u16(0, 0, 1, 1, 0, 0), u32(0, 0))
}

func u32(values ...uint32) (b []byte) {
	for _, v := range values {
		b = little.AppendUint32(b, v)
	}
	return b
}

func u16(values ...uint16) (b []byte) {
	for _, v := range values {
		b = little.AppendUint16(b, v)
	}
	return b
}

// send sends a request: its number, the byte after it, and the rest.
func (x *xclient) send(opcode, detail byte, parts ...[]byte) error {
	var rest []byte
	for _, p := range parts {
		rest = append(rest, p...)
	}
	for len(rest)%4 != 0 {
		rest = append(rest, 0)
	}
	_, err := x.conn.Write(append(append([]byte{opcode, detail}, u16(uint16(1+len(rest)/4))...), rest...))
	return err
}

// next reads the next event, reply or error: 32 bytes, of a reply more.
func (x *xclient) next() ([]byte, error) {
	m := make([]byte, 32)
	if _, err := io.ReadFull(x.in, m); err != nil {
		return nil, err
	}
	switch m[0] {
	case 0:
		return nil, fmt.Errorf("X error %d of request %d", m[1], m[10])
	case 1:
		more := make([]byte, 4*int(little.Uint32(m[4:])))
		if _, err := io.ReadFull(x.in, more); err != nil {
			return nil, err
		}
		m = append(m, more...)
	}
	return m, nil
}

// atom gives the number of a name.
func (x *xclient) atom(name string) (uint32, error) {
	if a, ok := x.atoms[name]; ok {
		return a, nil
	}
	if err := x.send(16, 0, u16(uint16(len(name)), 0), []byte(name)); err != nil {
		return 0, err
	}
	for {
		m, err := x.next()
		if err != nil {
			return 0, err
		}
		if m[0] == 1 {
			x.atoms[name] = little.Uint32(m[8:])
			return x.atoms[name], nil
		}
	}
}

// message sends a client message of five words to a window.
func (x *xclient) message(to uint32, kind string, words ...uint32) error {
	a, err := x.atom(kind)
	if err != nil {
		return err
	}
	event := append([]byte{33, 32, 0, 0}, u32(append([]uint32{to, a}, words...)...)...)
	return x.send(25, 0, u32(to, 0), event)
}

// drag drags what a list of addresses names (text/uri-list) over a window, a few
// places on the way, and lets it go at the last one, as "Drag-and-Drop Protocol
// for the X Window System", version 5, has it. It tells whether the window took
// it.
func (x *xclient) drag(to uint32, uris string, path ...[2]int) (taken bool, err error) {
	if err := x.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return false, err
	}
	for _, name := range []string{"XdndSelection", "XdndEnter", "XdndPosition", "XdndStatus", "XdndDrop", "XdndFinished", "XdndActionCopy", "text/uri-list"} {
		if _, err := x.atom(name); err != nil {
			return false, err
		}
	}
	if err := x.send(22, 0, u32(x.window, x.atoms["XdndSelection"], 0)); err != nil { // SetSelectionOwner
		return false, err
	}
	if err := x.message(to, "XdndEnter", x.window, 5<<24, x.atoms["text/uri-list"], 0, 0); err != nil {
		return false, err
	}
	for _, p := range path {
		if err := x.message(to, "XdndPosition", x.window, 0, uint32(p[0])<<16|uint32(p[1]), 0, x.atoms["XdndActionCopy"]); err != nil {
			return false, err
		}
		status, err := x.answer("XdndStatus", uris)
		if err != nil || status[1]&1 == 0 {
			return false, err
		}
	}
	if err := x.message(to, "XdndDrop", x.window, 0, 0, 0, 0); err != nil {
		return false, err
	}
	finished, err := x.answer("XdndFinished", uris)
	// GLFW 3.3 says how many bytes it got, not 1.
	return err == nil && finished[1] != 0, err
}

// answer waits for a message of a kind and gives its five words. Meanwhile it
// hands out what is dragged to who asks.
func (x *xclient) answer(kind, uris string) ([5]uint32, error) {
	for {
		m, err := x.next()
		if err != nil {
			return [5]uint32{}, fmt.Errorf("waiting for %s: %w", kind, err)
		}
		switch m[0] & 0x7f {
		case 33: // ClientMessage
			if little.Uint32(m[8:]) == x.atoms[kind] {
				var words [5]uint32
				for i := range words {
					words[i] = little.Uint32(m[12+4*i:])
				}
				return words, nil
			}
		case 30: // SelectionRequest: time, owner, requestor, selection, target, property
			when, who, what, as, where := m[4:8], little.Uint32(m[12:]), m[16:20], m[20:24], m[24:28]
			// ChangeProperty: replace, in pieces of 8 bits
			if err := x.send(18, 0, u32(who), where, as, []byte{8, 0, 0, 0}, u32(uint32(len(uris))), []byte(uris)); err != nil {
				return [5]uint32{}, err
			}
			event := append([]byte{31, 0, 0, 0}, when...)
			event = append(event, u32(who)...)
			event = append(append(append(event, what...), as...), where...)
			if err := x.send(25, 0, u32(who, 0), append(event, make([]byte, 8)...)); err != nil {
				return [5]uint32{}, err
			}
		}
	}
}
