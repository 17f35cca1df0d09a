package hub_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
	"github.com/parlor-chat/parlor/storage"
)

// named gives people names.
func (k *kit) named(names map[string]string) {
	k.t.Helper()
	for key, name := range names {
		ok(k.t, k.Admin().PutUser(k.t.Context(), storage.User{ID: user(key), Name: name}))
	}
}

func TestSearchByText(t *testing.T) {
	k := newKit(t, nil)
	k.named(map[string]string{"ann": "Ann Lee", "bob": "Bob", "rob": "Bob", "cyd": "cyd"})
	other, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Title: "#garden", Listed: true})
	ok(t, err)
	hidden, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Cellar"})
	ok(t, err)
	direct, err := k.as("bob").Direct(t.Context(), "cyd")
	ok(t, err)
	group, err := k.as("bob").Direct(t.Context(), "ann", "cyd")
	ok(t, err)
	send := func(by string, r hub.Room, text chat.Text) chat.Receipt {
		t.Helper()
		got, err := k.in(by, r.ID()).Send(t.Context(), text)
		ok(t, err)
		return got
	}
	kitchen := k.in("ann", k.kitchen)
	soup := send("ann", kitchen, chat.Text{Body: "soup is ready"})
	send("bob", kitchen, chat.Text{Body: "which soup?", Mentions: []chat.UserID{user("ann")}})
	send("rob", kitchen, chat.Text{Body: "see https://soup.example", Thread: soup.ID})
	send("ann", other, chat.Text{Body: "tomatoes for soup"})
	send("ann", hidden, chat.Text{Body: "hidden soup"})
	send("cyd", direct, chat.Text{Body: "just soup"})
	send("bob", direct, chat.Text{Body: "broth for cyd"})
	send("ann", group, chat.Text{Body: "group soup"})
	ok(t, k.Admin().CatchUp(t.Context()))

	for text, want := range map[string]string{
		`soup`:                     "soup is ready|which soup?|see https://soup.example|tomatoes for soup|just soup|group soup",
		`soup -which`:              "soup is ready|see https://soup.example|tomatoes for soup|just soup|group soup",
		`"soup is"`:                "soup is ready",
		`toma*`:                    "tomatoes for soup",
		`from:"Ann Lee" soup`:      "soup is ready|tomatoes for soup|group soup",
		`from:"ÄNN lee"`:           "soup is ready|tomatoes for soup|group soup", // nobody is called just so
		`in:KITCHEN ready`:         "soup is ready",
		`from:ann`:                 "soup is ready|tomatoes for soup|group soup",         // nobody is called so: a key
		`from:Bob`:                 "which soup?|see https://soup.example|broth for cyd", // there are two
		`from:me`:                  "which soup?|broth for cyd",
		`in:Kitchen ready`:         "soup is ready",
		`in:garden`:                "tomatoes for soup",
		`in:#garden`:               "tomatoes for soup",
		`in:#Kitchen which`:        "which soup?",
		`in:Cellar`:                "", // as if it weren't there
		`in:Attic`:                 "",
		`to:cyd`:                   "group soup|broth for cyd",
		`to:me`:                    "just soup|group soup",
		`to:"Ann Lee"`:             "",
		`mentions:"Ann Lee"`:       "which soup?",
		`has:link`:                 "see https://soup.example",
		`is:thread`:                "see https://soup.example",
		`before:2001`:              "",
		`after:2001 in:garden`:     "tomatoes for soup",
		`(ready OR which) in:kit*`: "?",
	} {
		f, err := k.as("bob").Search(t.Context(), hub.Query{Text: text, Limit: 100, Count: 100})
		if want == "?" {
			fails(t, err, chat.ErrInvalid, "query")
			var at *query.Error
			if !errors.As(err, &at) || !strings.Contains(at.Caret(), "^") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		ok(t, err)
		got := map[string]bool{}
		for _, h := range f.Hits {
			got[h.Text.Body] = true
		}
		n := 0
		for w := range strings.SplitSeq(want, "|") {
			if w != "" {
				n++
				if !got[w] {
					t.Errorf("%s: %q isn't found", text, w)
				}
			}
		}
		if len(f.Hits) != n || f.Count != n {
			t.Errorf("%s: %v, count %d", text, hits(f), f.Count)
		}
	}

	f := k.search("bob", hub.Query{Text: `soup from:Nobody -"`, Lenient: true})
	if len(f.Notes) < 2 || len(f.Hits) != 0 || f.Read == "" {
		t.Errorf("read as %q, notes %v, %v", f.Read, f.Notes, hits(f))
	}
	f = k.search("bob", hub.Query{Text: "soup", Where: search.Equal{Field: search.FieldAuthor, Value: "bob"}})
	same(t, hits(f), []string{"which soup?"})
	f = k.search("bob", hub.Query{Where: search.Words("ready")})
	same(t, hits(f), []string{"soup is ready"})
}

