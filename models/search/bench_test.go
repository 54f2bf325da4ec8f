package search

import (
	"os"
	"strconv"
)

// benchSize is how many vectors the benchmark searches.
func benchSize() int {
	if n, err := strconv.Atoi(os.Getenv("COVERSLIP_SEARCH_N")); err == nil && n > 0 {
		return n
	}
	return 100_000
}
