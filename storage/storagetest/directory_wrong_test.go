package storagetest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
	"golang.org/x/text/runes"
)

// The wrong directories each replace a method of a right one.
type (
	right = storage.Directory

	losesOne      struct{ right }
	noVersions    struct{ right }
	kindsChange   struct{ right }
	noLooks       struct{ right }
	keepsAddress  struct{ right }
	listsSorted   struct{ right } // by title
	shortList     struct{ right }
	leaksTenant   struct{ right }
	rowsFall      struct{ right }
	nicksTwice    struct{ right }
	anyRoom       struct{ right }
	showsBanned   struct{ right }
	hidesPublic   struct{ right }
	fromForgotten struct{ right }
	toDiffers     struct{ right }
	usersShuffled struct{ right }
	usersOnce     struct{ right }
	marksFall     struct{ right }
	foreignMarks  struct{ right }
	versionStarts struct{ right }
	anyVersion    struct{ right }
	oneSpace      struct{ right }
	noContext     struct{ right }
	losesSetting  struct{ right }

	lookupLoses    struct{ right }
	lookupShuffled struct{ right }
	lookupOnce     struct{ right }
	lookupHoles    struct{ right }
	lookupAny      struct{ right }
	lookupTenant   struct{ right }

	// named asks a right directory for everybody, and then does it wrong.
	named struct {
		right
		wrong func(all []storage.User, prefix string) []storage.User
	}
	stale struct {
		right
		before map[chat.UserID]storage.User
	}
	ownNames   struct{ stale }
	namesLeak  struct{ right }
	anyLimit   struct{ right }
	anyPrefix  struct{ right }
	shortNames struct{ right }
)

func (d losesOne) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	all, err := d.right.Users(ctx, ids)
	if len(all) > 400 {
		all = slices.Delete(all, 400, 401)
	}
	return all, err
}

func (d noVersions) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	if old, err := d.right.Room(ctx, r.ID); err == nil {
		r.Version = old.Version
	}
	return d.right.PutRoom(ctx, r)
}

func (d kindsChange) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	got, err := d.right.PutRoom(ctx, r)
	if errors.Is(err, chat.ErrInvalid) && r.Version > 0 {
		return r, nil
	}
	return got, err
}

func (d noLooks) PutRoom(ctx context.Context, r storage.Room) (storage.Room, error) {
	got, err := d.right.PutRoom(ctx, r)
	var e *chat.Error
	if errors.As(err, &e) && e.Field == "address" && r.Address != "lobby" {
		return r, nil
	}
	return got, err
}

func (d keepsAddress) RoomAt(ctx context.Context, tenant, at string) (storage.Room, error) {
	r, err := d.right.RoomAt(ctx, tenant, at)
	if errors.Is(err, chat.ErrNotFound) && at == "lobby" {
		return d.right.RoomAt(ctx, tenant, "kitchen")
	}
	return r, err
}

func (d listsSorted) List(ctx context.Context, tenant, after string, limit int) ([]storage.Room, error) {
	all, err := d.right.List(ctx, tenant, after, limit)
	slices.Reverse(all)
	return all, err
}

func (d shortList) Members(ctx context.Context, room chat.RoomID, after string, limit int) ([]storage.Member, error) {
	all, err := d.right.Members(ctx, room, after, limit)
	if len(all) == limit && limit > 1 {
		all = all[:limit-1]
	}
	return all, err
}

func (d leaksTenant) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	ours, err := d.right.Access(ctx, u)
	if err != nil {
		return nil, err
	}
	theirs, err := d.right.Access(ctx, chat.UserID{Tenant: "evil", Key: u.Key})
	return append(ours, theirs...), err
}

func (d rowsFall) PutMember(ctx context.Context, m storage.Member) error {
	if old, err := d.right.Member(ctx, m.Room, m.User); err == nil && m.Seq < old.Seq {
		m.Seq = old.Seq + 1
	}
	return d.right.PutMember(ctx, m)
}