func TestHitsAreMarkedAndOpenInTheirContext(t *testing.T) {
	k := newKit(t, nil)
	for range 5 {
		k.say("ann", "before")
	}
	k.say("ann", "Soup, SOUP and bread")
	k.say("ann", "after")
	ok(t, k.Admin().CatchUp(t.Context()))
	f := k.search("bob", hub.Query{Text: "soup OR tea"})
	var marked []string
	for _, m := range f.Hits[0].Marks {
		marked = append(marked, f.Hits[0].Text.Body[m.Start:m.End])
	}
	same(t, marked, []string{"Soup", "SOUP"})
	at := f.Hits[0].Position()
	same(t, bodies(k.page("bob", chat.Around(at.Seq, 3))), []string{"before", "Soup, SOUP and bread", "after"})
}

func TestFacetsHaveTitles(t *testing.T) {
	k := newKit(t, nil)
	k.named(map[string]string{"ann": "Ann Lee", "cyd": "Cyd"})
	direct, err := k.as("bob").Direct(t.Context(), "cyd")
	ok(t, err)
	k.say("ann", "soup", hub.Once("1"))
	k.say("bob", "soup")
	k.say("bob", "more soup")
	for range 4 {
		_, err = direct.Send(t.Context(), chat.Text{Body: "soup", Mentions: []chat.UserID{user("cyd")}})
		ok(t, err)
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	var facets []search.Facet
	for _, field := range []string{search.FieldRoom, search.FieldAuthor, search.FieldMention, search.FieldMonth} {
		facets = append(facets, search.Facet{Field: field, Size: 10})
	}
	f := k.search("bob", hub.Query{Text: "soup", Facets: facets})
	for i, want := range []string{"Cyd 4, Kitchen 3", "bob 6, Ann Lee 1", "Cyd 4", chat.Month(time.Now()) + " 7"} {
		var got []string
		for _, b := range f.Facets[i] {
			got = append(got, b.Title+" "+string(rune('0'+b.Count)))
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s: %s, want %s", facets[i].Field, s, want)
		}
	}
}

// Between two pages a reader loses a room, or is banned from it: what follows is without it.
func TestWhoLosesARoomBetweenTwoPages(t *testing.T) {
	for name, away := range map[string]func(k *kit, r hub.Room) error{
		"left":   func(k *kit, r hub.Room) error { return k.in("bob", r.ID()).Leave(t.Context()) },
		"banned": func(k *kit, r hub.Room) error { return r.SetMember(t.Context(), "bob", chat.RoleBanned, "") },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nil)
			private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
			ok(t, err)
			ok(t, private.SetMember(t.Context(), "bob", chat.RoleMember, ""))
			for range 20 {
				_, err = private.Send(t.Context(), chat.Text{Body: "secret soup"})
				ok(t, err)
				k.say("ann", "soup")
			}
			ok(t, k.Admin().CatchUp(t.Context()))
			q := hub.Query{Text: "soup", Limit: 10, Count: 100, Facets: []search.Facet{{Field: search.FieldRoom, Size: 5}}}
			f := k.search("bob", q)
			if f.Count != 40 || len(f.Facets[0]) != 2 {
				t.Fatalf("count %d, facets %v", f.Count, f.Facets)
			}
			ok(t, away(k, private))
			rest := 0
			for q.After = f.Next; q.After != ""; q.After = f.Next {
				f = k.search("bob", q)
				if f.Count != 20 || len(f.Facets[0]) != 1 {
					t.Errorf("count %d, facets %v", f.Count, f.Facets)
				}
				for _, body := range hits(f) {
					if rest++; body != "soup" {
						t.Errorf("%q is found", body)
					}
				}
			}
			if rest < 10 || rest > 20 {
				t.Errorf("%d more are found", rest)
			}
		})
	}
}

// Who waits for a position, and loses the room meanwhile, reads nothing of it.
func TestWhoIsBannedWhileHeWaits(t *testing.T) {
	k := newKit(t, nil)
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	ok(t, private.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	r, err := private.Send(t.Context(), chat.Text{Body: "soup"})
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))
	done := make(chan error)
	go func() {
		f, err := k.as("bob").Search(t.Context(), hub.Query{Text: "soup", Limit: 10, Count: 10, AtLeast: chat.Position{Room: private.ID(), Seq: r.Seq + 2}})
		if len(f.Hits) > 0 || f.Count > 0 {
			t.Errorf("he reads %q, count %d", hits(f), f.Count)
		}
		done <- err
	}()
	time.Sleep(20 * time.Millisecond) // he waits by then; where he doesn't, it is as right
	ok(t, private.SetMember(t.Context(), "bob", chat.RoleBanned, ""))
	_, err = private.Send(t.Context(), chat.Text{Body: "secret soup, said after the ban"})
	ok(t, err)
	fails(t, <-done, chat.ErrNotFound, "room")
}

