package storagetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/storage"
)

var userCases = []DirectoryCase{
	{Name: "people come back as written", Why: "names are shown as their owners write them", Run: atDirectory(users)},
	{Name: "people are read in one round trip", Why: "a page names many", Run: atDirectory(usersBatch)},
	{Name: "people are stored together, or none", Why: "a host brings its table of people, and a half of it is nothing", Run: atDirectory(usersTogether)},
	{Name: "people are found as their names are typed", Why: "fingers leave out accents and capitals", Run: atDirectory(namesTyped)},
	{Name: "names have one order", Why: "whoever is meant comes first, at every driver", Run: atDirectory(nameOrder)},
	{Name: "a typed name is no pattern", Why: "what somebody types must not become the engine's syntax", Run: atDirectory(nameLiteral)},
	{Name: "long names are found", Why: "an index that is too narrow must not lose anybody", Run: atDirectory(nameLong)},
	{Name: "a renamed person moves", Why: "nobody is found by a name that he gave up", Run: atDirectory(nameMoves)},
	{Name: "no name finds everybody", Why: "a list to choose from has the unnamed, too", Run: atDirectory(nameNone)},
	{Name: "names are found in one tenant", Why: "a company's people are nobody else's", Run: atDirectory(nameTenants)},
	{Name: "wrong questions for a name are refused", Why: "every list is bounded, and says so", Run: atDirectory(nameRefused)},
}

func users(ctx context.Context, d storage.Directory) error {
	u := storage.User{ID: ann, Name: "Endo Ryunosuke / minerva", Bot: true}
	theirs := storage.User{ID: chat.UserID{Tenant: "evil", Key: "ann"}, Name: "Mallory"}
	if err := first(full(u), d.PutUser(ctx, u), d.PutUser(ctx, theirs)); err != nil {
		return err
	}
	got, err := d.Users(ctx, []chat.UserID{ann})
	if err := first(err, want("people", len(got), 1), want("the person", got[0], u)); err != nil {
		return err
	}
	u.Name, u.Bot = "", false // replaced whole
	if err := d.PutUser(ctx, u); err != nil {
		return err
	}
	got, err = d.Users(ctx, []chat.UserID{ann})
	if err := first(err, want("the person", got[0], u)); err != nil {
		return err
	}
	return first(is(d.PutUser(ctx, storage.User{ID: chat.UserID{Tenant: "acme"}}), chat.ErrInvalid, "user"),
		is(d.PutUser(ctx, storage.User{ID: bob, Name: "a\nb"}), chat.ErrInvalid, "name"))
}

func usersTogether(ctx context.Context, d storage.Directory) error {
	many := make([]storage.User, chat.MaxBatch)
	ids := make([]chat.UserID, len(many))
	for i := range many {
		ids[i] = chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}
		many[i] = storage.User{ID: ids[i], Name: fmt.Sprint("Person ", i)}
	}
	if err := first(is(d.PutUser(ctx, append(many, storage.User{ID: bob})...), chat.ErrTooLarge, "users"), d.PutUser(ctx)); err != nil {
		return err
	}
	bad := slices.Clone(many)
	bad[700].Name = "a\nb"
	err := is(d.PutUser(ctx, bad...), chat.ErrInvalid, "name")
	none, err2 := d.Users(ctx, ids)
	if err := first(err, err2, want("people of a batch that was refused", len(none), 0)); err != nil {
		return err
	}
	many[3] = storage.User{ID: ids[2], Name: "the last counts"}
	if err := d.PutUser(ctx, many...); err != nil {
		return err
	}
	got, err := d.Users(ctx, ids)
	named, err2 := d.NamedUsers(ctx, "acme", "", chat.MaxBatch)
	return first(err, err2, want("people", len(got), len(many)-1), want("people by name", len(named), len(many)-1), want("who was named twice", got[2].Name, "the last counts"))
}

