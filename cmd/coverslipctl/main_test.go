package main

import (
	"os"
	"testing"

	"coverslip/models/worker"
)

// TestMain lets the program under test start itself for models.
func TestMain(m *testing.M) {
	if worker.IsWorker(os.Args) {
		os.Exit(worker.Main())
	}
	os.Exit(m.Run())
}
