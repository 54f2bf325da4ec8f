//go:build !windows

package dl

import "github.com/ebitengine/purego"

func open(name string) (uintptr, error) {
	// RTLD_LOCAL keeps the library's libjpeg from answering for another one.
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func symbol(h uintptr, name string) (uintptr, error) { return purego.Dlsym(h, name) }
