package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var (
	ann = chat.UserID{Tenant: "acme", Key: "ann"}
	bob = chat.UserID{Tenant: "acme", Key: "bob"}
)

// atDirectory runs a case at a directory that is opened and closed for it.
func atDirectory(run func(ctx context.Context, d storage.Directory) error) func(context.Context, *DirectorySite) error {
	return func(ctx context.Context, s *DirectorySite) error {
		d, closeIt, err := s.Open(ctx)
		if err != nil {
			return err
		}
		defer closeIt()
		return run(ctx, d)
	}
}

// room is a public room of a key.
func room(key string) storage.Room {
	return storage.Room{ID: chat.RoomID{Tenant: "acme", Key: key}, Kind: storage.Public, Created: epoch}
}

func putRooms(ctx context.Context, d storage.Directory, rooms ...storage.Room) error {
	for _, r := range rooms {
		if _, err := d.PutRoom(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// is says whether err is of a kind and names a field.
func is(err, kind error, field string) error {
	var e *chat.Error
	if !errors.Is(err, kind) || field != "" && (!errors.As(err, &e) || e.Field != field) {
		return fmt.Errorf("error %v, want %v of field %q", err, kind, field)
	}
	return nil
}

// full says which exported field of a value is zero: a case that means to fill all
// fields must not forget one that was added since.
func full(v any) error {
	x := reflect.ValueOf(v)
	for i := range x.NumField() {
		f := x.Type().Field(i)
		if f.Anonymous {
			if err := full(x.Field(i).Interface()); err != nil {
				return err
			}
		} else if f.IsExported() && x.Field(i).IsZero() {
			return fmt.Errorf("the case doesn't fill %v.%s", x.Type(), f.Name)
		}
	}
	return nil
}

var roomCases = []DirectoryCase{
	{Name: "every setting of a room comes back", Why: "a setting that is lost opens a room", Run: atDirectory(roomSettings)},
	{Name: "rooms of every kind", Why: "kinds decide who may read", Run: atDirectory(roomKinds)},
	{Name: "an old version is refused", Why: "two admins must not overwrite each other", Run: atDirectory(roomVersions)},
	{Name: "one of many writers wins", Why: "compare and set is one step", Run: atDirectory(roomRace)},
	{Name: "kind and creation never change", Why: "a private room must not become public by an edit", Run: atDirectory(roomFixed)},
	{Name: "an address is one under any look", Why: "nobody may pose as another room", Run: atDirectory(roomAddresses)},
	{Name: "an address is free when it is given up", Why: "names are few", Run: atDirectory(addressFreed)},
	{Name: "rooms are read in one round trip", Why: "a list of rooms to join names many", Run: atDirectory(roomsBatch)},
	{Name: "rooms are listed by key", Why: "lists are read page by page", Run: atDirectory(roomList)},
	{Name: "invalid rooms are refused", Why: "nothing half valid is stored", Run: atDirectory(roomInvalid)},
	{Name: "tenants have their own rooms", Why: "two companies may use the same keys and addresses", Run: atDirectory(roomTenants)},
}

func roomSettings(ctx context.Context, d storage.Directory) error {
	r := storage.Room{ID: kitchen, Kind: storage.Public, Title: "Küche / Kitchen", Address: "kitchen", Created: epoch,
		Listed: true, MembersOnly: true, Moderated: true, Anonymous: true, Temporary: true,
		Password: []byte{0, 1, 255}, MaxOccupants: 7, HistoryFrom: storage.FromJoin}
	stored, err := d.PutRoom(ctx, r)
	if err := first(err, full(stored)); err != nil {
		return err
	}
	r.Version = stored.Version
	for name, read := range map[string]func() (storage.Room, error){
		"put":    func() (storage.Room, error) { return stored, nil },
		"room":   func() (storage.Room, error) { return d.Room(ctx, kitchen) },
		"at":     func() (storage.Room, error) { return d.RoomAt(ctx, "acme", "Kitchen") },
		"lookup": func() (storage.Room, error) { return one(d.LookupRooms(ctx, []chat.RoomID{kitchen})) },
		"list":   func() (storage.Room, error) { return one(d.List(ctx, "acme", "", 10)) },
	} {
		got, err := read()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !got.Created.Equal(r.Created) {
			return fmt.Errorf("%s: created %v, want %v", name, got.Created, r.Created)
		}
		got.Created = r.Created
		if !reflect.DeepEqual(got, r) {
			return fmt.Errorf("%s: %+v, want %+v", name, got, r)
		}
	}
	_, err = d.Room(ctx, lobby)
	_, err2 := d.RoomAt(ctx, "acme", "lobby")
	return first(is(err, chat.ErrNotFound, ""), is(err2, chat.ErrNotFound, ""))
}

// one is the only room of a list.
func one(all []storage.Room, err error) (storage.Room, error) {
	if err != nil || len(all) != 1 {
		return storage.Room{}, fmt.Errorf("%d rooms, %w", len(all), err)
	}
	return all[0], nil
}

func roomKinds(ctx context.Context, d storage.Directory) error {
	for k := storage.Public; k <= storage.Personal; k++ {
		r := room(k.String())
		r.Kind = k
		if err := putRooms(ctx, d, r); err != nil {
			return err
		}
		got, err := d.Room(ctx, r.ID)
		if err := first(err, want("kind", got.Kind, k)); err != nil {
			return err
		}
	}
	return nil
}

func roomVersions(ctx context.Context, d storage.Directory) error {
	r := room("kitchen")
	one, err := d.PutRoom(ctx, r)
	if err != nil {
		return err
	}
	if _, err := d.PutRoom(ctx, r); err != nil {
		if err := is(err, chat.ErrConflict, "version"); err != nil {
			return err
		}
	} else {
		return errors.New("a room was made twice")
	}
	one.Title = "one"
	two, err := d.PutRoom(ctx, one)
	if err != nil {
		return err
	}
	if two.Version <= one.Version {
		return fmt.Errorf("version %d follows %d", two.Version, one.Version)
	}
	one.Title = "late"
	_, err = d.PutRoom(ctx, one)
	if err := is(err, chat.ErrConflict, "version"); err != nil {
		return err
	}
	two.Version += 5
	_, err = d.PutRoom(ctx, two)
	if err := is(err, chat.ErrConflict, "version"); err != nil {
		return err
	}
	got, err := d.Room(ctx, r.ID)
	return first(err, want("title", got.Title, "one"))
}

func roomRace(ctx context.Context, d storage.Directory) error {
	for round := range 10 {
		r := room(fmt.Sprint("room", round))
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				mine := r
				mine.Title = fmt.Sprint(i)
				_, errs[i] = d.PutRoom(ctx, mine)
			})
		}
		wg.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won >= 0:
				return errors.New("two writers won")
			case err == nil:
				won = i
			default:
				if err := is(err, chat.ErrConflict, "version"); err != nil {
					return err
				}
			}
		}
		got, err := d.Room(ctx, r.ID)
		if err := first(err, want("title", got.Title, fmt.Sprint(won))); err != nil {
			return err
		}
	}
	return nil
}

