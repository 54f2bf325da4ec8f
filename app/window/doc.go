// Package window is the program's window: a Fyne shell around one app.Session.
// It shows what the session holds and turns clicks and keys into its calls; it
// keeps no label of its own.
//
// # Goroutines
//
// Every method that is not said to be otherwise runs on Fyne's goroutine. What
// may take long (opening, writing, reading pixels) goes through Window.write,
// which keeps the order of a person's actions, or through Window.read, whose
// results are handed back by fyne.Do.
//
// # Keyboard
//
// Single keys are commands. So nothing that can be clicked takes the keyboard
// focus, except a text entry while it is typed into: buttons, lists and sliders
// here are our own and not focusable, and the viewer gets the focus back after
// every dialog.
//
// The package does not import fyne.io/fyne/v2/app, so it builds and tests
// without cgo and without a display; cmd/coverslip links the window system.
package window
