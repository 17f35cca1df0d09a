package hub

import (
	"context"
	"errors"

	"github.com/parlor-chat/parlor/chat"
)

// Indexed is how a tenant's index is.
type Indexed struct {
	Answers string // the generation that answers, by the name of its analysis: "1f.2"
	Makes   string // the one that is being made beside it; empty: none
	Filling bool   // what answers was lost: searches are [chat.ErrUnavailable] until it is full again

	// How much of the archive was gone through by whoever makes or fills it.
	Rooms, Events int64
}

// Index says how a tenant's index is.
func (a Admin) Index(ctx context.Context, tenant string) (Indexed, error) {
	leave, err := a.enter(ctx, "index", "tenant", tenant)
	if err != nil {
		return Indexed{}, err
	}
	defer leave()
	if err := chat.CheckTenant("index", tenant); err != nil {
		return Indexed{}, err
	}
	x, err := a.h.generations.read(ctx, tenant)
	if err != nil {
		return Indexed{}, err
	}
	s := Indexed{Answers: x.answers.String(), Filling: x.fills}
	if x.makes != nil {
		s.Makes = x.makes.String()
	}
	if x.fills || x.makes != nil {
		s.Rooms, s.Events, err = madeUpTo(ctx, a.h.set.Fence, tenant)
	}
	return s, err
}

// Reindex has a tenant's index made anew out of the archive, beside the one that
// answers, which goes on until the new one has caught up. It returns when that has begun;
// [Admin.Index] tells how far it is. While one is being made, nothing more is begun. An
// index without generations is [errors.ErrUnsupported].
func (a Admin) Reindex(ctx context.Context, tenant string) error {
	const op = "reindex"
	leave, err := a.enter(ctx, op, "tenant", tenant)
	if err != nil {
		return err
	}
	defer leave()
	if err := chat.CheckTenant(op, tenant); err != nil {
		return err
	}
	g := a.h.generations
	for {
		x, err := g.read(ctx, tenant)
		if err != nil || x.makes != nil {
			return err
		}
		switch err := g.begin(ctx, tenant, x); {
		case err == nil:
			a.h.maker.need(tenant)
			return nil
		case !errors.Is(err, chat.ErrConflict): // else somebody changed it at the same time
			return err
		}
	}
}

// begin writes down that a generation is to be made, as the tenant wants it.
func (g *generations) begin(ctx context.Context, tenant string, x indexed) error {
	next := x.next(g.want(tenant))
	if _, err := g.index(ctx, next); err != nil {
		return err
	}
	_, err := g.swap(ctx, tenant, x, func(x *indexed) { x.makes = &next })
	return err
}

// Indexed is the last Seq of the room that searches know of: what was said later isn't
// found yet ([Query.AtLeast] waits for it).
func (r Room) Indexed(ctx context.Context) (chat.Seq, error) {
	const op = "indexed"
	leave, err := r.h.gate.enter(ctx, op)
	if err != nil {
		return 0, err
	}
	defer leave()
	if _, err := r.h.standing(ctx, op, r.user, r.id); err != nil {
		return 0, err
	}
	ix, _, err := r.h.generations.answering(ctx, op, r.id.Tenant)
	if err != nil {
		return 0, err
	}
	marks, err := ix.Watermark(ctx, r.id)
	if err != nil {
		return 0, err
	}
	return marks[0], nil
}