func roomFixed(ctx context.Context, d storage.Directory) error {
	r, err := d.PutRoom(ctx, room("kitchen"))
	if err != nil {
		return err
	}
	other := r
	other.Kind = storage.Private
	_, err = d.PutRoom(ctx, other)
	if err := is(err, chat.ErrInvalid, "kind"); err != nil {
		return err
	}
	other = r
	other.Created = epoch.Add(time.Hour)
	_, err = d.PutRoom(ctx, other)
	return is(err, chat.ErrInvalid, "created")
}

// alike are spellings of one address: other case, full width, Cyrillic о.
var alike = []string{"lobby", "Lobby", "LOBBY", "ｌｏｂｂｙ", "lоbby"}

func roomAddresses(ctx context.Context, d storage.Directory) error {
	r := room("kitchen")
	r.Address = "Lobby"
	r, err := d.PutRoom(ctx, r)
	if err != nil {
		return err
	}
	for _, a := range alike {
		got, err := d.RoomAt(ctx, "acme", a)
		if err := first(err, want("the address", got.Address, "Lobby")); err != nil {
			return fmt.Errorf("%q: %w", a, err)
		}
		other := room("other")
		other.Address = a
		_, err = d.PutRoom(ctx, other)
		if err := is(err, chat.ErrConflict, "address"); err != nil {
			return fmt.Errorf("%q: %w", a, err)
		}
	}
	r.Title, r.Address = "again", "LOBBY" // its own
	if _, err = d.PutRoom(ctx, r); err != nil {
		return err
	}
	_, err = d.Room(ctx, room("other").ID)
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	// Rooms without an address don't share one.
	return putRooms(ctx, d, room("x"), room("y"))
}

func addressFreed(ctx context.Context, d storage.Directory) error {
	r := room("kitchen")
	r.Address = "lobby"
	r, err := d.PutRoom(ctx, r)
	if err != nil {
		return err
	}
	r.Address = "kitchen"
	if _, err := d.PutRoom(ctx, r); err != nil {
		return err
	}
	_, err = d.RoomAt(ctx, "acme", "lobby")
	if err := is(err, chat.ErrNotFound, ""); err != nil {
		return err
	}
	other := room("other")
	other.Address = "lobby"
	return putRooms(ctx, d, other)
}

// bytewise are keys in the order in which lists have them.
var bytewise = []string{"-", "0", "10", "9", "A", "Z", "a", "a/b", "aa", "b", "~"}

