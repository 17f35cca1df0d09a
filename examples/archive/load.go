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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// tenant is whose logs they are.
const tenant = "archive"

// archive is a hub with logs in it: in memory, or in a folder.
type archive struct {
	memory *memory.Store
	folder *embedded.Store
	hub    *hub.Hub

	rooms   map[name]chat.RoomID
	people  map[name]chat.UserID
	titles  map[string]string // of a room's key
	names   map[string]string // of a person's key
	unnamed []storage.User    // who are not in the directory yet
	records int
	refused []*refusal // the first of them
	result  hub.Imported
	took    time.Duration
}

// name is what somebody or something is called within a set.
type name struct{ set, name string }

// maxRefused is how many refusals are shown.
const maxRefused = 20

// newArchive opens the archive in a folder, or where none is named makes one in memory.
func newArchive(ctx context.Context, w where) (*archive, error) {
	folder := w.folder
	a := &archive{rooms: map[name]chat.RoomID{}, people: map[name]chat.UserID{},
		titles: map[string]string{}, names: map[string]string{}}
	quiet := slog.New(slog.DiscardHandler)
	var set drivers.Set
	if folder == "" {
		a.memory = memory.New(&memory.Options{HeadBytes: 1 << 30})
		set = a.memory.Set()
	} else {
		var err error
		a.folder, err = embedded.Open(ctx, folder, &embedded.Options{Log: quiet, Existing: !w.makes})
		if errors.Is(err, chat.ErrNotFound) {
			return nil, fmt.Errorf("there is no archive in %s: import makes one", folder)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		set = a.folder.Set()
	}
	var err error
	if a.hub, err = hub.New(ctx, set, &hub.Options{Node: "archive", Logger: quiet}); err != nil {
		return nil, errors.Join(err, a.closeStores())
	}
	return a, nil
}

// Close ends the hub, and lets it finish what it has in hand where that lasts.
func (a *archive) Close(ctx context.Context) error {
	done, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if a.folder == nil { // what is in memory is lost anyway
		cancel()
	}
	err := a.hub.Shutdown(done)
	if a.folder == nil {
		err = nil
	}
	return errors.Join(err, a.closeStores())
}

func (a *archive) closeStores() error {
	if a.folder != nil {
		return a.folder.Close()
	}
	return a.memory.Close()
}

// load opens an archive and imports files into it. Progress is drawn on
// progress, if that is a terminal; what was refused is told there, with the first.
func load(ctx context.Context, w where, progress io.Writer) (*archive, error) {
	a, err := newArchive(ctx, w)
	if err != nil {
		return nil, err
	}
	if w.folder != "" {
		err = a.look(ctx)
	} else {
		err = a.load(ctx, w.files, progress)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	if n := a.refusals(); n > 0 {
		fmt.Fprintf(progress, "%d of %d records were refused, the first is %v\n", n, a.records, a.refused[0])
	}
	return a, nil
}

// searchable opens an archive in which all that was imported can be found.
func searchable(ctx context.Context, w where, progress io.Writer) (*archive, error) {
	a, err := load(ctx, w, progress)
	if err != nil {
		return nil, err
	}
	if err := a.catchUp(ctx); err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	return a, nil
}

// catchUp waits until all can be found: also where the index is being opened, or made anew.
func (a *archive) catchUp(ctx context.Context) error {
	if a.folder != nil {
		if err := a.folder.Ready(ctx); err != nil {
			return err
		}
	}
	return patient(ctx, func() error { return a.hub.Admin().CatchUp(ctx) })
}

// patient does something again while it is unavailable.
func patient(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, chat.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// refusals is how many records didn't become events.
func (a *archive) refusals() int { return a.records - a.result.Added - a.result.Known }

// look learns which rooms there are.
func (a *archive) look(ctx context.Context) error {
	for after := ""; ; {
		rooms, err := a.reader().Rooms(ctx, after, chat.MaxBatch)
		if err != nil || len(rooms) == 0 {
			return err
		}
		for _, r := range rooms {
			after = r.ID.Key
			set, _, _ := strings.Cut(after, ".")
			a.rooms[name{set, r.Title}], a.titles[after] = r.ID, r.Title
		}
	}
}

// meet learns what people are called.
func (a *archive) meet(ctx context.Context, people []chat.UserID) error {
	var unknown []string
	for _, u := range people {
		if _, known := a.names[u.Key]; !known && !u.IsZero() {
			unknown = append(unknown, u.Key)
		}
	}
	for part := range slices.Chunk(unknown, chat.MaxBatch) {
		found, err := a.reader().Users(ctx, part...)
		if err != nil {
			return err
		}
		for _, u := range found {
			a.names[u.ID.Key] = u.Name
		}
	}
	return nil
}

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
	if named := a.nameThem(ctx); broken == nil {
		broken = named
	}
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
		Origin: &chat.Origin{Source: filepath.Base(r.from.file), ID: strconv.Itoa(r.from.line), At: r.At}}
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
	a.people[n], a.names[id.Key] = id, n.name
	a.unnamed = append(a.unnamed, storage.User{ID: id, Name: n.name, Bot: bot})
	if len(a.unnamed) < chat.MaxBatch {
		return id, nil
	}
	return id, a.nameThem(ctx)
}

// nameThem stores what people are called who were met since it was called last.
func (a *archive) nameThem(ctx context.Context) error {
	if len(a.unnamed) == 0 {
		return nil
	}
	err := a.hub.Admin().PutUser(ctx, a.unnamed...)
	a.unnamed = a.unnamed[:0]
	return err
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

// looks says whether a person sees what is written there.
func looks(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progressBar shows how much of the files was read, where a person is looking.
func progressBar(files []string, w io.Writer) (seen func(int), done func()) {
	if !looks(w) {
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
	w, err := c.parse()
	if err != nil {
		return err
	}
	if len(w.files) == 0 {
		return c.wrong("no files are named")
	}
	w.makes = true
	a, err := newArchive(ctx, w)
	if err != nil {
		return err
	}
	err = a.runImport(ctx, c, w)
	return errors.Join(err, a.Close(ctx))
}

func (a *archive) runImport(ctx context.Context, c *command, w where) error {
	if err := a.load(ctx, w.files, c.err); err != nil {
		return err
	}
	indexed := "not asked for"
	if a.folder != nil {
		start := time.Now()
		if err := a.catchUp(ctx); err != nil {
			return err
		}
		indexed = fmt.Sprintf("%v later", time.Since(start).Round(10*time.Millisecond))
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
	if a.folder != nil {
		fmt.Fprintf(c.out, "known    %9d   from an earlier import\nindexed  %s\n", a.result.Known, indexed)
	}
	for _, r := range a.refused {
		fmt.Fprintln(c.out, "  ", r)
	}
	if more := refused - len(a.refused); more > 0 {
		fmt.Fprintf(c.out, "   and %d more\n", more)
	}
	fmt.Fprintf(c.out, "imported: %d records, %d events, %d rooms, %d people, refused %d, %v\n",
		a.records, a.result.Added, len(a.rooms), people, refused, a.took.Round(10*time.Millisecond))
	if refused > 0 {
		return fmt.Errorf("%d of %d records were refused; the others were imported", refused, a.records)
	}
	return nil
}
