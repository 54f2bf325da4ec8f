package app

import (
	"coverslip/models/attention"
	"coverslip/models/caption"
	"coverslip/models/dense"
	"coverslip/models/generate"
	"coverslip/models/onnx"
	"coverslip/models/segment"
	"coverslip/models/worker"
	"coverslip/models/zeroshot"
)

// workerExplanations are for what ends the process in which models run.
func workerExplanations() []explanation {
	return []explanation{
		{as[*worker.QuarantineError], "A model ended its process again and is not tried any more", "Nothing was lost. Check it with: coverslipctl model check FOLDER. Opening the project again, or changing how models run, gives it another try."},
		{as[*worker.CrashError], "The model's process ended in the middle of the work", "Nothing was lost: what was computed so far is kept, and the next run starts another process. If it comes again, the model is damaged, or needs more memory than it may take (Models, How models run)."},
		{as[*worker.HangError], "The model did not answer in time, and its process was ended", "Nothing was lost. Try fewer patches at once, or check the model with: coverslipctl model check FOLDER."},
		{is(worker.ErrWorker), "The process in which models run cannot be started", "Start the program anew; the details say what is in the way."},
		{is(ErrNegated), "The models do not understand “no”, “not” or “without”", "They were taught by captions, which say what a picture shows: asked for “no tumour” they find tumour. Say what is to be seen instead, for example “normal stroma”."},
		{is(ErrNoTexts), "The model knows pictures, not words", "Choose an image–text model, such as PLIP, CONCH or QuiltNet, to name patches by words or to find captions."},
		{is(zeroshot.ErrFewClasses), "There are too few classes to tell apart", "Name two classes or more."},
		{is(zeroshot.ErrOtherSpace), "Pictures and texts are not of one model", "Open the picture side and the text side from one model folder."},
		{is(caption.ErrEmpty), "The caption bank is empty", "Choose a CSV file with a column named caption, or a text with a sentence a line."},
		{is(dense.ErrTooLarge), "The region is too large for one run of the model", "Choose a smaller region, or several, and run the model over each."},
		{is(ErrNoRegion), "There is nothing of the slide in the region", "Select an area on the slide, or move the view over it."},
		{is(generate.ErrSettings), "The model does not say how it writes", "Put the generation_config.json and config.json that belong to it into its folder."},
		{is(attention.ErrNone), "The model does not tell where it looks", "Ask for similar patches instead (menu Suggestions); attention is told by models whose weights the program builds itself."},
		{is(ErrNothingFound), "Nothing was outlined there", "Point at the middle of what you mean, or drag a box around it; right-click what does not belong."},
		{is(segment.ErrNoPrompt), "Nothing was pointed at", "Click what you mean, or drag a box around it."},
		{is(ErrNoWords), "The caption has no words", "Write at least one, or reject the caption."},
		{is(ErrOtherModel), "The suggestion was made by another model", "Open the model that its provenance names, and repeat it with that."},
		{is(ErrNotRepeatable), "The suggestion cannot be repeated", "What it rests on was not written down; it was made by an older version, or imported."},
		{as[*onnx.ProviderError], "The chosen device cannot run models here", "Choose the processor (Models, How models run), or a build of ONNX Runtime for the device."},
	}
}
