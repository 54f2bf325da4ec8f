// Package app is the session: one open project, without a window.
//
// # One door
//
// Session.Apply is the only way a label changes. It commits the edit to disk
// first, then changes the set that the viewer draws, then tells the listeners;
// what a listener has heard of is therefore on disk. Drawing, undo, import,
// model suggestions and decisions on them all go through it.
//
// # Goroutines
//
// The methods of Session are safe from any goroutine. Listeners are called on
// the goroutine that caused the event, or on a reading goroutine (EventTiles):
// a window hands them over to its own goroutine.
//
// Positions and boxes are level-0 pixels of the slide, x to the right, y down,
// half-open, unless a name says otherwise.
package app
