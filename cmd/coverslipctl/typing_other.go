//go:build !linux

package main

import (
	"errors"
	"os"
)

// hideTyping would stop a terminal from showing what is typed.
func hideTyping(*os.File) (show func(), err error) { return nil, errors.ErrUnsupported }
