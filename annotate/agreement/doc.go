// Package agreement is the statistics between readers of the same slides: how
// far they agree on classes (Cohen, Fleiss, Krippendorff), on areas (Dice, IoU,
// Hausdorff) and on objects (F1, panoptic quality), how sure these figures are
// (bootstrap over patients), and what the readers say together (vote, STAPLE).
//
// All of it is float64 and deterministic: the same input and seed give the same
// bits. What is not defined, for example κ of two readers who both used one
// class alone, is NaN and never a 0 or a 1; Defined tells the two apart. Every
// function names the paper of its formula.
package agreement
