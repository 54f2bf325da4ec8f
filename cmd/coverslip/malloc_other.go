//go:build !cgo || !linux || ci

package main

// keepMemory is for glibc.
func keepMemory() {}
