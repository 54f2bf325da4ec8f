package app

import "errors"

// At opening.
var (
	// ErrSlideMissing: the slide's file is at none of the places it was known at.
	ErrSlideMissing = errors.New("the slide's file is not where it was")
	// ErrOtherSlide: a file of that name is there, with other bytes.
	ErrOtherSlide = errors.New("the file is not the slide that was added")
	// ErrNoSlide: the project has no slide of that identifier or name.
	ErrNoSlide = errors.New("no such slide in the project")
	// ErrNoScale: neither the slide nor the user says how many µm a pixel is.
	ErrNoScale = errors.New("the slide does not say how many µm a pixel is")
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("the project is closed")
)

// At editing.
var (
	// ErrNothingOpen: the action needs a current slide.
	ErrNothingOpen = errors.New("no slide is open")
	// ErrNoObject: the object is not (or no longer) on the slide.
	ErrNoObject = errors.New("the object is not on the slide any more")
	// ErrNoClass: the class is not in the project's palette.
	ErrNoClass = errors.New("no such class in the project")
	// ErrObjectLocked: the object is locked against changes.
	ErrObjectLocked = errors.New("the object is locked")
	// ErrNotSuggestion: only a machine's detection can be accepted or rejected.
	ErrNotSuggestion = errors.New("the object is not a model's suggestion")
)

// At jobs, suggestions and export.
var (
	// ErrBusy: a background job runs already.
	ErrBusy = errors.New("another job is running")
	// ErrFewLabels: a model can be taught only by labels of two classes or more.
	ErrFewLabels = errors.New("labels of at least two classes are needed")
	// ErrNoTexts: the model knows pictures alone; words need an image–text model.
	ErrNoTexts = errors.New("the model has no text side")
	// ErrNothingFound: a model outlined nothing.
	ErrNothingFound = errors.New("nothing was outlined")
	// ErrNoWords: a caption without a word cannot be kept.
	ErrNoWords = errors.New("the caption is empty")
	// ErrOtherModel: a suggestion was made by another model than the one that is open.
	ErrOtherModel = errors.New("the suggestion was made by another model")
	// ErrNotRepeatable: what a suggestion rests on was not written down.
	ErrNotRepeatable = errors.New("what the suggestion rests on was not written down")
	// ErrNoTissue: no patch of the slide holds enough tissue.
	ErrNoTissue = errors.New("no tissue was found on the slide")
	// ErrNoLabels: there is nothing to export.
	ErrNoLabels = errors.New("no label in the project covers a patch")
	// ErrOutExists: the output folder exists and is not empty.
	ErrOutExists = errors.New("the output folder exists and is not empty")
)
