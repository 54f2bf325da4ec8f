//go:build cgo && !ci && !gles && !arm && !arm64

package main

import (
	"github.com/go-gl/gl/v2.1/gl"
)

// grab reads painted pixels by OpenGL, with the binding that Fyne paints with on
// this machine (window.Grab).
func grab(x, y, width, height int, rgba []byte) bool {
	if len(rgba) < 4*width*height {
		return false
	}
	var was int32
	gl.GetIntegerv(gl.READ_BUFFER, &was)
	gl.ReadBuffer(gl.BACK)
	gl.ReadPixels(int32(x), int32(y), int32(width), int32(height), gl.RGBA, gl.UNSIGNED_BYTE, gl.Ptr(rgba))
	gl.ReadBuffer(uint32(was))
	return gl.GetError() == gl.NO_ERROR
}
