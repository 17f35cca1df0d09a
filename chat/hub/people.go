package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

// People finds people of the user's tenant whose name begins with what is given, both
// folded ([chat.FoldName]), by name. limit is from 1 to [chat.MaxBatch].
func (u User) People(ctx context.Context, name string, limit int) ([]storage.User, error) {
	const op = "find people"
	leave, err := u.enterSearch(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkPrefix(op, name, limit); err != nil {
		return nil, err
	}
	return u.h.set.Directory.NamedUsers(ctx, u.id.Tenant, name, limit)
}

// Users are the people of the tenant with these keys, in their order: what they are
// called. Who is unknown is left out. More than [chat.MaxBatch] keys are
// [chat.ErrTooLarge].
func (u User) Users(ctx context.Context, userKeys ...string) ([]storage.User, error) {
	const op = "users"
	leave, err := u.enter(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if len(userKeys) > chat.MaxBatch {
		return nil, &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "users", Limit: chat.MaxBatch}
	}
	ids := make([]chat.UserID, len(userKeys))
	for i, key := range userKeys {
		ids[i] = chat.UserID{Tenant: u.id.Tenant, Key: key}
		if err := ids[i].Check(op); err != nil {
			return nil, err
		}
	}
	return u.h.set.Directory.Users(ctx, ids)
}

// RoomsNamed finds rooms that the user may read whose title or address begins with what
// is given, folded as names are, by title. A "#" in front of either is left out of
// account. Public rooms that aren't listed are found only by those who belong. limit is
// from 1 to [chat.MaxBatch].
func (u User) RoomsNamed(ctx context.Context, title string, limit int) ([]Info, error) {
	const op = "find rooms"
	leave, err := u.enterSearch(ctx, op)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := checkPrefix(op, title, limit); err != nil {
		return nil, err
	}
	folded := foldTitle(title)
	var found []Info
	err = u.eachRoom(ctx, func(r Info) {
		listed := r.Listed || r.Role.Belongs()
		if named := r.Title != "" || r.Address != ""; listed && named &&
			(strings.HasPrefix(foldTitle(r.Title), folded) || strings.HasPrefix(foldTitle(r.Address), folded)) {
			found = append(found, r)
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b Info) int {
		return cmp.Or(strings.Compare(foldTitle(a.Title), foldTitle(b.Title)), strings.Compare(a.ID.Key, b.ID.Key))
	})
	return found[:min(len(found), limit)], nil
}

func checkPrefix(op, name string, limit int) error {
	if err := chat.CheckName(op, "name", name); err != nil {
		return err
	}
	return checkLimit(op, limit)
}

// foldTitle is a title as it is compared: people write "#soup" for "soup", and call
// rooms so.
func foldTitle(title string) string { return strings.TrimPrefix(chat.FoldName(title), "#") }

// eachRoom calls fn with each room that the user may read, by key.
func (u User) eachRoom(ctx context.Context, fn func(Info)) error {
	all, err := u.h.access.Access(ctx, u.id)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(m storage.Member) bool { return m.Room.Tenant != u.id.Tenant })
	for part := range slices.Chunk(all, chat.MaxBatch) {
		rooms, err := u.h.roomsOf(ctx, part)
		if err != nil {
			return err
		}
		for i, m := range part {
			fn(info(rooms[i], m))
		}
	}
	return nil
}

// roomsOf are the settings of the rooms of memberships, at most [chat.MaxBatch], in
// their order.
func (h *Hub) roomsOf(ctx context.Context, members []storage.Member) ([]storage.Room, error) {
	ids := make([]chat.RoomID, len(members))
	for i, m := range members {
		ids[i] = m.Room
	}
	known, err := h.set.Directory.LookupRooms(ctx, ids)
	if err != nil {
		return nil, err
	}
	rooms := make([]storage.Room, len(ids))
	for i, id := range ids {
		rooms[i] = hostRoom(id)
		if len(known) > 0 && known[0].ID == id {
			rooms[i], known = known[0], known[1:]
		}
	}
	return rooms, nil
}

// titles are what rooms are called for a user, at most [chat.MaxBatch]: their title, or
// that of a direct room the names of the others; the key where there is neither.
func (h *Hub) titles(ctx context.Context, asker chat.UserID, rooms []chat.RoomID) ([]string, error) {
	known, err := h.set.Directory.LookupRooms(ctx, rooms)
	if err != nil {
		return nil, err
	}
	titles, err := h.directTitles(ctx, asker, known)
	if err != nil {
		return nil, err
	}
	for _, r := range known {
		if r.Kind != storage.Direct {
			titles[r.ID] = r.Title
		}
	}
	list := make([]string, len(rooms))
	for i, id := range rooms {
		list[i] = cmp.Or(titles[id], id.Key)
	}
	return list, nil
}

// directTitles are what those of rooms that are direct are called for a user: by the names
// of the others. Two round trips, whatever there is of them; at most [chat.MaxBatch].
func (h *Hub) directTitles(ctx context.Context, asker chat.UserID, rooms []storage.Room) (map[chat.RoomID]string, error) {
	titles := map[chat.RoomID]string{}
	members, err := h.set.Directory.LookupDirect(ctx, onlyDirect(rooms))
	if len(members) == 0 || err != nil {
		return titles, err
	}
	members = slices.DeleteFunc(members, func(m storage.Member) bool { return m.User == asker })
	others := make([]chat.UserID, len(members))
	for i, m := range members {
		others[i] = m.User
	}
	for part := range slices.Chunk(others, chat.MaxBatch) {
		names, err := h.names(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			id := members[i].Room
			if titles[id] != "" {
				name = titles[id] + ", " + name
			}
			titles[id] = name
		}
		members = members[len(part):]
	}
	return titles, nil
}

// onlyDirect are those of rooms that are direct.
func onlyDirect(rooms []storage.Room) (direct []chat.RoomID) {
	for i := range rooms {
		if rooms[i].Kind == storage.Direct {
			direct = append(direct, rooms[i].ID)
		}
	}
	return direct
}

// directMembers are the people of a direct room.
func (h *Hub) directMembers(ctx context.Context, room chat.RoomID) ([]chat.UserID, error) {
	members, err := h.set.Directory.Members(ctx, room, "", MaxDirect)
	people := make([]chat.UserID, len(members))
	for i, m := range members {
		people[i] = m.User
	}
	return people, err
}

// names are what people are called, at most [chat.MaxBatch], in their order; the key
// where somebody has no name.
func (h *Hub) names(ctx context.Context, people []chat.UserID) ([]string, error) {
	known, err := h.set.Directory.Users(ctx, people)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(people))
	for i, id := range people {
		names[i] = id.Key
		if len(known) > 0 && known[0].ID == id {
			if known[0].Name != "" {
				names[i] = known[0].Name
			}
			known = known[1:]
		}
	}
	return names, nil
}
