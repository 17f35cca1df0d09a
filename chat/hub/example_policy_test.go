package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// A bank lets no account number out: its rule is asked after all else has allowed something.
func ExamplePolicy() {
	errAccount := errors.New("account numbers stay in the house")
	rule := func(_ context.Context, a hub.Action) error {
		if a.Event == nil {
			return nil
		}
		var said string
		switch c := a.Event.Content.(type) {
		case *chat.Text:
			said = c.Body
		case *chat.Edit: // nor afterwards
			said = c.New.Body
		}
		if strings.Contains(said, "DE89") {
			return errAccount
		}
		return nil
	}

	ctx := context.Background()
	h, err := hub.New(ctx, memory.New(nil).Set(), &hub.Options{Policy: rule})
	check(err)
	defer h.Shutdown(ctx)
	desk, err := h.As(chat.UserID{Tenant: "bank", Key: "ann"}).Create(ctx, storage.Room{Kind: storage.Private, Title: "Desk"})
	check(err)

	said, err := desk.Send(ctx, chat.Text{Body: "I send it by letter"})
	check(err)
	_, err = desk.Edit(ctx, said.ID, chat.Text{Body: "It is DE89 3704 0044"})
	fmt.Println(err)
	fmt.Println(errors.Is(err, chat.ErrForbidden), errors.Is(err, errAccount))
	// Output:
	// parlor: edit: policy: forbidden: account numbers stay in the house
	// true true
}
