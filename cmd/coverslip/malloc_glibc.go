//go:build cgo && linux && !ci

package main

/*
#include <malloc.h>

// The settings stay as they are with a C library that has no mallopt.
static void keep_memory(void) {
#ifdef __GLIBC__
	mallopt(M_TRIM_THRESHOLD, 32 << 20);
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
#endif
}
*/
import "C"

// keepMemory has the C library hold on to a little of what is freed. The software
// renderer of OpenGL takes some megabytes for every frame and every texture and gives
// them back; with the usual thresholds (mallopt(3)) each time the system takes the
// pages away and fills new ones with zeros, which was a fifth of a frame's processor
// time.
func keepMemory() { C.keep_memory() }