// A cursor goes on though the names in the query mean something else by now.
func TestACursorOutlivesWhatNamesMean(t *testing.T) {
	k := newKit(t, nil)
	two, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Kitchen"})
	ok(t, err)
	ok(t, two.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	for range 20 {
		_, err = two.Send(t.Context(), chat.Text{Body: "secret soup"})
		ok(t, err)
		k.say("ann", "soup")
	}
	ok(t, k.Admin().CatchUp(t.Context()))
	q := hub.Query{Text: "soup in:Kitchen", Limit: 10}
	f, err := k.as("bob").Search(t.Context(), q)
	ok(t, err)
	ok(t, two.SetMember(t.Context(), "bob", chat.RoleBanned, ""))
	q.After = f.Next
	f, err = k.as("bob").Search(t.Context(), q)
	ok(t, err)
	if len(f.Hits) == 0 {
		t.Error("nothing more is found")
	}
	for _, body := range hits(f) {
		if body != "soup" {
			t.Errorf("%q is found", body)
		}
	}
	for _, other := range []hub.Query{
		{Text: "soup", Limit: 10, After: q.After}, {Text: q.Text, Where: search.Words("soup"), Limit: 10, After: q.After},
		{Text: q.Text, ByScore: true, Limit: 10, After: q.After},
	} {
		_, err = k.as("bob").Search(t.Context(), other)
		fails(t, err, chat.ErrInvalid, "after")
	}
}

// While the broker is away, nobody can say what was retracted a moment ago: no hits are
// shown; how many there are is.
func TestSearchesWithoutTheBroker(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann")
		say(t, k, 0, "r", "soup")
		k.Settle()
		heal := k.Fail(hubtest.Broker, hubtest.Down)
		_, err := k.As(0, "ann").Search(t.Context(), hub.Query{Text: "soup", Limit: 10})
		fails(t, err, chat.ErrUnavailable, "")
		f, err := k.As(0, "ann").Search(t.Context(), hub.Query{Text: "soup", Count: 10})
		ok(t, err)
		if f.Count != 1 {
			t.Errorf("%d found", f.Count)
		}
		heal()
	})
}

func TestARoomSaysHowFarItIsIndexed(t *testing.T) {
	k := newKit(t, nil)
	r := k.say("ann", "soup")
	k.search("bob", hub.Query{Text: "soup", AtLeast: chat.Position{Room: k.kitchen, Seq: r.Seq}})
	seq, err := k.in("bob", k.kitchen).Indexed(t.Context())
	ok(t, err)
	if seq != r.Seq {
		t.Errorf("up to %d, want %d", seq, r.Seq)
	}
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private})
	ok(t, err)
	_, err = k.in("bob", private.ID()).Indexed(t.Context())
	fails(t, err, chat.ErrNotFound, "room")
}

// A policy that refuses searches refuses what shows names, too.
func TestAPolicyRefusesSearches(t *testing.T) {
	k := newKit(t, &hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		if a.Verb == hub.VerbSearch {
			return errors.New("not now")
		}
		return nil
	}})
	bob := k.as("bob")
	_, err := bob.Search(t.Context(), hub.Query{Limit: 1})
	fails(t, err, chat.ErrForbidden, "policy")
	_, err = bob.People(t.Context(), "a", 1)
	fails(t, err, chat.ErrForbidden, "policy")
	_, err = bob.RoomsNamed(t.Context(), "a", 1)
	fails(t, err, chat.ErrForbidden, "policy")
	_, err = bob.CompleteQuery(t.Context(), "from:a", 6, nil)
	fails(t, err, chat.ErrForbidden, "policy")
}

