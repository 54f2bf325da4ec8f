package app

import (
	"coverslip/models/onnx"
	"coverslip/models/worker"
)

// workerExplanations are for what ends the process in which models run.
func workerExplanations() []explanation {
	return []explanation{
		{as[*worker.QuarantineError], "A model ended its process again and is not tried any more", "Nothing was lost. Check it with: coverslipctl model check FOLDER. Opening the project again, or changing how models run, gives it another try."},
		{as[*worker.CrashError], "The model's process ended in the middle of the work", "Nothing was lost: what was computed so far is kept, and the next run starts another process. If it comes again, the model is damaged, or needs more memory than it may take (Models, How models run)."},
		{as[*worker.HangError], "The model did not answer in time, and its process was ended", "Nothing was lost. Try fewer patches at once, or check the model with: coverslipctl model check FOLDER."},
		{is(worker.ErrWorker), "The process in which models run cannot be started", "Start the program anew; the details say what is in the way."},
		{as[*onnx.ProviderError], "The chosen device cannot run models here", "Choose the processor (Models, How models run), or a build of ONNX Runtime for the device."},
	}
}
