//go:build !linux && !windows && !darwin

package storage

func networkKind(string) string { return "" }
