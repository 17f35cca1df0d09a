package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// The methods of asker below are [query.Names]: who and what is meant by the names in a
// query. A name is meant as it is written, capitals and accents included; where nobody has
// it, it is taken for a key.

// People are the keys of the tenant's people who are called so.
func (a *asker) People(ctx context.Context, name string) ([]string, error) {
	// Those who have the very name come first, beside those whose name folds to the same.
	if chat.CheckName("", "", name) != nil {
		return nil, nil // nobody is called so
	}
	like, err := a.u.h.set.Directory.NamedUsers(ctx, a.scope.Tenant, name, chat.MaxBatch)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, u := range like {
		if u.Name == name {
			keys = append(keys, u.ID.Key)
		}
	}
	if keys == nil && chat.CheckKey("", "", name) == nil {
		keys = []string{name}
	}
	return keys, nil
}

// Rooms are the keys of the rooms that are called so, of those that the asker may read:
// by title or address, with or without a "#" in front.
func (a *asker) Rooms(ctx context.Context, name string) ([]string, error) {
	rooms, err := a.readable(ctx)
	if err != nil {
		return nil, err
	}
	bare := strings.TrimPrefix(name, "#")
	is := func(title string) bool { return title == name || title != "" && strings.TrimPrefix(title, "#") == bare }
	var keys []string
	for i := range rooms {
		if r := &rooms[i]; is(r.Title) || is(r.Address) || r.ID.Key == name {
			keys = append(keys, r.ID.Key)
		}
	}
	return keys, nil
}

// Direct are the keys of the direct rooms of the asker in which one of these people is,
// too; for an operator, of all in which one is.
func (a *asker) Direct(ctx context.Context, people []string) ([]string, error) {
	rooms, err := a.readable(ctx)
	if err != nil {
		return nil, err
	}
	var keys []string
	for i := range rooms {
		if rooms[i].Kind != storage.Direct {
			continue
		}
		members, err := a.u.h.set.Directory.Members(ctx, rooms[i].ID, "", MaxDirect)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(members, func(m storage.Member) bool {
			return slices.Contains(people, m.User.Key)
		}) {
			keys = append(keys, rooms[i].ID.Key)
		}
	}
	return keys, nil
}

// readable are the rooms in which the asker may find something, read once.
func (a *asker) readable(ctx context.Context) ([]storage.Room, error) {
	if a.rooms != nil {
		return a.rooms, nil
	}
	if !a.admin {
		err := a.u.eachRoom(ctx, func(r Info) { a.rooms = append(a.rooms, r.Room) })
		return a.rooms, err
	}
	for after := ""; ; after = a.rooms[len(a.rooms)-1].ID.Key {
		part, err := a.u.h.set.Directory.List(ctx, a.scope.Tenant, after, chat.MaxBatch)
		if err != nil {
			return nil, err
		}
		if a.rooms = append(a.rooms, part...); len(part) < chat.MaxBatch {
			return a.rooms, nil
		}
	}
}

// suggester offers the names that a user may know of ([query.Suggester]).
type suggester struct{ u User }

func (s suggester) SuggestPeople(ctx context.Context, beginning string, limit int) ([]string, error) {
	if chat.CheckName("", "", beginning) != nil {
		return nil, nil // nobody is called so
	}
	people, err := s.u.People(ctx, beginning, limit)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = cmp.Or(p.Name, p.ID.Key)
	}
	return slices.Compact(names), nil
}

func (s suggester) SuggestRooms(ctx context.Context, beginning string, limit int) ([]string, error) {
	if chat.CheckName("", "", beginning) != nil {
		return nil, nil
	}
	rooms, err := s.u.RoomsNamed(ctx, beginning, limit)
	if err != nil {
		return nil, err
	}
	titles := make([]string, len(rooms))
	for i, r := range rooms {
		titles[i] = cmp.Or(r.Title, r.Address)
	}
	return slices.Compact(titles), nil
}
