// Package stain draws a slide in colour in other ways for the eye: brighter, with
// more contrast, one stain alone, or in the colours of a standard slide. What it
// draws is for the screen; models, measurements and exports read the slide itself.
package stain
