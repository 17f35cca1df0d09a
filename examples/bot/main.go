// Command bot is a bot in the same program as the hub, and a terminal to talk with it:
//
//	go run ./examples/bot
//	!remind 10s tea
//
// It answers, and after ten seconds it says so and corrects its answer. End it before (Ctrl-D),
// and start it again: it goes on where it was. bot.go is the bot.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/storage"
)

func main() {
	data := flag.String("data", filepath.Join(os.TempDir(), "parlor-bot"), "the folder in which everything is kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *data, os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

var (
	you      = chat.UserID{Tenant: "home", Key: "you"}
	reminder = chat.UserID{Tenant: "home", Key: "reminder"}
	lobby    = chat.RoomID{Tenant: "home", Key: "lobby"}
)

// run has you and the bot talk, until in or ctx ends.
func run(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	quiet := slog.New(slog.DiscardHandler)
	store, err := embedded.Open(ctx, dir, &embedded.Options{Log: quiet})
	if err != nil {
		return err
	}
	defer store.Close()
	set := store.Set()
	h, err := hub.New(ctx, set, &hub.Options{Node: "bot", Logger: quiet})
	if err != nil {
		return err
	}
	defer h.Shutdown(context.WithoutCancel(ctx))
	if err := furnish(ctx, h); err != nil {
		return err
	}
	screen, err := h.As(you).Connect(ctx, hub.Device{Name: "terminal"})
	if err != nil {
		return err
	}
	before, err := h.As(you).Room(lobby.Key).Page(ctx, chat.Latest(10))
	if err != nil {
		return err
	}
	for _, m := range before.Messages {
		show(out, m.Sender, m.Text.Body)
	}
	bot := &bot{user: h.As(reminder), values: set.Directory}
	if err := bot.connect(ctx); err != nil { // before anybody can talk to it
		return err
	}

	ended := make(chan error, 3)
	go func() { ended <- bot.run(ctx) }()
	go func() { ended <- watch(ctx, screen, out) }()
	go func() { ended <- say(ctx, h.As(you).Room(lobby.Key), in) }()
	if err := <-ended; ctx.Err() == nil {
		return err
	}
	return nil
}

// furnish makes the room with both in it, once.
func furnish(ctx context.Context, h *hub.Hub) error {
	err := h.Admin().Create(ctx, storage.Room{ID: lobby, Kind: storage.Private, Title: "Lobby"})
	if errors.Is(err, chat.ErrConflict) {
		err = nil // it is there
	}
	for _, who := range []chat.UserID{you, reminder} {
		if err == nil {
			err = h.Admin().SetMember(ctx, lobby, who, chat.RoleMember, "")
		}
	}
	if err == nil {
		err = h.Admin().PutUser(ctx, storage.User{ID: reminder, Name: "Reminder", Bot: true})
	}
	return err
}

// watch shows what is said.
func watch(ctx context.Context, s *hub.Session, out io.Writer) error {
	for d, err := range s.All(ctx) {
		if err != nil {
			return err
		}
		if d.Event == nil {
			continue
		}
		switch said := d.Event.Content.(type) {
		case *chat.Text:
			show(out, d.Event.Sender, said.Body)
		case *chat.Edit:
			show(out, d.Event.Sender, "(corrected) "+said.New.Body)
		}
	}
	return nil
}

func show(out io.Writer, who chat.UserID, body string) { fmt.Fprintf(out, "%s: %s\n", who.Key, body) }

// say says each line.
func say(ctx context.Context, room hub.Room, in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		if _, err := room.Send(ctx, chat.Text{Body: lines.Text()}); err != nil {
			return err
		}
	}
	return lines.Err()
}
