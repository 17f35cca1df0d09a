package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// tenant is whose logs they are.
const tenant = "archive"

// archive is a hub with logs in it.
type archive struct {
	store *memory.Store
	hub   *hub.Hub

	rooms   map[name]chat.RoomID
	people  map[name]chat.UserID
	titles  map[string]string // of a room's key
	names   map[string]string // of a person's key
	records int
	refused []*refusal // the first of them
	result  hub.Imported
	took    time.Duration
}

// name is what somebody or something is called within a set.
type name struct{ set, name string }

// maxRefused is how many refusals are shown.
const maxRefused = 20

func newArchive(ctx context.Context) (*archive, error) {
	a := &archive{store: memory.New(&memory.Options{HeadBytes: 1 << 30}),
		rooms: map[name]chat.RoomID{}, people: map[name]chat.UserID{},
		titles: map[string]string{}, names: map[string]string{}}
	var err error
	a.hub, err = hub.New(ctx, a.store.Set(), &hub.Options{Logger: slog.New(slog.DiscardHandler)})
	return a, err
}

func (a *archive) Close(ctx context.Context) {
	// What is in memory is lost anyway: nothing need be finished.
	done, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	a.hub.Shutdown(done)
	a.store.Close()
}

// load opens an archive and imports files into it. Progress is drawn on
// progress, if that is a terminal; what was refused is told there, with the first.
func load(ctx context.Context, files []string, progress io.Writer) (*archive, error) {
	a, err := newArchive(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.load(ctx, files, progress); err != nil {
		a.Close(ctx)
		return nil, err
	}
	if n := a.refusals(); n > 0 {
		fmt.Fprintf(progress, "%d of %d records were refused, the first is %v\n", n, a.records, a.refused[0])
	}
	return a, nil
}

// searchable opens an archive in which all that was imported can be found.
func searchable(ctx context.Context, files []string, progress io.Writer) (*archive, error) {
	a, err := load(ctx, files, progress)
	if err != nil {
		return nil, err
	}
	if err := a.hub.Admin().CatchUp(ctx); err != nil {
		a.Close(ctx)
		return nil, err
	}
	return a, nil
}

// refusals is how many records didn't become events.
func (a *archive) refusals() int { return a.records - a.result.Added - a.result.Known }

func (a *archive) load(ctx context.Context, files []string, progress io.Writer) error {
	seen, done := progressBar(files, progress)
	defer done()
	start := time.Now()
	places := []place{} // of each event that was handed over
	var broken error
	events := func(yield func(chat.Event, error) bool) {
		for r, err := range merge(files, seen) {
			var bad *refusal
			switch {
			case errors.As(err, &bad):
				a.records++
				a.refuse(bad)
				continue
			case err != nil:
				broken = err
				return
			}
			a.records++
			e, err := a.event(ctx, r)
			places = append(places, r.from)
			if !yield(e, err) {
				return
			}
		}
	}
	var err error
	a.result, err = a.hub.Admin().Import(ctx, iter.Seq2[chat.Event, error](events))
	a.took = time.Since(start)
	if broken != nil {
		return broken
	}
	var failed *chat.BatchError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	if failed != nil {
		for i, err := range failed.Items {
			a.refuse(&refusal{places[i], err})
		}
	}
	return nil
}

func (a *archive) refuse(r *refusal) {
	if len(a.refused) < maxRefused {
		a.refused = append(a.refused, r)
	}
}

// event is what a record becomes: joins, parts and the like are notices, for they
// tell of people's comings elsewhere and make nobody a member here.
func (a *archive) event(ctx context.Context, r record) (chat.Event, error) {
	room, err := a.room(ctx, name{r.set, r.Room})
	if err != nil {
		return chat.Event{}, err
	}
	sender, err := a.person(ctx, name{r.set, r.Author}, r.Kind == "bot")
	if err != nil {
		return chat.Event{}, err
	}
	e := chat.Event{Room: room, Sender: sender,
		Origin: &chat.Origin{Source: r.from.file, ID: strconv.Itoa(r.from.line), At: r.At}}
	switch r.Kind {
	case "message", "bot":
		e.Content = &chat.Text{Body: r.Text}
	case "action":
		e.Content = &chat.Text{Body: r.Text, Action: true}
	case "file":
		e.Content = &chat.Text{Body: r.Text, Attachments: []chat.Attachment{{Name: "file"}}}
	case "topic":
		e.Content = &chat.Topic{Text: r.Text}
	default:
		e.Content = &chat.Notice{What: r.Kind, Text: r.Text}
	}
	return e, nil
}

// room is the room of a name, made where it is new.
func (a *archive) room(ctx context.Context, n name) (chat.RoomID, error) {
	if id, ok := a.rooms[n]; ok {
		return id, nil
	}
	id := chat.RoomID{Tenant: tenant, Key: key(n)}
	err := a.hub.Admin().Create(ctx, storage.Room{ID: id, Kind: storage.Public, Title: n.name, Listed: true})
	if err != nil && !errors.Is(err, chat.ErrConflict) { // an earlier import made it
		return chat.RoomID{}, err
	}
	a.rooms[n], a.titles[id.Key] = id, n.name
	return id, nil
}

// person is the person of a name. Records without an author have one person in
// each set, whose name is empty.
func (a *archive) person(ctx context.Context, n name, bot bool) (chat.UserID, error) {
	if id, ok := a.people[n]; ok {
		return id, nil
	}
	id := chat.UserID{Tenant: tenant, Key: key(n)}
	if err := a.hub.Admin().PutUser(ctx, storage.User{ID: id, Name: n.name, Bot: bot}); err != nil {
		return chat.UserID{}, err
	}
	a.people[n], a.names[id.Key] = id, n.name
	return id, nil
}

// key makes a key out of a name: what can be read of it, and a hash that keeps
// apart what only differs in the rest.
func key(n name) string {
	sum := sha256.Sum256([]byte(n.set + "\x00" + n.name))
	return slug(n.set) + "." + slug(n.name) + "-" + hex.EncodeToString(sum[:6])
}

func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' {
			b.WriteRune(r)
		}
		if b.Len() == 40 {
			break
		}
	}
	return b.String()
}

