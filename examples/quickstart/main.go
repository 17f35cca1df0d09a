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

// run opens a folder, and tells the story in it.
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

	// Whoever acts is named first. Any key may be a user's.
	s := story{out: out, ann: h.As(chat.UserID{Tenant: "acme", Key: "ann"}), bob: h.As(chat.UserID{Tenant: "acme", Key: "bob"})}
	for _, chapter := range []func(context.Context) error{
		s.theyMeet, s.theyTalk, s.whatTheDevicesSaw, s.howAnnSeesBob, s.thePhoneComesBack, s.whatWasSaid, s.whatIsFound,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// story is who and what is in it.
type story struct {
	out           io.Writer
	ann, bob      hub.User
	kitchen, bobs hub.Room // one room, in the hands of each
	laptop, phone *hub.Session
}

// Ann opens a room. Bob joins it, with a laptop and a phone.
func (s *story) theyMeet(ctx context.Context) (err error) {
	s.kitchen, err = s.ann.Create(ctx, storage.Room{Kind: storage.Public, Title: "Kitchen", Address: "kitchen", Listed: true})
	if err != nil {
		return err
	}
	s.bobs, err = s.bob.RoomAt(ctx, "Kitchen") // an address in any spelling
	if err != nil {
		return err
	}
	if err := s.bobs.Join(ctx); err != nil {
		return err
	}
	s.laptop, err = s.bob.Connect(ctx, hub.Device{Name: "laptop"})
	if err != nil {
		return err
	}
	s.phone, err = s.bob.Connect(ctx, hub.Device{Name: "phone"})
	return err
}

// Ann talks. She makes a mistake and mends it; Bob likes it, and answers.
func (s *story) theyTalk(ctx context.Context) error {
	fmt.Fprintln(s.out, "Ann and Bob talk in the kitchen.")
	soup, err := s.kitchen.Send(ctx, chat.Text{Body: "The soup is redy"})
	if err != nil {
		return err
	}
	if _, err := s.kitchen.Edit(ctx, soup.ID, chat.Text{Body: "The soup is ready"}); err != nil {
		return err
	}
	if _, err := s.bobs.React(ctx, soup.ID, []string{"🍜"}); err != nil {
		return err
	}
	answer := chat.Text{Body: "On my way, is there bread?", ReplyTo: soup.ID}
	if _, err := s.bobs.Send(ctx, answer, hub.Once("bob-1")); err != nil {
		return err
	}
	// Bob's phone lost the connection and sends again: under the same id it is placed once.
	again, err := s.bobs.Send(ctx, answer, hub.Once("bob-1"))
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Bob sent twice; the second time it was known already: %v\n", again.Duplicate)
	return nil
}

// Both devices got everything, in the room's order.
func (s *story) whatTheDevicesSaw(ctx context.Context) error {
	for _, device := range []*hub.Session{s.laptop, s.phone} {
		fmt.Fprintf(s.out, "\nWhat Bob's %s saw live:\n", device.Device().Name)
		for range 4 {
			if err := s.tellNext(ctx, device); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellNext waits for a device's next delivery, and tells it.
func (s *story) tellNext(ctx context.Context, device *hub.Session) error {
	next := make([]*hub.Delivery, 1)
	if _, err := device.Next(ctx, next); err != nil {
		return err
	}
	e := next[0].Event
	fmt.Fprintf(s.out, "  %d. %s %s\n", e.Seq, e.Sender.Key, describe(e))
	return nil
}

// Ann sees that Bob is here, and with what.
func (s *story) howAnnSeesBob(ctx context.Context) error {
	desk, err := s.ann.Connect(ctx, hub.Device{Name: "desk"})
	if err != nil {
		return err
	}
	defer desk.Close()
	if err := s.laptop.SetPresence(hub.Presence{Show: presence.Away, Status: "cooking"}); err != nil {
		return err
	}
	if err := desk.WatchPresence(ctx, "bob"); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nHow Ann sees Bob:")
	for d, err := range desk.All(ctx) {
		if err != nil {
			return err
		}
		if d.Presence == nil || d.Presence.Best().Show != presence.Available || !cooking(d.Presence) {
			continue // each change is told; this waits for the last
		}
		for _, p := range byDevice(d.Presence.Sessions) {
			fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf("  %s: %s %s", p.Device, p.Show, p.Status), " "))
		}
		break
	}
	return nil
}

// Bob's phone loses the connection. It goes on where it was, on any node.
func (s *story) thePhoneComesBack(ctx context.Context) error {
	where := s.phone.Resume()
	s.phone.Close()
	if _, err := s.kitchen.Send(ctx, chat.Text{Body: "There is, and butter."}); err != nil {
		return err
	}
	var err error
	s.phone, err = s.bob.Connect(ctx, hub.Device{Name: "phone", Resume: where})
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nWhat Bob's phone had missed:")
	return s.tellNext(ctx, s.phone)
}

// History folds the changes into messages. A page is complete, or an error.
func (s *story) whatWasSaid(ctx context.Context) error {
	page, err := s.bobs.Page(ctx, chat.Latest(50))
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nThe room's history:")
	for _, m := range page.Messages {
		fmt.Fprintf(s.out, "  %s: %s", m.Sender.Key, m.Text.Body)
		if !m.Edited.IsZero() {
			fmt.Fprint(s.out, " (edited)")
		}
		for _, r := range m.Reactions {
			fmt.Fprintf(s.out, "  %s %d", r.Emoji, len(r.By))
		}
		fmt.Fprintln(s.out)
	}
	return nil
}

// Search finds what the reader may see, and nothing else. It is asked in words, and says which
// parts of a text were meant. It knows the room a moment later, and can wait until it does.
func (s *story) whatIsFound(ctx context.Context) error {
	last, err := s.bobs.Page(ctx, chat.Latest(1))
	if err != nil {
		return err
	}
	found, err := s.bob.Search(ctx, hub.Query{
		Text:    "soup from:ann",
		Limit:   10,
		Count:   1000,
		AtLeast: chat.Position{Room: s.bobs.ID(), Seq: last.Head},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nBob searches for messages with %s, and finds %d:\n", found.Read, found.Count)
	for _, m := range found.Hits {
		fmt.Fprintf(s.out, "  %s: %s\n", m.Sender.Key, marked(m.Text.Body, m.Marks))
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
