package hub

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// Versions are what a text has said, the first version first: at most [chat.MaxChanges] and
// one. id is that of the text, or of one of its changes. Who may read the text may read what it
// said before; of one that was retracted or erased nothing is told: [chat.ErrNotFound] with the
// field "id".
func (r Room) Versions(ctx context.Context, id chat.EventID) ([]chat.Version, error) {
	const op = "versions"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	m, err := r.reader(ctx, op)
	if err != nil {
		return nil, err
	}
	e, changes, err := r.h.text(ctx, op, "id", m, id)
	if err != nil {
		return nil, err
	}
	all := chat.Versions(e, changes)
	if all == nil {
		return nil, &chat.Error{Kind: chat.ErrNotFound, Op: op, Field: "id"}
	}
	return all, nil
}
