//go:build !cgo || ci || gles || arm || arm64

package main

import "coverslip/app/window"

// grab is nil where Fyne paints by another binding of OpenGL, or not at all.
var grab window.Grab
