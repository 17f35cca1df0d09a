package hub_test

import (
	"context"
	"fmt"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// While a case is open, nothing of a room may go.
func ExampleAdmin_Hold() {
	ctx := context.Background()
	h, err := hub.New(ctx, memory.New(nil).Set(), nil)
	check(err)
	defer h.Shutdown(ctx)
	room, ann := chat.RoomID{Tenant: "bank", Key: "fx-desk"}, chat.UserID{Tenant: "bank", Key: "ann"}
	check(h.Admin().Create(ctx, storage.Room{ID: room, Kind: storage.Private, Title: "FX desk"}))
	check(h.Admin().SetMember(ctx, room, ann, chat.RoleMember, ""))
	desk := h.As(ann).Room(room.Key)
	said, err := desk.Send(ctx, chat.Text{Body: "Sell before noon"})
	check(err)

	compliance := h.Admin().By("compliance")
	hold, err := compliance.Hold(ctx, storage.Subject{Tenant: "bank", Room: room.Key}, "case 4711")
	check(err)
	_, err = h.Admin().Erase(ctx, room, said.ID, "a customer asked")
	fmt.Println(err)

	_, err = compliance.Release(ctx, "bank", hold.Seq, "case 4711 is closed")
	check(err)
	_, err = h.Admin().Erase(ctx, room, said.ID, "a customer asked")
	check(err)
	page, err := desk.Page(ctx, chat.Latest(1))
	check(err)
	fmt.Println("erased:", page.Messages[0].Gone.Erased)
	// Output:
	// parlor: enter: hold: forbidden: hold 1 of bank room fx-desk
	// erased: true
}
