package main

import (
	"context"
	"os"
	"testing"

	"coverslip/app"
	"coverslip/models/worker"
)

// TestMain lets the program under test start itself for models, and as the children
// that check a project and make one of many labels.
func TestMain(m *testing.M) {
	if worker.IsWorker(os.Args) {
		os.Exit(worker.Main())
	}
	if app.Inside(os.Getenv) {
		os.Exit(app.ServeInside(os.Getenv, os.Stdout))
	}
	if os.Getenv(benchInside) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
