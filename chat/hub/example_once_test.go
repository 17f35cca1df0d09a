package hub_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// A bot answers under an id that follows from what it heard. It crashes before it notes where it
// is, hears all again, and has answered once. What it says first it corrects when it is done.
func ExampleOnce() {
	ctx := context.Background()
	h, err := hub.New(ctx, memory.New(nil).Set(), nil)
	check(err)
	defer h.Shutdown(ctx)
	ops, err := h.As(chat.UserID{Tenant: "acme", Key: "ann"}).Create(ctx, storage.Room{Kind: storage.Public, Title: "Operations"})
	check(err)
	bot := h.As(chat.UserID{Tenant: "acme", Key: "deployer"})
	room := bot.Room(ops.ID().Key)
	check(room.Join(ctx))
	s, err := bot.Connect(ctx, hub.Device{Name: "bot"})
	check(err)
	noted := s.Resume()

	_, err = ops.Send(ctx, chat.Text{Body: "!deploy 1.2"})
	check(err)
	for range 2 {
		heard := make([]*hub.Delivery, 1)
		_, err = s.Next(ctx, heard)
		check(err)
		e := heard[0].Event
		version, _ := strings.CutPrefix(e.Content.(*chat.Text).Body, "!deploy ")
		answer, err := room.Send(ctx, chat.Text{Body: "Deploying " + version, ReplyTo: e.ID}, hub.Once("answer "+e.ID.String()))
		check(err)
		fmt.Println("said before:", answer.Duplicate)
		_, err = room.Edit(ctx, answer.ID, chat.Text{Body: version + " is out"}, hub.Once("done "+e.ID.String()))
		check(err)

		s.Close() // a crash
		s, err = bot.Connect(ctx, hub.Device{Name: "bot", Resume: noted})
		check(err)
	}
	page, err := ops.Page(ctx, chat.Latest(10))
	check(err)
	for _, m := range page.Messages {
		fmt.Println(m.Text.Body)
	}
	// Output:
	// said before: false
	// said before: true
	// !deploy 1.2
	// 1.2 is out
}
