package hub_test

import (
	"errors"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers"
)

// What adopts is in hubtest. Where it can't be done, that is said, and not that nothing is left.
func TestWhoCantAdopt(t *testing.T) {
	k := newKitWithout(t, nil)
	_, err := k.Admin().Adopt(t.Context(), "node-1")
	fails(t, err, errors.ErrUnsupported, "journal")
	ok(t, k.Shutdown(t.Context()))
	k.journaled(func(*drivers.Set) {})
	_, err = k.Admin().Adopt(t.Context(), "node-1") // its journal was given no way to open one
	fails(t, err, errors.ErrUnsupported, "where")
	_, err = k.Admin().Adopt(t.Context(), "")
	fails(t, err, chat.ErrInvalid, "where")
	ok(t, k.Shutdown(t.Context()))
	_, err = k.Admin().Adopt(t.Context(), "node-1")
	fails(t, err, chat.ErrClosed, "")
}
