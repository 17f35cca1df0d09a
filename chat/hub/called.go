package hub

import (
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
func (a asker) People(ctx context.Context, name string) ([]string, error) {
	// Those who have the very name come first, beside those whose name folds to the same.
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
func (a asker) Rooms(ctx context.Context, name string) ([]string, error) {
	var keys []string
	bare := strings.TrimPrefix(name, "#")
	is := func(title string) bool { return title == name || title != "" && strings.TrimPrefix(title, "#") == bare }
	err := a.eachRoom(ctx, func(r storage.Room) {
		if is(r.Title) || is(r.Address) || r.ID.Key == name {
			keys = append(keys, r.ID.Key)
		}
	})
	return keys, err
}

// eachRoom calls fn with each room in which the asker may find something.
func (a asker) eachRoom(ctx context.Context, fn func(storage.Room)) error {
	if !a.admin {
		return a.u.eachRoom(ctx, func(r Info) { fn(r.Room) })
	}
	for after := ""; ; {
		rooms, err := a.u.h.set.Directory.List(ctx, a.scope.Tenant, after, chat.MaxBatch)
		if err != nil {
			return err
		}
		for _, r := range rooms {
			fn(r)
		}
		if len(rooms) < chat.MaxBatch {
			return nil
		}
		after = rooms[len(rooms)-1].ID.Key
	}
}

// Direct are the keys of the direct rooms of the asker in which one of these people is,
// too; for an operator, of all in which one is.
func (a asker) Direct(ctx context.Context, people []string) ([]string, error) {
	var direct []chat.RoomID
	err := a.eachRoom(ctx, func(r storage.Room) {
		if r.Kind == storage.Direct {
			direct = append(direct, r.ID)
		}
	})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, room := range direct {
		members, err := a.u.h.set.Directory.Members(ctx, room, "", MaxDirect)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(members, func(m storage.Member) bool {
			return slices.Contains(people, m.User.Key)
		}) {
			keys = append(keys, room.Key)
		}
	}
	return keys, nil
}
