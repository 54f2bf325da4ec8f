// Package exchange is what the formats of annotations have in common: what a
// format is, what a file of it can hold, how what it cannot hold is told before
// it is written, how a file is opened without trusting it, and how the objects
// in it are made.
//
// Coordinates are level-0 pixels, y down, corner convention; a format that
// counts otherwise converts while it reads and writes. A file that is damaged
// gives a *FormatError with the place; what the file does not say and only a
// person can know gives an *AskError.
package exchange
