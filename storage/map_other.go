//go:build !linux

package storage

const populate = 0
