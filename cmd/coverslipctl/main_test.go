package main

import (
	"context"
	"os"
	"testing"

	"coverslip/models/worker"
)

// TestMain lets the program under test start itself for models, and as the children
// that check a project and make one of many labels.
func TestMain(m *testing.M) {
	if worker.IsWorker(os.Args) {
		os.Exit(worker.Main())
	}
	if os.Getenv(checkInside) != "" || os.Getenv(benchInside) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
