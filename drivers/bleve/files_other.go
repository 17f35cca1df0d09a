//go:build !unix

package bleve

// mayOpen is how many files an index opens by default.
func mayOpen() int { return mostFiles }
