package bleve

// cool is called now and then.
func (g *generation) cool() error { return nil }

// How many files an index opens by default.
const (
	leastFiles = 128
	mostFiles  = 8192
)