func TestPeopleAndRoomsByName(t *testing.T) {
	k := newKit(t, nil)
	k.named(map[string]string{"a1": "Änne", "a2": "anna", "a3": "Bob", "a4": "ANN"})
	for _, r := range []storage.Room{
		{Kind: storage.Public, Title: "#Kitchen talk", Listed: true}, {Kind: storage.Public, Title: "Kitchen, unlisted"},
		{Kind: storage.Private, Title: "kitchen cabinet"}, {Kind: storage.Public, Title: "Other", Address: "kitsch", Listed: true},
	} {
		_, err := k.as("ann").Create(t.Context(), r)
		ok(t, err)
	}
	people := func(prefix string, limit int) string {
		found, err := k.as("bob").People(t.Context(), prefix, limit)
		ok(t, err)
		var names []string
		for _, u := range found {
			names = append(names, u.Name)
		}
		return strings.Join(names, ", ")
	}
	if got := people("ann", 10); got != "ANN, anna, Änne" {
		t.Errorf("%s", got)
	}
	if got := people("ÄN", 2); got != "ANN, anna" {
		t.Errorf("%s", got)
	}
	rooms := func(who, prefix string) string {
		found, err := k.as(who).RoomsNamed(t.Context(), prefix, 10)
		ok(t, err)
		var titles []string
		for _, r := range found {
			titles = append(titles, r.Title)
		}
		return strings.Join(titles, "; ")
	}
	if got := rooms("bob", "kit"); got != "Kitchen; #Kitchen talk; Other" {
		t.Errorf("bob finds %s", got)
	}
	if got := rooms("ann", "#KITCHEN"); got != "Kitchen; kitchen cabinet; #Kitchen talk; Kitchen, unlisted" {
		t.Errorf("ann finds %s", got)
	}
	_, err := k.as("bob").People(t.Context(), "a", 0)
	fails(t, err, chat.ErrInvalid, "limit")
	_, err = k.as("bob").RoomsNamed(t.Context(), strings.Repeat("a", chat.MaxName+1), 1)
	fails(t, err, chat.ErrTooLarge, "name")
}

func TestQueriesAreCompleted(t *testing.T) {
	k := newKit(t, nil)
	k.named(map[string]string{"ann": "Ann Lee", "a2": "Anna"})
	_, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Kitchen cabinet"})
	ok(t, err)
	for _, c := range []struct{ who, text, want string }{
		{"bob", "soup from:an", `from:"Ann Lee"|from:Anna`},
		{"bob", "in:kit", "in:Kitchen"}, // and not a room that he doesn't know of
		{"ann", "in:kit", `in:Kitchen|in:"Kitchen cabinet"`},
		{"bob", "has:l", "has:link"},
		{"bob", "from:" + strings.Repeat("x", chat.MaxName+1), ""},
	} {
		all, err := k.as(c.who).CompleteQuery(t.Context(), c.text, len(c.text), nil)
		ok(t, err)
		var got []string
		for _, x := range all {
			got = append(got, strings.TrimPrefix(c.text[:x.Start], "soup ")+strings.TrimSpace(x.Text))
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s of %s: %s, want %s", c.text, c.who, s, c.want)
		}
	}
	_, err = k.as("bob").CompleteQuery(t.Context(), "x", 2, nil)
	fails(t, err, chat.ErrInvalid, "cursor")
}

// An operator finds what is in every room of the tenant, and of no other.
func TestAnOperatorSearchesATenant(t *testing.T) {
	var log lockedLog
	k := newKit(t, &hub.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	k.say("ann", "soup")
	private, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, Title: "Cellar"})
	ok(t, err)
	_, err = private.Send(t.Context(), chat.Text{Body: "secret soup"})
	ok(t, err)
	direct, err := k.as("ann").Direct(t.Context(), "bob")
	ok(t, err)
	_, err = direct.Send(t.Context(), chat.Text{Body: "direct soup"})
	ok(t, err)
	eve := k.As(chat.UserID{Tenant: "evil", Key: "eve"})
	theirs, err := eve.Create(t.Context(), storage.Room{Kind: storage.Public})
	ok(t, err)
	_, err = theirs.Send(t.Context(), chat.Text{Body: "their soup"})
	ok(t, err)
	ok(t, k.Admin().CatchUp(t.Context()))
	for text, want := range map[string]int{"soup": 3, "soup in:Cellar": 1, "to:bob": 1, "to:ann": 0, "from:me": 0} {
		f, err := k.Admin().Search(t.Context(), "acme", hub.Query{Text: text, Limit: 10, Count: 10})
		ok(t, err)
		if len(f.Hits) != want || f.Count != want {
			t.Errorf("%s: %v, count %d", text, hits(f), f.Count)
		}
	}
	if said := log.String(); !strings.Contains(said, "admin: search") || !strings.Contains(said, "soup in:Cellar") {
		t.Errorf("the log says %s", said)
	}
	_, err = k.Admin().Search(t.Context(), "", hub.Query{Limit: 1})
	fails(t, err, chat.ErrInvalid, "tenant")
}

// lockedLog is a log that several goroutines write.
type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