// progressBar shows how much of the files was read, where a person is looking.
func progressBar(files []string, w io.Writer) (seen func(int), done func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int) {}, func() {}
	}
	var size int64
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	b := progressbar.NewOptions64(size, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("importing"),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(n int) { b.Add(n) }, func() { b.Finish() }
}

// distinct counts the names among those of some keys.
func distinct(names map[string]string) int {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	return len(seen)
}

func runImport(ctx context.Context, c *command) error {
	files, err := c.parse()
	if err != nil {
		return err
	}
	a, err := newArchive(ctx)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	if err := a.load(ctx, files, c.err); err != nil {
		return err
	}
	refused := a.refusals()
	people := len(a.people)
	for n := range a.people {
		if n.name == "" {
			people--
		}
	}
	fmt.Fprintf(c.out, "records  %9d\nevents   %9d\nrooms    %9d   %d names\npeople   %9d   %d names\nrate     %9.0f records/s until placed\nrefused  %9d\n",
		a.records, a.result.Added, len(a.rooms), distinct(a.titles), people, distinct(a.names), float64(a.records)/a.took.Seconds(), refused)
	for _, r := range a.refused {
		fmt.Fprintln(c.out, "  ", r)
	}
	if more := refused - len(a.refused); more > 0 {
		fmt.Fprintf(c.out, "   and %d more\n", more)
	}
	fmt.Fprintf(c.out, "imported: %d records, %d events, %d rooms, %d people, refused %d, %v\n",
		a.records, a.result.Added, len(a.rooms), people, refused, a.took.Round(10*time.Millisecond))
	return nil
}
