package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
)

// ErrNoRanges: the server sends whole files only, and the file is too large to
// be fetched whole.
var ErrNoRanges = errors.New("the server does not answer range requests, so the slide would have to be fetched whole; download it, or serve it by a server that does (nginx, Apache, S3)")

// ErrChanged: the file behind the address is another one than at opening.
var ErrChanged = errors.New("the file was replaced on the server while it was open; open it again")

// NetError says that the server could not be reached or answered in a way that
// may pass. The slide stays usable; a later read may succeed.
type NetError struct {
	Where string // the address without user, password and query
	Err   error
}

func (e *NetError) Error() string { return fmt.Sprintf("%s: %v", e.Where, e.Err) }

func (e *NetError) Unwrap() error { return e.Err }

// Temporary says that trying again later makes sense.
func (e *NetError) Temporary() bool { return true }

// statusError says what an answer's status means: nil for those that a range
// request is answered with.
func statusError(where string, code int) error {
	switch {
	case code == http.StatusOK, code == http.StatusPartialContent:
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("%s: %w", where, fs.ErrNotExist)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%s: %w: the server answers %d", where, fs.ErrPermission, code)
	case code == http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", where, ErrChanged)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return &NetError{where, fmt.Errorf("the server answers %d %s", code, http.StatusText(code))}
	}
	return fmt.Errorf("%s: the server answers %d %s", where, code, http.StatusText(code))
}
