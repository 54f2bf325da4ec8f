// Package search finds the nearest among very many embeddings, and never misses
// one: the answer is that of multiplying the query with every vector.
//
// A vector is kept as one byte a number. A query runs through three steps, each
// with a bound on how far its products can be from the true ones (Cauchy and
// Schwarz): all vectors with the query in seven bits, what can still be among the
// best with the query as it is, and what is left then with the vectors
// themselves. What a step drops cannot be among the best, so recall is one by
// construction, not by experience.
//
// The first step multiplies eight vectors at once inside ordinary 64-bit words,
// which plain Go does as fast as the memory gives the bytes. No instruction
// beyond multiplication is needed, and the numbers are the same on every
// machine.
package search
