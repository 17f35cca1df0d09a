package hub_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// teams are the projects of a product, and who works on each.
type teams map[string][]string

// Access is all that the hub needs to know of them.
func (t teams) Access(_ context.Context, u chat.UserID) (rooms []storage.Member, err error) {
	for project, team := range t {
		if slices.Contains(team, u.Key) {
			rooms = append(rooms, storage.Member{Room: chat.RoomID{Tenant: u.Tenant, Key: project}, User: u, Role: chat.RoleMember, From: 1})
		}
	}
	slices.SortFunc(rooms, func(a, b storage.Member) int { return strings.Compare(a.Room.Key, b.Room.Key) })
	return rooms, nil
}

// The projects of a product are its rooms. When somebody leaves one, the product says so, and
// his live streams end there, on every node; calls know it anyway.
func ExampleAdmin_Recheck() {
	ctx := context.Background()
	projects := teams{"bridge": {"ann", "bob"}, "tower": {"ann", "bob"}}
	h, err := hub.New(ctx, memory.New(nil).Set(), &hub.Options{Access: projects})
	check(err)
	defer h.Shutdown(ctx)
	ann, bob := h.As(chat.UserID{Tenant: "acme", Key: "ann"}), h.As(chat.UserID{Tenant: "acme", Key: "bob"})
	phone, err := bob.Connect(ctx, hub.Device{Name: "phone"})
	check(err)

	projects["bridge"] = []string{"ann"}
	check(h.Admin().Recheck(ctx, bob.ID()))

	for _, project := range []string{"bridge", "tower"} {
		_, err = ann.Room(project).Send(ctx, chat.Text{Body: "The steel is here"})
		check(err)
	}
	heard := make([]*hub.Delivery, 1)
	_, err = phone.Next(ctx, heard)
	check(err)
	fmt.Println("Bob hears of the", heard[0].Event.Room.Key)
	_, err = bob.Room("bridge").Page(ctx, chat.Latest(10))
	fmt.Println(err)
	// Output:
	// Bob hears of the tower
	// parlor: page: room: not found
}
