package hub_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// The program of the README: internal/house holds it to that.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "parlor-example")
	check(err)
	defer os.RemoveAll(dir)
	store, err := embedded.Open(ctx, dir, nil) // memory.New(nil) keeps nothing
	check(err)
	defer store.Close()
	h, err := hub.New(ctx, store.Set(), nil)
	check(err)
	defer h.Shutdown(ctx)

	ann := h.As(chat.UserID{Tenant: "acme", Key: "ann"})
	kitchen, err := ann.Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen", Listed: true})
	check(err)
	soup, err := kitchen.Send(ctx, chat.Text{Body: "The soup is redy"})
	check(err)
	last, err := kitchen.Edit(ctx, soup.ID, chat.Text{Body: "The soup is ready"})
	check(err)

	page, err := kitchen.Page(ctx, chat.Latest(50)) // proven complete, or an error
	check(err)
	for _, m := range page.Messages {
		fmt.Println(m.Text.Body)
	}
	found, err := ann.Search(ctx, hub.Query{Text: "soup from:me after:7d", Limit: 20,
		AtLeast: chat.Position{Room: kitchen.ID(), Seq: last.Seq}}) // finds what was just said
	check(err)
	fmt.Println(len(found.Hits), "found")
	// Output:
	// The soup is ready
	// 1 found
}

// Somebody who was away gets what he missed, then what is live.
func ExampleSession_Resume() {
	ctx := context.Background()
	h, err := hub.New(ctx, memory.New(nil).Set(), nil)
	check(err)
	defer h.Shutdown(ctx)
	ann := h.As(chat.UserID{Tenant: "acme", Key: "ann"})
	kitchen, err := ann.Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen"})
	check(err)

	phone, err := ann.Connect(ctx, hub.Device{Name: "phone"})
	check(err)
	token := phone.Resume() // kept by the client
	phone.Close()

	_, err = kitchen.Send(ctx, chat.Text{Body: "said while the phone was away"})
	check(err)

	phone, err = ann.Connect(ctx, hub.Device{Name: "phone", Resume: token})
	check(err)
	for d, err := range phone.All(ctx) {
		check(err)
		if text, ok := d.Event.Content.(*chat.Text); ok {
			fmt.Println(text.Body)
			break
		}
	}
	phone.Close()
	// Output: said while the phone was away
}

// A host counts texts by its own follower: it sees each event of each room in order, once on
// all nodes together, and goes on where it stopped.
func ExampleHub_Follow() {
	ctx, stop := context.WithCancel(context.Background())
	h, err := hub.New(ctx, memory.New(nil).Set(), nil)
	check(err)
	ann := h.As(chat.UserID{Tenant: "acme", Key: "ann"})
	kitchen, err := ann.Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen"})
	check(err)
	for range 3 {
		_, err = kitchen.Send(ctx, chat.Text{Body: "soup"})
		check(err)
	}

	texts := 0
	err = h.Follow(ctx, "counter", func(_ context.Context, events []chat.Event) error {
		for i := range events {
			if events[i].Kind() == chat.KindText {
				texts++
			}
		}
		if texts == 3 {
			stop()
		}
		return nil
	})
	fmt.Println(texts, "texts,", err)
	h.Shutdown(context.Background())
	// Output: 3 texts, context canceled
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