func usersBatch(ctx context.Context, d storage.Directory) error {
	var ids []chat.UserID
	for i := range chat.MaxBatch {
		id := chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}
		ids = append(ids, id)
		if i%2 == 0 {
			if err := d.PutUser(ctx, storage.User{ID: id, Name: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
	}
	got, err := d.Users(ctx, ids)
	if err := first(err, want("people", len(got), chat.MaxBatch/2)); err != nil {
		return err
	}
	for i := range got {
		if got[i].ID != ids[2*i] {
			return fmt.Errorf("person %d is %v, want %v", i, got[i].ID, ids[2*i])
		}
	}
	twice, err := d.Users(ctx, []chat.UserID{ids[2], ids[0], ids[1], ids[2]})
	if err := first(err, want("people, one twice,", keysOf(twice), "u2 u0 u2")); err != nil {
		return err
	}
	_, err = d.Users(ctx, append(ids, ann))
	return is(err, chat.ErrTooLarge, "ids")
}

func person(key, name string) storage.User {
	return storage.User{ID: chat.UserID{Tenant: "acme", Key: key}, Name: name}
}

func putUsers(ctx context.Context, d storage.Directory, users ...storage.User) error {
	for _, u := range users {
		if err := d.PutUser(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// who are the keys of those whose names begin with prefix.
func who(ctx context.Context, d storage.Directory, prefix string, limit int) (string, error) {
	all, err := d.NamedUsers(ctx, "acme", prefix, limit)
	return keysOf(all), err
}

func keysOf(users []storage.User) string {
	var keys []string
	for _, u := range users {
		keys = append(keys, u.ID.Key)
	}
	return strings.Join(keys, " ")
}

// finds checks, prefix by prefix, who is found.
func finds(ctx context.Context, d storage.Directory, expected map[string]string) error {
	for prefix, keys := range expected {
		got, err := who(ctx, d, prefix, chat.MaxBatch)
		if err := first(err, want(fmt.Sprintf("who is found by %.40q", prefix), got, keys)); err != nil {
			return err
		}
	}
	return nil
}

func namesTyped(ctx context.Context, d storage.Directory) error {
	bot := storage.User{ID: ann, Name: "Zoë / 造", Bot: true}
	if err := first(full(bot), putUsers(ctx, d, bot, person("1", "José Álvarez"), person("2", "jose b"), person("3", "JOSEPHINE"),
		person("4", "Straße"), person("5", "한국"), person("6", "がく"), person("7", "Ὀδυσσεύς"), person("8", "Mary \u00a0 Lee"),
		person("9", "Jos\u0301é"), person("10", "Øre"), person("11", "ﬁfi"), person("12", "かく"))); err != nil {
		return err
	}
	if err := finds(ctx, d, map[string]string{
		"jose": "9 1 2 3", "JOSÉ ": "9 1 2 3", "jose\u0301 a": "1", "joseph": "3", "straß": "4", "STRASSE": "4",
		"한": "5", "하": "5", "が": "6", "か\u3099": "6", "か": "12 6", "οδυσσευς": "7", "ΟΔΥΣΣΕΎ": "7", "mary lee": "8",
		"lee": "", "maryl": "", "o": "", "ø": "10", "ｆＩ": "11", "josé álvarez": "1", "josé álvarez x": "",
	}); err != nil {
		return err
	}
	got, err := d.NamedUsers(ctx, "acme", "zoe", 10)
	return first(err, want("who is found whole", fmt.Sprint(got), fmt.Sprint([]storage.User{bot})))
}

func nameOrder(ctx context.Context, d storage.Directory) error {
	// Case, accents, signs, numbers and planes: each leads some engine astray.
	names := []string{"Ann Lee", "ANN LEE", "ann lee", "Ann Lée", "Ann-Lee", "Ann", "annabel", "Ann Lee 10", "Ann Lee 9", "ann_lee",
		"Ann \ue000", "Ann \U0001f600", "Änn Lee", "Ann Zoe", "Ann äbc"}
	var all []storage.User
	for i, name := range names {
		all = append(all, person(bytewise[i*7%len(bytewise)]+fmt.Sprint(i), name))
	}
	if err := putUsers(ctx, d, all...); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b storage.User) int {
		return cmp.Or(strings.Compare(chat.FoldName(a.Name), chat.FoldName(b.Name)), strings.Compare(a.ID.Key, b.ID.Key))
	})
	for limit := 1; limit <= len(all)+1; limit++ {
		got, err := who(ctx, d, "ann", limit)
		if err := first(err, want(fmt.Sprint("the first ", limit), got, keysOf(all[:min(limit, len(all))]))); err != nil {
			return err
		}
	}
	return nil
}

func nameLiteral(ctx context.Context, d storage.Directory) error {
	if err := putUsers(ctx, d, person("1", "50% off"), person("2", "50 percent"), person("3", "a_b"), person("4", "axb"), person("5", `a\b`),
		person("6", "[ab]c"), person("7", "'; --"), person("8", "a*"), person("9", `a"b`)); err != nil {
		return err
	}
	return finds(ctx, d, map[string]string{"50%": "1", "a_": "3", `a\`: "5", "[ab]": "6", "'": "7", "a*": "8", `a"`: "9",
		"%": "", "_": "", "*": "", "?": "", ".": "", `\`: "", "^a": "", "a%": ""})
}

func nameLong(ctx context.Context, d storage.Directory) error {
	long := func(s string) string { return strings.Repeat(s, chat.MaxName/len(s)) }
	x, hangul, phrase := long("x"), long("각"), long("ﷺ")
	if err := putUsers(ctx, d, person("1", x), person("2", x[1:]), person("3", hangul), person("5", phrase), person("4", phrase+"!")); err != nil {
		return err
	}
	return finds(ctx, d, map[string]string{x: "1", x[1:]: "2 1", hangul: "3", phrase: "4 5", phrase + "?": "4 5"}) // the phrases are cut
}

func nameMoves(ctx context.Context, d storage.Directory) error {
	if err := first(putUsers(ctx, d, person("ann", "Ann"), person("bob", "Bob")), finds(ctx, d, map[string]string{"a": "ann"}),
		putUsers(ctx, d, person("ann", "Zoe")), finds(ctx, d, map[string]string{"a": "", "z": "ann", "": "bob ann"}),
		putUsers(ctx, d, person("ann", "ZOÉ"))); err != nil {
		return err
	}
	got, err := d.NamedUsers(ctx, "acme", "zoe", 10)
	if err := first(err, want("who is found", fmt.Sprint(got), fmt.Sprint([]storage.User{person("ann", "ZOÉ")}))); err != nil {
		return err
	}
	return first(putUsers(ctx, d, person("ann", "")), finds(ctx, d, map[string]string{"z": "", "": "ann bob"}),
		putUsers(ctx, d, person("ann", "Ann")), finds(ctx, d, map[string]string{"a": "ann", "": "ann bob"}))
}

func nameNone(ctx context.Context, d storage.Directory) error {
	if err := putUsers(ctx, d, person("3", "Ann"), person("1", ""), person("2", "  "), person("4", "Bob")); err != nil {
		return err
	}
	return finds(ctx, d, map[string]string{"": "1 2 3 4", " ": "1 2 3 4", "\u0301": "1 2 3 4"})
}

func nameTenants(ctx context.Context, d storage.Directory) error {
	for _, tenant := range []string{"acme", "evil", "acm", "acme2"} {
		for _, name := range []string{"Ann", "eann", "2ann", ""} {
			if err := d.PutUser(ctx, storage.User{ID: chat.UserID{Tenant: tenant, Key: tenant + name}, Name: name}); err != nil {
				return err
			}
		}
	}
	for tenant, expected := range map[string]string{"acme": "acmeAnn", "evil": "evilAnn", "acm": "acmAnn", "acme2": "acme2Ann", "nobody": ""} {
		got, err := d.NamedUsers(ctx, tenant, "ann", 10)
		if err := first(err, want("who is found in "+tenant, keysOf(got), expected)); err != nil {
			return err
		}
	}
	all, err := d.NamedUsers(ctx, "acme", "", 10)
	return first(err, want("everybody", keysOf(all), "acme acme2ann acmeAnn acmeeann"))
}

func nameRefused(ctx context.Context, d storage.Directory) error {
	ask := func(prefix string, limit int) error {
		_, err := d.NamedUsers(ctx, "acme", prefix, limit)
		return err
	}
	return first(badLimits(func(limit int) error { return ask("a", limit) }), ask(strings.Repeat("x", chat.MaxName), chat.MaxBatch),
		is(ask(strings.Repeat("x", chat.MaxName+1), 10), chat.ErrTooLarge, "prefix"),
		is(ask("a\nb", 10), chat.ErrInvalid, "prefix"), is(ask("a\xff", 10), chat.ErrInvalid, "prefix"))
}