func (d nicksTwice) PutMember(ctx context.Context, m storage.Member) error {
	err := d.right.PutMember(ctx, m)
	if errors.Is(err, chat.ErrConflict) {
		return nil
	}
	return err
}

func (d anyRoom) PutMember(ctx context.Context, m storage.Member) error {
	err := d.right.PutMember(ctx, m)
	if errors.Is(err, chat.ErrNotFound) {
		return nil
	}
	return err
}

func (d showsBanned) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	all, err := d.right.Access(ctx, u)
	rooms, _ := d.right.List(ctx, u.Tenant, "", chat.MaxBatch)
	for _, r := range rooms {
		if m, err := d.right.Member(ctx, r.ID, u); err == nil && m.Role == chat.RoleBanned {
			all = append(all, m)
		}
	}
	return all, err
}

func (d hidesPublic) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	all, err := d.right.Access(ctx, u)
	return slices.DeleteFunc(all, func(m storage.Member) bool { return !m.Role.Belongs() }), err
}

func (d fromForgotten) Access(ctx context.Context, u chat.UserID) ([]storage.Member, error) {
	all, err := d.right.Access(ctx, u)
	for i := range all {
		all[i].From = 1
	}
	return all, err
}

func (d toDiffers) AccessTo(ctx context.Context, u chat.UserID, room chat.RoomID) (storage.Member, error) {
	m, err := storage.AccessTo(ctx, d.right, u, room)
	if errors.Is(err, chat.ErrNotFound) {
		if m, err := d.right.Member(ctx, room, u); err == nil {
			return m, nil
		}
	}
	return m, err
}

func (d usersShuffled) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	all, err := d.right.Users(ctx, ids)
	slices.Reverse(all)
	return all, err
}

func (d usersOnce) Users(ctx context.Context, ids []chat.UserID) ([]storage.User, error) {
	all, err := d.right.Users(ctx, ids)
	return distinct(all, func(u storage.User) chat.UserID { return u.ID }), err
}

func distinct[T any, K comparable](all []T, key func(T) K) []T {
	seen := map[K]bool{}
	return slices.DeleteFunc(all, func(x T) bool {
		again := seen[key(x)]
		seen[key(x)] = true
		return again
	})
}

func (d marksFall) Marks(ctx context.Context, u chat.UserID, after string, limit int) ([]storage.Mark, error) {
	all, err := d.right.Marks(ctx, u, after, limit)
	for i := range all {
		all[i].Seq = min(all[i].Seq, 5)
	}
	return all, err
}

func (d foreignMarks) Mark(ctx context.Context, marks ...storage.Mark) error {
	for i := range marks {
		marks[i].User.Tenant = marks[i].Room.Tenant
	}
	return d.right.Mark(ctx, marks...)
}

func (d versionStarts) Put(ctx context.Context, u chat.UserID, space, key string, b []byte, version int64) (int64, error) {
	_, err := d.right.Put(ctx, u, space, key, b, version)
	if version == 0 {
		return 1, err
	}
	return version + 1, err
}

func (d anyVersion) Put(ctx context.Context, u chat.UserID, space, key string, b []byte, version int64) (int64, error) {
	if _, now, err := d.right.Get(ctx, u, space, key); err == nil {
		version = now
	}
	return d.right.Put(ctx, u, space, key, b, version)
}

func (d oneSpace) Get(ctx context.Context, u chat.UserID, space, key string) ([]byte, int64, error) {
	if b, v, err := d.right.Get(ctx, u, "s", key); err == nil {
		return b, v, nil
	}
	return d.right.Get(ctx, u, space, key)
}

func (d noContext) PutMember(ctx context.Context, m storage.Member) error {
	return d.right.PutMember(context.WithoutCancel(ctx), m)
}

func (d losesSetting) Room(ctx context.Context, id chat.RoomID) (storage.Room, error) {
	r, err := d.right.Room(ctx, id)
	r.Password = bytes.TrimRight(r.Password, "\xff") // as text in a column would be
	return r, err
}

