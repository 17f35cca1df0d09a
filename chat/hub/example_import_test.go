package hub_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// A team moves here from another product: with the times and the authors it had there, its
// threads and reactions. Ids follow from those there, so nothing has to be looked up, and the
// import may be run again.
func ExampleAdmin_Import() {
	type message struct {
		TS, User, Text, Thread string
		At                     time.Time
		Likes                  []string
	}
	began := time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
	export := []message{
		{TS: "1", User: "ann", Text: "Who brings the soup?", At: began, Likes: []string{"bob", "eve"}},
		{TS: "2", User: "bob", Text: "I do.", Thread: "1", At: began.Add(time.Minute)},
	}

	general := chat.RoomID{Tenant: "acme", Key: "general"}
	id := func(there string) chat.EventID { return chat.DeriveID(general, chat.UserID{}, "old:C1/"+there) }
	user := func(key string) chat.UserID { return chat.UserID{Tenant: "acme", Key: key} }
	var events iter.Seq2[chat.Event, error] = func(yield func(chat.Event, error) bool) {
		for _, m := range export {
			said := &chat.Text{Body: m.Text}
			if m.Thread != "" {
				said.Thread = id(m.Thread)
			}
			all := []chat.Event{{ID: id(m.TS), Sender: user(m.User), Content: said}}
			for _, by := range m.Likes {
				all = append(all, chat.Event{ID: id(m.TS + " like " + by), Sender: user(by), Target: id(m.TS), Content: &chat.React{Emoji: []string{"👍"}}})
			}
			for _, e := range all {
				e.Room, e.At = general, m.At
				if !yield(e, nil) {
					return
				}
			}
		}
	}

	ctx := context.Background()
	h, err := hub.New(ctx, memory.New(nil).Set(), nil)
	check(err)
	defer h.Shutdown(ctx)
	check(h.Admin().Create(ctx, storage.Room{ID: general, Kind: storage.Public, Title: "General"}))
	for range 2 {
		done, err := h.Admin().Import(ctx, events)
		check(err)
		fmt.Printf("%d added, %d known\n", done.Added, done.Known)
	}
	page, err := h.As(user("eve")).Room("general").Page(ctx, chat.Latest(10))
	check(err)
	for _, m := range page.Messages {
		fmt.Println(m.Origin.At.Format(time.DateTime), m.Sender.Key, m.Text.Body, slices.Collect(liked(m)))
	}
	// Output:
	// 4 added, 0 known
	// 0 added, 4 known
	// 2024-05-01 09:00:00 ann Who brings the soup? [bob eve]
	// 2024-05-01 09:01:00 bob I do. []
}

// liked is who reacted to a message.
func liked(m chat.Message) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range m.Reactions {
			for _, by := range r.By {
				if !yield(by.Key) {
					return
				}
			}
		}
	}
}
