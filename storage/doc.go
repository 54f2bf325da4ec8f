// Package storage keeps a project on disk: a folder with the BoltDB file
// project.bolt and, beside it, what can be computed again (sidecar/), copies
// (backup/) and what was written for others (exports/).
//
// One Edit is one transaction over objects, history, audit and the undo stack:
// when Commit returns, all of it is on the disk. History only grows; undo
// writes new versions and deletes none. Every value carries a checksum, because
// bbolt's pages have none; the audit records form a chain of SHA-256 hashes.
//
// The format is specified in docs/project-format.md.
package storage
