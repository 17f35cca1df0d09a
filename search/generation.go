package search

import (
	"context"
	"errors"
)

// Generations is an optional capability of an [Index]: several generations of it lie
// side by side, each an index of its own, with its own documents, revisions and
// watermarks. So one can be made anew, or by another analysis, while the old one
// answers. The index itself is the generation whose name is empty.
type Generations interface {
	// Generation is the one of that name, a key ([chat.CheckKey]); it begins empty. It
	// shares the life of the index: there is nothing to close. It has no generations
	// of its own.
	Generation(ctx context.Context, name string) (Index, error)
}

// Generation is the generation of ix of that name; ix itself where the name is empty. An
// index without generations returns [errors.ErrUnsupported] for any other name.
func Generation(ctx context.Context, ix Index, name string) (Index, error) {
	if name == "" {
		return ix, nil
	}
	if g, ok := ix.(Generations); ok {
		return g.Generation(ctx, name)
	}
	return nil, errors.ErrUnsupported
}

// AnalysisNamed is the analysis of a name ([Analysis.Name]). One of another version of
// this package need not be known; a version that cuts tokens otherwise goes on knowing the
// one before, so that what was made by it answers until it is made anew.
func AnalysisNamed(name string) (a Analysis, known bool) {
	for _, a := range []Analysis{{}, {FoldAccents: true}} {
		if a.Name() == name {
			return a, true
		}
	}
	return Analysis{}, false
}
