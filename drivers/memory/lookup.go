package memory

import "context"

// lookup reads what there is of many ids, in their order, under one lock.
func lookup[ID, T any](ctx context.Context, h directory, op, field string, ids []ID, add func(d *directoryData, found []T, id ID) []T) ([]T, error) {
	if err := h.ready(ctx, op); err != nil {
		return nil, err
	}
	if err := batch(op, field, len(ids)); err != nil {
		return nil, err
	}
	d := &h.data.directory
	d.mu.RLock()
	defer d.mu.RUnlock()
	found := make([]T, 0, len(ids))
	for _, id := range ids {
		found = add(d, found, id)
	}
	return found, nil
}
