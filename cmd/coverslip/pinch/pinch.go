// Package pinch hears two fingers pinch on a touchpad. GLFW, through which the
// window gets its events, knows no gestures; the X server tells them to whoever
// asks (X Input Extension 2.4, X.Org 21.1 of 2021 and its Xwayland). So we ask it
// on a connection of our own, which does nothing else.
package pinch

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNoGestures: the display has none to tell.
var ErrNoGestures = errors.New("no gestures on this display")

// Listen tells pinches over a window of an X display until the context ends:
// factor is how much wider the fingers are apart than they were at the call
// before. It returns ErrNoGestures, wrapped, where the display is on another
// machine or its server is too old, and nil when the context ended. told is called
// on the caller's goroutine.
func Listen(ctx context.Context, display string, window uint32, told func(factor float64)) error {
	number, err := displayNumber(display)
	if err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join("/tmp/.X11-unix", "X"+strconv.Itoa(number)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoGestures, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the reading, which is all that is wanted
	defer stop()
	defer conn.Close()
	err = listen(conn, cookieOf(os.Getenv("XAUTHORITY"), number), window, told)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// displayNumber reads the name of a display on this machine: ":0", ":1.0",
// "unix:0".
func displayNumber(display string) (int, error) {
	host, rest, ok := strings.Cut(display, ":")
	digits, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || host != "" && host != "unix" {
		return 0, fmt.Errorf("display %q: %w", display, ErrNoGestures)
	}
	return n, nil
}

var order = binary.LittleEndian

// Numbers of the protocols: X11 by "X Window System Protocol", the others by
// X11/extensions/XI2.h and XI2proto.h of xorgproto 2021.5.
const (
	requestExtension = 98
	requestVersion   = 47 // of the extension
	requestSelect    = 46 // of the extension

	eventGeneric = 35
	eventBegin   = 27
	eventUpdate  = 28
	eventEnd     = 29

	masterDevices = 1 // XIAllMasterDevices
	messageLeast  = 32
	messageMost   = 1 << 16 // bytes: what we ask for is far shorter
	scaleAt       = 64      // of the fingers' distance in an event, bytes
)

// client is a connection to an X server.
type client struct {
	conn io.ReadWriter
	in   *bufio.Reader
}

// listen does Listen's work on a connection.
func listen(conn io.ReadWriter, cookie []byte, window uint32, told func(float64)) error {
	c := &client{conn: conn, in: bufio.NewReader(conn)}
	if err := c.setup(cookie); err != nil {
		return err
	}
	opcode, err := c.extension("XInputExtension")
	if err != nil {
		return err
	}
	if err := c.version(opcode); err != nil {
		return err
	}
	mask := []byte{0, 0, 0, 1<<(eventBegin-24) | 1<<(eventUpdate-24) | 1<<(eventEnd-24)}
	ask := order.AppendUint32(nil, window)
	ask = order.AppendUint32(ask, 1) // masks
	ask = order.AppendUint16(ask, masterDevices)
	ask = order.AppendUint16(ask, uint16(len(mask)/4))
	if err := c.send(opcode, requestSelect, append(ask, mask...)); err != nil {
		return err
	}
	last := 1.0
	for {
		m, err := c.next()
		if err != nil {
			return err
		}
		kind, scale, ok := gesture(m, opcode)
		switch {
		case !ok:
		case kind == eventBegin:
			last = 1
		case kind == eventUpdate && scale > 0: // the last one says nothing new
			if scale != last {
				told(scale / last)
			}
			last = scale
		}
	}
}

// gesture reads a pinch out of a message; ok is false for others.
func gesture(m []byte, opcode byte) (kind uint16, scale float64, ok bool) {
	if len(m) < scaleAt+4 || m[0]&0x7f != eventGeneric || m[1] != opcode {
		return 0, 0, false
	}
	kind = order.Uint16(m[8:])
	if kind != eventBegin && kind != eventUpdate && kind != eventEnd {
		return 0, 0, false
	}
	return kind, float64(int32(order.Uint32(m[scaleAt:]))) / (1 << 16), true
}

// setup opens the connection.
func (c *client) setup(cookie []byte) error {
	name := ""
	if len(cookie) > 0 {
		name = cookieName
	}
	hello := []byte{'l', 0, 11, 0, 0, 0}
	hello = order.AppendUint16(hello, uint16(len(name)))
	hello = order.AppendUint16(hello, uint16(len(cookie)))
	hello = append(hello, 0, 0)
	hello = append(hello, padded([]byte(name))...)
	if _, err := c.conn.Write(append(hello, padded(cookie)...)); err != nil {
		return err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(c.in, head); err != nil {
		return err
	}
	body := make([]byte, 4*int(order.Uint16(head[6:])))
	if _, err := io.ReadFull(c.in, body); err != nil {
		return err
	}
	if head[0] != 1 {
		return fmt.Errorf("the X server refuses the connection: %q", strings.TrimRight(string(body[:min(len(body), int(head[1]))]), "\x00\n"))
	}
	return nil
}

// padded fills up to whole words.
func padded(b []byte) []byte { return append(b[:len(b):len(b)], make([]byte, (4-len(b)%4)%4)...) }

// send sends a request: its number, the byte after it, and the rest.
func (c *client) send(opcode, detail byte, rest []byte) error {
	rest = padded(rest)
	head := order.AppendUint16([]byte{opcode, detail}, uint16(1+len(rest)/4))
	_, err := c.conn.Write(append(head, rest...))
	return err
}

// next reads a message: an event or a reply.
func (c *client) next() ([]byte, error) {
	m := make([]byte, messageLeast)
	if _, err := io.ReadFull(c.in, m); err != nil {
		return nil, err
	}
	switch m[0] & 0x7f {
	case 0:
		return nil, fmt.Errorf("the X server answers error %d to request %d: %w", m[1], m[10], ErrNoGestures)
	case 1, eventGeneric: // longer ones
		more := 4 * uint64(order.Uint32(m[4:]))
		if more > messageMost {
			return nil, fmt.Errorf("a message of %d bytes from the X server", more)
		}
		m = append(m, make([]byte, more)...)
		if _, err := io.ReadFull(c.in, m[messageLeast:]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// reply reads messages until a reply comes.
func (c *client) reply() ([]byte, error) {
	for {
		m, err := c.next()
		if err != nil || m[0] == 1 {
			return m, err
		}
	}
}

// extension finds the number of an extension's requests and events.
func (c *client) extension(name string) (opcode byte, err error) {
	ask := order.AppendUint16(nil, uint16(len(name)))
	if err := c.send(requestExtension, 0, append(append(ask, 0, 0), name...)); err != nil {
		return 0, err
	}
	m, err := c.reply()
	if err != nil {
		return 0, err
	}
	if m[8] == 0 {
		return 0, fmt.Errorf("%w: the X server lacks %s", ErrNoGestures, name)
	}
	return m[9], nil
}

// version tells the server what we know, 2.4, and asks whether it knows it too.
func (c *client) version(opcode byte) error {
	const major, minor = 2, 4
	if err := c.send(opcode, requestVersion, order.AppendUint16(order.AppendUint16(nil, major), minor)); err != nil {
		return err
	}
	m, err := c.reply()
	if err != nil {
		return err
	}
	if a, b := order.Uint16(m[8:]), order.Uint16(m[10:]); a < major || a == major && b < minor {
		return fmt.Errorf("%w: the X server's input extension is version %d.%d, 2.4 is needed", ErrNoGestures, a, b)
	}
	return nil
}
