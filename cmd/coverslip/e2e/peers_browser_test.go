//go:build e2e

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browser is a Chromium without a window, drawing by its software OpenGL, that is
// spoken to by its DevTools protocol over two pipes (--remote-debugging-pipe): JSON,
// each message ended by a zero byte.
type browser struct {
	cmd  *exec.Cmd
	to   *os.File
	tab  string // session of the page
	page string // target of it

	mu      sync.Mutex // protects what follows
	number  int
	waiting map[int]chan reply
	broken  error
}

// reply is what the browser answers to a call.
type reply struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startBrowser starts the system's Chromium; the test is skipped without one.
func startBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	name := ""
	for _, n := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(n); err == nil {
			name = n
			break
		}
	}
	if name == "" {
		t.Skip("no Chromium on this machine")
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{to: to, waiting: map[int]chan reply{}}
	b.cmd = exec.Command(name, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run", "--use-gl=angle", "--use-angle=swiftshader",
		"--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--disable-extensions", "--user-data-dir="+t.TempDir(), fmt.Sprintf("--window-size=%d,%d", width, height), "about:blank")
	b.cmd.ExtraFiles = []*os.File{in, out}
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its processes end with it
	if err := b.cmd.Start(); err != nil {
		t.Skipf("Chromium does not start: %v", err)
	}
	in.Close()
	out.Close()
	t.Cleanup(func() {
		_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
		_ = b.cmd.Wait()
		to.Close()
		from.Close()
	})
	go b.listen(from)
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	b.must(t, "", "Target.getTargets", nil, &targets)
	for _, i := range targets.TargetInfos {
		if i.Type == "page" {
			b.page = i.TargetID
		}
	}
	var session struct{ SessionID string }
	b.must(t, "", "Target.attachToTarget", map[string]any{"targetId": b.page, "flatten": true}, &session)
	b.tab = session.SessionID
	b.must(t, b.tab, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.must(t, b.tab, "Runtime.enable", nil, nil)
	return b
}

// listen gives answers to those who wait for them.
func (b *browser) listen(from *os.File) {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			b.broken = fmt.Errorf("the browser ended: %w", err)
			for _, c := range b.waiting {
				close(c)
			}
			b.waiting = map[int]chan reply{}
			b.mu.Unlock()
			return
		}
		var m struct {
			ID int `json:"id"`
			reply
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil || m.ID == 0 {
			continue // an event
		}
		b.mu.Lock()
		c := b.waiting[m.ID]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		if c != nil {
			c <- m.reply
		}
	}
}

// send sends a call; the answer comes on the channel.
func (b *browser) send(session, method string, params any) (chan reply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return nil, b.broken
	}
	b.number++
	m := map[string]any{"id": b.number, "method": method}
	if params != nil {
		m["params"] = params
	}
	if session != "" {
		m["sessionId"] = session
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	c := make(chan reply, 1)
	b.waiting[b.number] = c
	_, err = b.to.Write(append(text, 0))
	return c, err
}

func (b *browser) call(session, method string, params, result any) error {
	c, err := b.send(session, method, params)
	if err != nil {
		return err
	}
	select {
	case r, ok := <-c:
		switch {
		case !ok:
			return b.broken
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	case <-time.After(5 * time.Minute):
		return fmt.Errorf("%s: no answer", method)
	}
}

func (b *browser) must(t *testing.T, session, method string, params, result any) {
	t.Helper()
	if err := b.call(session, method, params, result); err != nil {
		t.Fatal(err)
	}
}

// eval evaluates an expression in the page, waiting for what it promises.
func (b *browser) eval(t *testing.T, expression string, result any) {
	t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.must(t, b.tab, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		t.Fatalf("%s: %s", r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	if result != nil {
		if err := json.Unmarshal(r.Result.Value, result); err != nil {
			t.Fatalf("%.80s: %v: %s", expression, err, r.Result.Value)
		}
	}
}

// processes are the browser and all its children.
func (b *browser) processes() []int {
	list := []int{b.cmd.Process.Pid}
	for i := 0; i < len(list); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", list[i])) // the pattern is sound
		for _, path := range tasks {
			data, err := os.ReadFile(path)
			if err != nil {
				continue // it ended
			}
			for _, w := range strings.Fields(string(data)) {
				if pid, err := strconv.Atoi(w); err == nil {
					list = append(list, pid)
				}
			}
		}
	}
	return list
}

// byHand sends the steps of a path through the browser's input; x and y are the
// middle. It waits for no answer, as the display's hand does not.
func (b *browser) byHand(x, y int) func(step) error {
	down := false
	return func(s step) error {
		m := map[string]any{"type": "mouseMoved", "x": x + s.x, "y": y + s.y, "button": "none", "buttons": 0}
		if down {
			m["button"], m["buttons"] = "left", 1
		}
		switch s.what {
		case stepDown:
			m["type"], m["button"], m["buttons"], m["clickCount"] = "mousePressed", "left", 1, 1
			down = true
		case stepUp:
			m["type"], m["button"], m["buttons"], m["clickCount"] = "mouseReleased", "left", 0, 1
			down = false
		case stepIn, stepOut:
			m["type"], m["deltaX"], m["deltaY"] = "mouseWheel", 0, -120
			if s.what == stepOut {
				m["deltaY"] = 120
			}
		}
		_, err := b.send(b.tab, "Input.dispatchMouseEvent", m)
		return err
	}
}