func (d lookupLoses) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	all, err := d.right.LookupRooms(ctx, ids)
	for i := range all {
		all[i].Password = nil // a column that isn't asked for
	}
	return all, err
}

func (d lookupShuffled) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	all, err := d.right.LookupRooms(ctx, ids)
	slices.SortFunc(all, func(a, b storage.Room) int { return strings.Compare(a.ID.Key, b.ID.Key) })
	return all, err
}

func (d lookupOnce) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	all, err := d.right.LookupRooms(ctx, ids)
	return distinct(all, func(r storage.Room) chat.RoomID { return r.ID }), err
}

func (d lookupHoles) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	all, err := d.right.LookupRooms(ctx, ids)
	for i, id := range ids {
		if err == nil && !slices.ContainsFunc(all, func(r storage.Room) bool { return r.ID == id }) {
			all = slices.Insert(all, i, storage.Room{})
		}
	}
	return all, err
}

func (d lookupAny) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	var all []storage.Room
	for some := range slices.Chunk(ids, chat.MaxBatch) {
		found, err := d.right.LookupRooms(ctx, some)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, ctx.Err()
}

func (d lookupTenant) LookupRooms(ctx context.Context, ids []chat.RoomID) ([]storage.Room, error) {
	ids = slices.Clone(ids)
	for i := range ids {
		ids[i].Tenant = ids[0].Tenant
	}
	return d.right.LookupRooms(ctx, ids)
}

func (d named) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	if _, err := d.right.NamedUsers(ctx, tenant, prefix, limit); err != nil {
		return nil, err
	}
	all, err := d.right.NamedUsers(ctx, tenant, "", chat.MaxBatch)
	all = d.wrong(all, prefix)
	return all[:min(limit, len(all))], err
}

// only are those of whom is says so.
func only(is func(name, prefix string) bool) func([]storage.User, string) []storage.User {
	return func(all []storage.User, prefix string) []storage.User {
		return slices.DeleteFunc(all, func(u storage.User) bool { return !is(u.Name, prefix) })
	}
}

// begun are the right ones, in the order of compare.
func begun(compare func(a, b storage.User) int) func([]storage.User, string) []storage.User {
	return func(all []storage.User, prefix string) []storage.User {
		all = only(begins)(all, prefix)
		slices.SortStableFunc(all, compare)
		return all
	}
}

func begins(name, prefix string) bool {
	return strings.HasPrefix(chat.FoldName(name), chat.FoldName(prefix))
}

// like is a LIKE whose pattern nobody quoted.
func like(name, prefix string) bool {
	pattern := regexp.QuoteMeta(chat.FoldName(prefix))
	pattern = strings.NewReplacer("%", ".*", "_", ".").Replace(pattern)
	return regexp.MustCompile("^" + pattern).MatchString(chat.FoldName(name))
}

type oneByOne struct{ right }

func (d oneByOne) PutUser(ctx context.Context, people ...storage.User) error {
	if err := storage.CheckUsers("put user", people[:min(len(people), 1)]); err != nil || len(people) > chat.MaxBatch {
		return d.right.PutUser(ctx, people...)
	}
	for _, u := range people {
		if err := d.right.PutUser(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

type backwards struct{ right }

func (d backwards) PutUser(ctx context.Context, people ...storage.User) error {
	people = slices.Clone(people)
	slices.Reverse(people)
	return d.right.PutUser(ctx, people...)
}

func (d stale) PutUser(ctx context.Context, people ...storage.User) error {
	err := d.right.PutUser(ctx, people...)
	for _, u := range people {
		if _, known := d.before[u.ID]; err == nil && !known {
			d.before[u.ID] = u
		}
	}
	return err
}

func (d stale) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	all, err := d.right.NamedUsers(ctx, tenant, prefix, limit)
	for _, u := range d.before {
		if prefix != "" && len(all) < limit && u.ID.Tenant == tenant && begins(u.Name, prefix) && !slices.ContainsFunc(all, func(v storage.User) bool { return u.ID == v.ID }) {
			all = append(all, u)
		}
	}
	return all, err
}

func (d ownNames) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	all, err := d.right.NamedUsers(ctx, tenant, prefix, limit)
	return slices.DeleteFunc(all, func(u storage.User) bool { _, own := d.before[u.ID]; return !own }), err
}

func (d namesLeak) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	ours, err := d.right.NamedUsers(ctx, tenant, prefix, limit)
	if err != nil || tenant != "acm" {
		return ours, err
	}
	theirs, err := d.right.NamedUsers(ctx, "acme", prefix, limit) // a scan that goes too far
	return append(ours, theirs...), err
}

