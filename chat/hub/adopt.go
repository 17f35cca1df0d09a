package hub

import (
	"context"

	"github.com/parlor-chat/parlor/chat"
)

// Adopt has this node go on with what the journal of a dead one kept, in a place that where
// names in the host's words, as [chat.Adopter] says. It is as if those events had been sent
// here: they are placed under their ids, once; what waited for too long is set aside
// ([Admin.Held]). Where some are left, and after an error, call it again. Then the dead node is
// needed for nothing, and [Admin.EndDoubt] ends what a loss of the broker's memory left open.
//
// Without a journal, or one that can't open such a place, it is [errors.ErrUnsupported].
func (a Admin) Adopt(ctx context.Context, where string) (chat.Adopted, error) {
	leave, err := a.enter(ctx, "adopt", "where", where)
	if err != nil {
		return chat.Adopted{}, err
	}
	defer leave()
	return chat.Adopt(ctx, a.h.set.Broker, where)
}
