package pinch

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"testing"
	"time"
)

// server plays an X server: it answers what a client of pinches asks and then
// says what it is given. The requests after the first are written down.
type server struct {
	minor    byte // of its input extension
	refuses  bool
	asked    [][]byte
	messages [][]byte
}

const opcode = 131

// run serves one connection.
func (s *server) run(conn net.Conn) error {
	defer conn.Close()
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			return nil
		}
		return b
	}
	hello := read(12)
	if hello == nil {
		return errors.New("no setup")
	}
	pad := func(n int) int { return (n + 3) / 4 * 4 }
	read(pad(int(order.Uint16(hello[6:]))))
	read(pad(int(order.Uint16(hello[8:]))))
	if s.refuses {
		_, err := conn.Write(append([]byte{0, 11, 11, 0, 0, 0, 3, 0}, "not allowed\x00"...))
		return err
	}
	if _, err := conn.Write([]byte{1, 0, 11, 0, 0, 0, 1, 0, 9, 9, 9, 9}); err != nil {
		return err
	}
	for range 3 {
		head := read(4)
		if head == nil {
			return nil
		}
		request := append(head, read(4*int(order.Uint16(head[2:]))-4)...)
		s.asked = append(s.asked, request)
		answer := make([]byte, 32)
		answer[0] = 1
		switch {
		case request[0] == requestExtension:
			answer[8], answer[9] = 1, opcode
		case request[1] == requestVersion:
			answer[8], answer[10] = 2, s.minor
		default:
			continue // the selection has no answer
		}
		if _, err := conn.Write(answer); err != nil {
			return err
		}
	}
	for _, m := range s.messages {
		if _, err := conn.Write(m); err != nil {
			return err
		}
	}
	return nil
}

// event is a gesture as the server sends it: 32 bytes and 17 more words.
func event(kind uint16, scale float64) []byte {
	m := make([]byte, 32+4*17)
	m[0], m[1] = eventGeneric, opcode
	order.PutUint32(m[4:], 17)
	order.PutUint16(m[8:], kind)
	order.PutUint32(m[scaleAt:], uint32(int32(math.Round(scale*65536))))
	return m
}

// hear has a client listen to a server, until that hangs up.
func hear(t *testing.T, s *server) (factors []float64, err error) {
	t.Helper()
	here, there := net.Pipe()
	for _, c := range []net.Conn{here, there} {
		if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- s.run(there) }()
	err = listen(here, []byte("0123456789abcdef"), 0x2400007, func(f float64) { factors = append(factors, f) })
	here.Close()
	if served := <-done; served != nil && !errors.Is(served, io.ErrClosedPipe) {
		t.Errorf("the server: %v", served)
	}
	return factors, err
}

func TestListen_Pinches(t *testing.T) {
	motion := make([]byte, 32) // not what was asked for
	motion[0] = 6
	swipe := event(31, 3)
	s := &server{minor: 4, messages: [][]byte{
		event(eventBegin, 1), event(eventUpdate, 1.25), motion, swipe, event(eventUpdate, 1.25), event(eventUpdate, 2), event(eventEnd, 0.1),
		event(eventBegin, 1), event(eventUpdate, 0.5), event(eventEnd, 0.5),
	}}
	factors, err := hear(t, s)
	if !errors.Is(err, io.EOF) {
		t.Errorf("it ended by %v", err)
	}
	if want := []float64{1.25, 1.6, 0.5}; !slices.Equal(factors, want) {
		t.Errorf("factors %v, want %v", factors, want)
	}
	// XISelectEvents (XI2proto.h): window, one mask, master devices, one word with
	// the bits 27 to 29.
	want := []byte{opcode, requestSelect, 5, 0, 7, 0, 0x40, 2, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0x38}
	if len(s.asked) != 3 || !bytes.Equal(s.asked[2], want) {
		t.Errorf("asked for %v, want %v", s.asked[len(s.asked)-1], want)
	}
}

func TestListen_Servers(t *testing.T) {
	if _, err := hear(t, &server{minor: 3}); !errors.Is(err, ErrNoGestures) {
		t.Errorf("an old server: %v", err)
	}
	if _, err := hear(t, &server{refuses: true}); err == nil || !bytes.Contains([]byte(err.Error()), []byte("not allowed")) {
		t.Errorf("a server that refuses: %v", err)
	}
	failed := make([]byte, 32) // an error of the X server
	failed[1], failed[10] = 2, opcode
	if _, err := hear(t, &server{minor: 4, messages: [][]byte{failed}}); !errors.Is(err, ErrNoGestures) {
		t.Errorf("a selection that is refused: %v", err)
	}
	huge := event(eventUpdate, 2)
	order.PutUint32(huge[4:], 1<<31)
	if _, err := hear(t, &server{minor: 4, messages: [][]byte{huge}}); err == nil {
		t.Error("a message of 8 GB was waited for")
	}
}

func TestListen_Displays(t *testing.T) {
	for display, want := range map[string]int{":0": 0, ":17.0": 17, "unix:3": 3, "": -1, "far.example:10.0": -1, ":x": -1, ":-1": -1} {
		n, err := displayNumber(display)
		if want >= 0 && (err != nil || n != want) || want < 0 && !errors.Is(err, ErrNoGestures) {
			t.Errorf("%q: %d, %v", display, n, err)
		}
	}
}

// entry is one of an authority file.
func entry(family uint16, fields ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, family)
	for _, f := range fields {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(f))), f...)
	}
	return b
}

func TestCookieIn(t *testing.T) {
	file := slices.Concat(
		entry(256, "other", "0", cookieName, "wrong host"),
		entry(256, "here", "1", cookieName, "wrong display"),
		entry(65535, "", "", cookieName, "any"),
		entry(256, "here", "0", "XDM-AUTHORIZATION-1", "wrong kind"),
		entry(256, "here", "0", cookieName, "right"),
	)
	for host, want := range map[string]string{"here": "right", "elsewhere": "any"} {
		if got := cookieIn(file, host, 0); string(got) != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	if got := cookieIn(nil, "here", 0); got != nil {
		t.Errorf("an empty file has the cookie %q", got)
	}
}

// FuzzCookieIn: whatever the file holds, nothing but a part of it is the cookie.
func FuzzCookieIn(f *testing.F) {
	good := entry(256, "here", "0", cookieName, "0123456789abcdef")
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte{1, 0, 0xff, 0xff, 'h'})
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		if c := cookieIn(data, "here", 0); !bytes.Contains(data, c) {
			t.Errorf("%q is not in the file", c)
		}
	})
}

// FuzzGesture: a server's words, cut and changed, end the listening and nothing
// else.
func FuzzGesture(f *testing.F) {
	f.Add(event(eventUpdate, 1.5))
	f.Add(event(eventBegin, 1)[:40])
	f.Add([]byte{35, opcode, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &client{}
		c.in = bufio.NewReader(bytes.NewReader(data))
		for {
			m, err := c.next()
			if err != nil {
				return
			}
			if _, scale, ok := gesture(m, opcode); ok && (math.IsNaN(scale) || math.IsInf(scale, 0)) {
				t.Errorf("a scale of %s", fmt.Sprint(scale))
			}
		}
	})
}
