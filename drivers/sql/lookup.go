package sql

import (
	"context"
	"slices"
	"strings"
)

// finder is how many of a kind are read in one round trip, by their ids.
type finder[T any, ID comparable] struct {
	op, field string // field holds the ids
	scan      func(row) (T, error)
	statement string         // a SELECT up to its list of keys
	args      []any          // of what comes before the list
	keys      func(ID) []any // what the list holds of an id
	id        func(T) ID     // where there is one at most of each
}

// lookup reads many in one round trip, in the order of ids, repeated ones too.
func lookup[T any, ID comparable](ctx context.Context, s *Store, f finder[T, ID], ids []ID) ([]T, error) {
	all, err := lookupAny(ctx, s, f, ids)
	if len(all) == 0 || err != nil {
		return nil, err
	}
	byID := make(map[ID]T, len(all))
	for _, item := range all {
		byID[f.id(item)] = item
	}
	found := make([]T, 0, len(all))
	for _, id := range ids {
		if item, ok := byID[id]; ok {
			found = append(found, item)
		}
	}
	return found, nil
}

// lookupAny is lookup in no order, and each once.
func lookupAny[T any, ID comparable](ctx context.Context, s *Store, f finder[T, ID], ids []ID) ([]T, error) {
	if err := s.ready(ctx, f.op); err != nil {
		return nil, err
	}
	if err := batch(f.op, f.field, len(ids)); err != nil || len(ids) == 0 {
		return nil, err
	}
	// The list is filled up with its last id to a power of two, so that there are few
	// statements, whatever is asked for.
	n := 1
	for n < len(ids) {
		n *= 2
	}
	args := slices.Clone(f.args)
	for i := range n {
		args = append(args, f.keys(ids[min(i, len(ids)-1)])...)
	}
	one := "(?" + strings.Repeat(", ?", (len(args)-len(f.args))/n-1) + ")"
	return read(ctx, s, f.op, f.scan, f.statement+"(VALUES "+one+strings.Repeat(", "+one, n-1)+")", args...)
}