func roomList(ctx context.Context, d storage.Directory) error {
	for i := range bytewise { // stored in another order
		if err := putRooms(ctx, d, room(bytewise[i*7%len(bytewise)])); err != nil {
			return err
		}
	}
	for _, limit := range []int{1, 2, 3, 10, 11, 12, chat.MaxBatch} {
		var keys []string
		err := pages(limit, func(after string) (string, int, error) {
			all, err := d.List(ctx, "acme", after, limit)
			for _, r := range all {
				after = r.ID.Key
				keys = append(keys, after)
			}
			return after, len(all), err
		})
		if err := first(err, want(fmt.Sprint("rooms, ", limit, " at once,"), fmt.Sprint(keys), fmt.Sprint(bytewise))); err != nil {
			return err
		}
	}
	return badLimits(func(limit int) error { _, err := d.List(ctx, "acme", "", limit); return err })
}

func roomsBatch(ctx context.Context, d storage.Directory) error {
	var ids, there []chat.RoomID
	for i := range chat.MaxBatch {
		id := chat.RoomID{Tenant: "acme", Key: fmt.Sprint("r", i*7%chat.MaxBatch)}
		ids = append(ids, id)
		if i%2 == 0 {
			there = append(there, id)
			if err := putRooms(ctx, d, room(id.Key)); err != nil {
				return err
			}
		}
	}
	evil := chat.RoomID{Tenant: "evil", Key: ids[0].Key}
	for _, c := range []struct{ asked, found []chat.RoomID }{
		{nil, nil}, {ids[1:2], nil}, {[]chat.RoomID{evil}, nil}, {ids, there},
		{[]chat.RoomID{ids[2], ids[0], ids[1], evil, ids[2]}, []chat.RoomID{ids[2], ids[0], ids[2]}},
	} {
		got, err := d.LookupRooms(ctx, c.asked)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(got, c.found, func(r storage.Room, id chat.RoomID) bool { return r.ID == id }) {
			return fmt.Errorf("of %d rooms %d come back, want %d in the order of the ids", len(c.asked), len(got), len(c.found))
		}
	}
	_, err := d.LookupRooms(ctx, append(ids, kitchen))
	return is(err, chat.ErrTooLarge, "ids")
}

// pages calls read until a page is short.
func pages(limit int, read func(after string) (next string, n int, err error)) error {
	after := ""
	for range 10_000 {
		next, n, err := read(after)
		switch {
		case err != nil:
			return err
		case n > limit:
			return fmt.Errorf("a list of %d, the limit was %d", n, limit)
		case n < limit:
			return nil
		}
		after = next
	}
	return errors.New("the list never ends")
}

func badLimits(list func(limit int) error) error {
	return first(is(list(0), chat.ErrInvalid, "limit"), is(list(-1), chat.ErrInvalid, "limit"), is(list(chat.MaxBatch+1), chat.ErrTooLarge, "limit"))
}

func roomInvalid(ctx context.Context, d storage.Directory) error {
	for field, spoil := range map[string]func(*storage.Room){
		"kind":         func(r *storage.Room) { r.Kind = 0 },
		"room":         func(r *storage.Room) { r.ID.Key = "a\x00b" },
		"tenant":       func(r *storage.Room) { r.ID.Tenant = "" },
		"title":        func(r *storage.Room) { r.Title = string(bytes.Repeat([]byte("x"), chat.MaxName+1)) },
		"address":      func(r *storage.Room) { r.Address = "two words" },
		"maxOccupants": func(r *storage.Room) { r.MaxOccupants = -1 },
		"password":     func(r *storage.Room) { r.Password = make([]byte, chat.MaxPassword+1) },
		"historyFrom":  func(r *storage.Room) { r.HistoryFrom = 99 },
	} {
		r := room("kitchen")
		spoil(&r)
		_, err := d.PutRoom(ctx, r)
		var e *chat.Error
		if !errors.As(err, &e) || e.Field != field {
			return fmt.Errorf("a wrong %s: %v", field, err)
		}
	}
	all, err := d.List(ctx, "acme", "", 10)
	return first(err, want("rooms stored", len(all), 0))
}

func roomTenants(ctx context.Context, d storage.Directory) error {
	ours, theirs := room("kitchen"), room("kitchen")
	theirs.ID.Tenant = "evil"
	ours.Address, theirs.Address = "kitchen", "kitchen"
	ours.Title, theirs.Title = "ours", "theirs"
	if err := putRooms(ctx, d, ours, theirs); err != nil {
		return err
	}
	for tenant, title := range map[string]string{"acme": "ours", "evil": "theirs"} {
		at, err := d.RoomAt(ctx, tenant, "kitchen")
		all, err2 := d.List(ctx, tenant, "", 10)
		if err := first(err, err2, want("the room at the address", at.Title, title), want("rooms", len(all), 1), want("the room listed", all[0].Title, title)); err != nil {
			return err
		}
	}
	return nil
}
