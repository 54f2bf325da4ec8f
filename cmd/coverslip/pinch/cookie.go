package pinch

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
)

// cookieName is the kind of authority that X servers of one machine ask for.
const cookieName = "MIT-MAGIC-COOKIE-1"

// authorityMost bounds the file that is read, bytes: one has a few hundred.
const authorityMost = 1 << 20

// cookieOf reads the cookie of a display of this machine out of the file named, or
// out of ~/.Xauthority; nil where there is none, which some servers let pass.
func cookieOf(file string, display int) []byte {
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		file = filepath.Join(home, ".Xauthority")
	}
	if st, err := os.Stat(file); err != nil || st.Size() > authorityMost {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "" // then only those for any host fit
	}
	return cookieIn(data, host, display)
}

// cookieIn finds a cookie among the entries of an authority file (libXau,
// "Xauth"): a family, an address, a display, a name and the data, numbers of 16
// bits, the greater byte first. One for this host goes before one for any.
func cookieIn(data []byte, host string, display int) (cookie []byte) {
	const familyLocal, familyWild = 256, 65535
	best := 0
	for {
		if len(data) < 2 {
			return cookie
		}
		family := binary.BigEndian.Uint16(data)
		data = data[2:]
		var fields [4][]byte
		for i := range fields {
			if len(data) < 2 {
				return cookie
			}
			n := int(binary.BigEndian.Uint16(data))
			if data = data[2:]; len(data) < n {
				return cookie
			}
			fields[i], data = data[:n], data[n:]
		}
		fits := 0
		switch {
		case family == familyLocal && string(fields[0]) == host:
			fits = 2
		case family == familyWild:
			fits = 1
		}
		if !bytes.Equal(fields[2], []byte(cookieName)) || len(fields[1]) > 0 && string(fields[1]) != strconv.Itoa(display) {
			continue
		}
		if fits > best {
			best, cookie = fits, fields[3]
		}
	}
}
