// Command quickstart is a first look at Parlor: two people, three devices, one
// room. Everything is in a folder, which is removed at the end; nothing needs to be installed.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "parlor-quickstart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	quiet := slog.New(slog.DiscardHandler)

	// A hub is made from drivers. These keep everything in one folder.
	store, err := embedded.Open(ctx, dir, &embedded.Options{Log: quiet})
	if err != nil {
		return err
	}
	defer store.Close()
	h, err := hub.New(ctx, store.Set(), &hub.Options{Node: "home", Logger: quiet})
	if err != nil {
		return err
	}
	defer h.Shutdown(ctx)

	// Ann opens a room. Bob joins it, with a laptop and a phone.
	ann := h.As(chat.UserID{Tenant: "acme", Key: "ann"})
	bob := h.As(chat.UserID{Tenant: "acme", Key: "bob"})
	kitchen, err := ann.Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen", Address: "kitchen", Listed: true})
	if err != nil {
		return err
	}
	bobs, err := bob.RoomAt(ctx, "Kitchen") // an address in any spelling
	if err != nil {
		return err
	}
	if err := bobs.Join(ctx); err != nil {
		return err
	}
	laptop, err := bob.Connect(ctx, hub.Device{Name: "laptop"})
	if err != nil {
		return err
	}
	phone, err := bob.Connect(ctx, hub.Device{Name: "phone"})
	if err != nil {
		return err
	}

	// Ann talks. She makes a mistake and mends it; Bob likes it; somebody answers.
	fmt.Fprintln(out, "Ann and Bob talk in the kitchen.")
	soup, err := kitchen.Send(ctx, chat.Text{Body: "The soup is redy"})
	if err != nil {
		return err
	}
	if _, err := kitchen.Edit(ctx, soup.ID, chat.Text{Body: "The soup is ready"}); err != nil {
		return err
	}
	if _, err := bobs.React(ctx, soup.ID, []string{"🍜"}); err != nil {
		return err
	}
	answer := chat.Text{Body: "On my way, is there bread?", ReplyTo: soup.ID}
	if _, err := bobs.Send(ctx, answer, hub.Once("bob-1")); err != nil {
		return err
	}
	// Bob's phone lost the connection and sends again: under the same id it is
	// placed once.
	again, err := bobs.Send(ctx, answer, hub.Once("bob-1"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Bob sent twice; the second time it was known already: %v\n", again.Duplicate)

	// Both devices got everything, in the room's order.
	for _, device := range []*hub.Session{laptop, phone} {
		fmt.Fprintf(out, "\nWhat Bob's %s saw live:\n", device.Device().Name)
		buf := make([]*hub.Delivery, 1)
		for range 4 {
			if _, err := device.Next(ctx, buf); err != nil {
				return err
			}
			fmt.Fprintf(out, "  %d. %s %s\n", buf[0].Event.Seq, buf[0].Event.Sender.Key, describe(buf[0].Event))
		}
	}

	// Ann sees that Bob is here, and with what.
	watcher, err := ann.Connect(ctx, hub.Device{Name: "desk"})
	if err != nil {
		return err
	}
	if err := laptop.SetPresence(hub.Presence{Show: presence.Away, Status: "cooking"}); err != nil {
		return err
	}
	if err := watcher.WatchPresence(ctx, "bob"); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nHow Ann sees Bob:")
	for d, err := range watcher.All(ctx) {
		if err != nil {
			return err
		}
		if d.Presence == nil || d.Presence.Best().Show != presence.Available || !cooking(d.Presence) {
			continue // each change is told; this waits for the last
		}
		for _, s := range byDevice(d.Presence.Sessions) {
			fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  %s: %s %s", s.Device, s.Show, s.Status), " "))
		}
		break
	}

	// Bob's phone loses the connection. It goes on where it was, on any node.
	where := phone.Resume()
	phone.Close()
	if _, err := kitchen.Send(ctx, chat.Text{Body: "There is, and butter."}); err != nil {
		return err
	}
	phone, err = bob.Connect(ctx, hub.Device{Name: "phone", Resume: where})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nWhat Bob's phone had missed:")
	missed := make([]*hub.Delivery, 1)
	if _, err := phone.Next(ctx, missed); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %d. %s %s\n", missed[0].Event.Seq, missed[0].Event.Sender.Key, describe(missed[0].Event))

	// History folds the changes into messages. A page is complete, or an error.
	page, err := bobs.Page(ctx, chat.Latest(50))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nThe room's history:")
	for _, m := range page.Messages {
		fmt.Fprintf(out, "  %s: %s", m.Sender.Key, m.Text.Body)
		if !m.Edited.IsZero() {
			fmt.Fprint(out, " (edited)")
		}
		for _, r := range m.Reactions {
			fmt.Fprintf(out, "  %s %d", r.Emoji, len(r.By))
		}
		fmt.Fprintln(out)
	}

	// Search finds what the reader may see, and nothing else. It is asked in words, and
	// says which parts of a text were meant.
	found, err := bob.Search(ctx, hub.Query{
		Text:    "soup from:ann",
		Limit:   10,
		Count:   1000,
		AtLeast: chat.Position{Room: bobs.ID(), Seq: again.Seq},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nBob searches for messages with %s, and finds %d:\n", found.Read, found.Count)
	for _, m := range found.Hits {
		fmt.Fprintf(out, "  %s: %s\n", m.Sender.Key, marked(m.Text.Body, m.Marks))
	}
	return nil
}

// marked is a text with parts of it between signs.
func marked(text string, parts []search.Range) string {
	for _, p := range slices.Backward(parts) {
		text = text[:p.Start] + "«" + text[p.Start:p.End] + "»" + text[p.End:]
	}
	return text
}

// cooking says whether one of somebody's devices says so.
func cooking(p *presence.State) bool {
	return slices.ContainsFunc(p.Sessions, func(s presence.Session) bool { return s.Status == "cooking" })
}

func byDevice(all []presence.Session) []presence.Session {
	return slices.SortedFunc(slices.Values(all), func(a, b presence.Session) int { return strings.Compare(a.Device, b.Device) })
}

// describe says in words what an event is.
func describe(e *chat.Event) string {
	switch c := e.Content.(type) {
	case *chat.Text:
		return "says: " + c.Body
	case *chat.Edit:
		return "corrects it: " + c.New.Body
	case *chat.React:
		return "reacts: " + strings.Join(c.Emoji, " ")
	default:
		return string(e.Kind())
	}
}