func (d anyLimit) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	return d.right.NamedUsers(ctx, tenant, prefix, min(limit, chat.MaxBatch))
}

func (d anyPrefix) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	all, err := d.right.NamedUsers(ctx, tenant, prefix, limit)
	var e *chat.Error
	if errors.As(err, &e) && e.Field == "prefix" {
		return nil, nil // nobody has such a name
	}
	return all, err
}

func (d shortNames) NamedUsers(ctx context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	all, err := d.right.NamedUsers(ctx, tenant, prefix, limit)
	if len(chat.FoldName(prefix)) > 191 { // as wide as the column of the index
		all = nil
	}
	return all, err
}

// wrongNames makes sites that find people wrongly.
func wrongNames(wrong func([]storage.User, string) []storage.User) func(testing.TB) *storagetest.DirectorySite {
	return directory(func(d right) right { return named{d, wrong} })
}

// directory makes sites whose every handle is wrong in the same way.
func directory(fault func(right) right) func(testing.TB) *storagetest.DirectorySite {
	return func(testing.TB) *storagetest.DirectorySite {
		place := memory.New(nil)
		return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
			s := place.Reopen()
			return fault(s.Directory()), s.Close, nil
		}}
	}
}

var wrongDirectories = []suite.Wrong[*storagetest.DirectorySite]{
	{Name: "loses one of many", Case: "people are read in one round trip", At: directory(func(d right) right { return losesOne{d} })},
	{Name: "loses a byte of a setting", Case: "every setting of a room comes back", At: directory(func(d right) right { return losesSetting{d} })},
	{Name: "doesn't look at versions", Case: "an old version is refused", At: directory(func(d right) right { return noVersions{d} })},
	{Name: "the last of many writers wins", Case: "one of many writers wins", At: directory(func(d right) right { return noVersions{d} })},
	{Name: "a kind changes", Case: "kind and creation never change", At: directory(func(d right) right { return kindsChange{d} })},
	{Name: "accepts a look-alike address", Case: "an address is one under any look", At: directory(func(d right) right { return noLooks{d} })},
	{Name: "keeps an address that was given up", Case: "an address is free when it is given up", At: directory(func(d right) right { return keepsAddress{d} })},
	{Name: "lists out of order", Case: "rooms are listed by key", At: directory(func(d right) right { return listsSorted{d} })},
	{Name: "a short list", Case: "members are listed by key", At: directory(func(d right) right { return shortList{d} })},
	{Name: "leaks a tenant", Case: "access is in order and of the tenant", At: directory(func(d right) right { return leaksTenant{d} })},
	{Name: "a row falls back", Case: "rows only rise", At: directory(func(d right) right { return rowsFall{d} })},
	{Name: "a nickname twice", Case: "a nickname is one under any look", At: directory(func(d right) right { return nicksTwice{d} })},
	{Name: "members of nothing", Case: "a membership needs its room", At: directory(func(d right) right { return anyRoom{d} })},
	{Name: "shows a room to the banned", Case: "who may read which room", At: directory(func(d right) right { return showsBanned{d} })},
	{Name: "hides public rooms", Case: "who may read which room", At: directory(func(d right) right { return hidesPublic{d} })},
	{Name: "forgets from where", Case: "who may read which room", At: directory(func(d right) right { return fromForgotten{d} })},
	{Name: "one room's answer differs", Case: "access is lost at once", At: directory(func(d right) right { return toDiffers{d} })},
	{Name: "people in another order", Case: "people are read in one round trip", At: directory(func(d right) right { return usersShuffled{d} })},
	{Name: "a person who is named twice comes once", Case: "people are read in one round trip", At: directory(func(d right) right { return usersOnce{d} })},
	{Name: "a lookup loses a setting", Case: "every setting of a room comes back", At: directory(func(d right) right { return lookupLoses{d} })},
	{Name: "rooms in another order", Case: "rooms are read in one round trip", At: directory(func(d right) right { return lookupShuffled{d} })},
	{Name: "a room that is named twice comes once", Case: "rooms are read in one round trip", At: directory(func(d right) right { return lookupOnce{d} })},
	{Name: "an empty room for one that isn't there", Case: "rooms are read in one round trip", At: directory(func(d right) right { return lookupHoles{d} })},
	{Name: "any number of rooms", Case: "rooms are read in one round trip", At: directory(func(d right) right { return lookupAny{d} })},
	{Name: "rooms of the first one's tenant", Case: "rooms are read in one round trip", At: directory(func(d right) right { return lookupTenant{d} })},
	{Name: "names as they are written", Case: "people are found as their names are typed", At: wrongNames(only(strings.HasPrefix))},
	{Name: "names in any case, accents as written", Case: "people are found as their names are typed", At: wrongNames(only(func(name, prefix string) bool {
		return strings.HasPrefix(strings.ToLower(name), strings.ToLower(prefix))
	}))},
	{Name: "names in lower case only", Case: "people are found as their names are typed", At: wrongNames(only(func(name, prefix string) bool {
		return begins(strings.ReplaceAll(name, "ß", "β"), strings.ReplaceAll(prefix, "ß", "β"))
	}))},
	{Name: "names without any marks", Case: "people are found as their names are typed", At: wrongNames(only(func(name, prefix string) bool {
		marks := runes.Remove(runes.In(unicode.Mn))
		return strings.HasPrefix(marks.String(chat.FoldName(name)), marks.String(chat.FoldName(prefix)))
	}))},
	{Name: "any part of a name", Case: "people are found as their names are typed", At: wrongNames(only(func(name, prefix string) bool {
		return strings.Contains(chat.FoldName(name), chat.FoldName(prefix))
	}))},
	{Name: "a person without his kind", Case: "people are found as their names are typed", At: wrongNames(func(all []storage.User, prefix string) []storage.User {
		for i := range all {
			all[i].Bot = false
		}
		return only(begins)(all, prefix)
	})},
	{Name: "names in order of their keys", Case: "names have one order", At: wrongNames(begun(func(a, b storage.User) int {
		return strings.Compare(a.ID.Key, b.ID.Key)
	}))},
	{Name: "names in order as written", Case: "names have one order", At: wrongNames(begun(func(a, b storage.User) int {
		return strings.Compare(a.Name, b.Name)
	}))},
	{Name: "one name in order of how it is written", Case: "names have one order", At: wrongNames(begun(func(a, b storage.User) int {
		return cmp.Or(strings.Compare(chat.FoldName(a.Name), chat.FoldName(b.Name)), strings.Compare(a.Name, b.Name))
	}))},
	{Name: "names in order of UTF-16", Case: "names have one order", At: wrongNames(begun(func(a, b storage.User) int {
		return slices.Compare(utf16.Encode([]rune(chat.FoldName(a.Name))), utf16.Encode([]rune(chat.FoldName(b.Name))))
	}))},
	{Name: "names in order without their signs", Case: "names have one order", At: wrongNames(begun(func(a, b storage.User) int {
		letters := strings.NewReplacer(" ", "", "-", "", "_", "")
		return strings.Compare(letters.Replace(chat.FoldName(a.Name)), letters.Replace(chat.FoldName(b.Name)))
	}))},
	{Name: "a name is a pattern", Case: "a typed name is no pattern", At: wrongNames(only(like))},
	{Name: "a narrow index of names", Case: "long names are found", At: directory(func(d right) right { return shortNames{d} })},
	{Name: "long names that aren't cut", Case: "long names are found", At: wrongNames(only(func(name, prefix string) bool {
		return begins(name, prefix) && !strings.HasSuffix(prefix, "?")
	}))},
	{Name: "people are stored one by one", Case: "people are stored together, or none", At: directory(func(d right) right { return oneByOne{d} })},
	{Name: "the first of two counts", Case: "people are stored together, or none", At: directory(func(d right) right { return backwards{d} })},
	{Name: "an old name finds", Case: "a renamed person moves", At: directory(func(d right) right { return stale{d, map[chat.UserID]storage.User{}} })},
	{Name: "nobody without a name", Case: "no name finds everybody", At: wrongNames(only(func(name, prefix string) bool {
		return name != "" && begins(name, prefix)
	}))},
	{Name: "nobody for a space", Case: "no name finds everybody", At: wrongNames(only(func(name, prefix string) bool {
		return (prefix == "" || chat.FoldName(prefix) != "") && begins(name, prefix)
	}))},
	{Name: "names of the next tenant", Case: "names are found in one tenant", At: directory(func(d right) right { return namesLeak{d} })},
	{Name: "any number of names", Case: "wrong questions for a name are refused", At: directory(func(d right) right { return anyLimit{d} })},
	{Name: "nobody has a wrong name", Case: "wrong questions for a name are refused", At: directory(func(d right) right { return anyPrefix{d} })},
	{Name: "an index of names at each node", Case: "two at once see the same", At: directory(func(d right) right {
		return ownNames{stale{d, map[chat.UserID]storage.User{}}}
	})},
	{Name: "a mark falls", Case: "marks only rise", At: directory(func(d right) right { return marksFall{d} })},
	{Name: "marks are stored one by one", Case: "marks are stored together, or none", At: directory(func(d right) right { return marksApart{d} })},
	{Name: "the last of two marks", Case: "marks are stored together, or none", At: directory(func(d right) right { return lastMark{d} })},
	{Name: "marks as they are stored", Case: "marks of many rooms are read in the order asked", At: wrongMarks(func(_ chat.UserID, all []storage.Mark) []storage.Mark {
		slices.SortFunc(all, func(a, b storage.Mark) int { return strings.Compare(a.Room.Key, b.Room.Key) })
		return all
	})},
	{Name: "each mark once", Case: "marks of many rooms are read in the order asked", At: wrongMarks(func(_ chat.UserID, all []storage.Mark) []storage.Mark {
		return distinct(all, func(m storage.Mark) chat.RoomID { return m.Room })
	})},
	{Name: "marks of another tenant", Case: "invalid marks are refused", At: directory(func(d right) right { return foreignMarks{d} })},
	{Name: "versions start again after a deletion", Case: "a deleted value stays ahead of late writers", At: directory(func(d right) right { return versionStarts{d} })},
	{Name: "any version will do", Case: "an old version of a value is refused", At: directory(func(d right) right { return anyVersion{d} })},
	{Name: "one space for all", Case: "users and spaces are apart", At: directory(func(d right) right { return oneSpace{d} })},
	{Name: "ignores the context", Case: "a done context does nothing", At: directory(func(d right) right { return noContext{d} })},
	{Name: "lost at reopen", Case: "everything is there after reopening", At: func(testing.TB) *storagetest.DirectorySite {
		return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
			s := memory.New(nil)
			return s.Directory(), s.Close, nil
		}}
	}},
	{Name: "works when closed", Case: "a closed directory says so", At: func(testing.TB) *storagetest.DirectorySite {
		place := memory.New(nil)
		return &storagetest.DirectorySite{Open: func(context.Context) (storage.Directory, func() error, error) {
			return place.Directory(), func() error { return nil }, nil
		}}
	}},
}

func TestTheSuiteOfADirectoryCatches(t *testing.T) {
	suite.Catch(t, storagetest.DirectoryCases(), wrongDirectories)
}
