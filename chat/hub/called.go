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
// query. A name is meant as it is written; where nobody and nothing is called so, capitals
// and accents don't count; where that is nobody's either, it is taken for a key.

// People are the keys of the tenant's people who are called so.
func (a *asker) People(ctx context.Context, name string) ([]string, error) {
	if chat.CheckName("", "", name) != nil {
		return nil, nil // nobody is called so
	}
	// Those whose name folds to the same come first, with the very name among them.
	like, err := a.u.h.set.Directory.NamedUsers(ctx, a.scope.Tenant, name, chat.MaxBatch)
	if err != nil {
		return nil, err
	}
	var exact, folded []string
	for _, u := range like {
		switch {
		case u.Name == name:
			exact = append(exact, u.ID.Key)
		case chat.FoldName(u.Name) == chat.FoldName(name):
			folded = append(folded, u.ID.Key)
		}
	}
	switch {
	case exact != nil:
		return exact, nil
	case folded == nil && chat.CheckKey("", "", name) == nil:
		return []string{name}, nil
	}
	return folded, nil
}

// Rooms are the keys of the rooms that are called so, of those that the asker may read:
// by title or address, with or without a "#" in front, or by key.
func (a *asker) Rooms(ctx context.Context, name string) ([]string, error) {
	rooms, err := a.readable(ctx)
	if err != nil {
		return nil, err
	}
	bare, low := strings.TrimPrefix(name, "#"), foldTitle(name)
	is := func(title string) bool { return title == name || title != "" && strings.TrimPrefix(title, "#") == bare }
	like := func(title string) bool { return title != "" && foldTitle(title) == low }
	var exact, folded []string
	for i := range rooms {
		switch r := &rooms[i]; {
		case is(r.Title) || is(r.Address) || r.ID.Key == name:
			exact = append(exact, r.ID.Key)
		case like(r.Title) || like(r.Address):
			folded = append(folded, r.ID.Key)
		}
	}
	if exact != nil {
		return exact, nil
	}
	return folded, nil
}

// maxDirects is how many direct rooms of one asker are looked into for who is in them.
const maxDirects = chat.MaxBatch

// Direct are the keys of the direct rooms of the asker in which one of these people is,
// too; for an operator, of all in which one is.
func (a *asker) Direct(ctx context.Context, people []string) ([]string, error) {
	if err := a.readMembers(ctx); err != nil {
		return nil, err
	}
	var keys []string
	for room, members := range a.members {
		if slices.ContainsFunc(members, func(u chat.UserID) bool { return slices.Contains(people, u.Key) }) {
			keys = append(keys, room.Key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

// readMembers reads who is in the direct rooms, once.
func (a *asker) readMembers(ctx context.Context) error {
	if a.members != nil {
		return nil
	}
	rooms, err := a.readable(ctx)
	if err != nil {
		return err
	}
	direct := onlyDirect(rooms)
	if len(direct) > maxDirects {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: "search", Field: "direct rooms", Limit: maxDirects}
	}
	all, err := a.u.h.set.Directory.LookupDirect(ctx, direct)
	if err != nil {
		return err
	}
	members := map[chat.RoomID][]chat.UserID{}
	for _, m := range all {
		members[m.Room] = append(members[m.Room], m.User)
	}
	a.members = members
	return nil
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
