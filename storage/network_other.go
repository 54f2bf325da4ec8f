//go:build !linux

package storage

func networkKind(string) string { return "" }
