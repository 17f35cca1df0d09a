package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/storage"
)

// kit is two nodes with a room in which ann and the bot are.
type kit struct {
	*hubtest.Kit
	t *testing.T
}

func onNodes(t *testing.T, o hubtest.Options, fn func(k *kit)) {
	hubtest.RunWith(t, 2, o, func(t *testing.T, k *hubtest.Kit) {
		k.Room("lobby", "ann", "bot")
		fn(&kit{k, t})
	})
}

// start runs the bot on a node. stop ends it, and says by what it ended.
func (k *kit) start(node int, values storage.Values) (stop func() error) {
	ctx, cancel := context.WithCancel(k.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&bot{user: k.As(node, "bot"), values: values}).run(ctx) }()
	synctest.Wait()
	return func() error {
		cancel()
		return <-ended
	}
}

// values are the bot's, as they lie behind all nodes.
func (k *kit) values() storage.Values { return k.Store().Directory() }

func (k *kit) ask(node int, body string) chat.Receipt {
	k.t.Helper()
	r, err := k.As(node, "ann").Room("lobby").Send(k.t.Context(), chat.Text{Body: body})
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// imports has so many old questions come into the room.
func (k *kit) imports(n int) {
	k.t.Helper()
	_, err := k.Node(1).Admin().Import(k.t.Context(), func(yield func(chat.Event, error) bool) {
		for i := range n {
			e := chat.Event{Room: chat.RoomID{Tenant: hubtest.Tenant, Key: "lobby"}, Sender: hubtest.User("ann"), ClientID: fmt.Sprint(i),
				At: time.Now(), Content: &chat.Text{Body: "!remind 1m old"}}
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// says expects these texts in the room.
func (k *kit) says(want ...string) {
	k.t.Helper()
	k.Settle()
	if got := k.Texts("lobby"); !slices.Equal(got, want) {
		k.t.Errorf("the room says %q, want %q", got, want)
	}
}

func TestItReminds(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		stop := k.start(0, k.values())
		k.ask(1, "!remind 10m tea")
		k.says("!remind 10m tea", "In 10m: tea")
		time.Sleep(9 * time.Minute)
		k.says("!remind 10m tea", "In 10m: tea")
		time.Sleep(time.Minute)
		k.says("!remind 10m tea", "Done: tea", "@ann: tea")
		page, err := k.As(1, "ann").Room("lobby").Page(k.t.Context(), chat.Latest(1))
		if err != nil || !slices.Equal(page.Messages[0].Text.Mentions, []chat.UserID{hubtest.User("ann")}) {
			t.Errorf("%+v (%v)", page, err)
		}
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// Its node dies. What it promised it keeps late, what was asked for meanwhile it answers, and
// nothing twice.
func TestItGoesOnWhereItWas(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		stop := k.start(0, k.values())
		k.ask(1, "!remind 1m tea")
		k.says("!remind 1m tea", "In 1m: tea")
		k.ask(1, "!remind 9m supper")
		k.says("!remind 1m tea", "In 1m: tea", "!remind 9m supper", "In 9m: supper")
		k.Kill(0)
		if err := stop(); err == nil {
			t.Error("it lives on")
		}
		time.Sleep(3 * time.Minute)
		k.start(1, k.values())
		k.says("!remind 1m tea", "Done: tea", "!remind 9m supper", "In 9m: supper", "@ann: tea")
		k.ask(1, "!remind 1m soup")
		time.Sleep(8 * time.Minute)
		k.says("!remind 1m tea", "Done: tea", "!remind 9m supper", "Done: supper", "@ann: tea",
			"!remind 1m soup", "Done: soup", "@ann: soup", "@ann: supper")
	})
}

// What it was asked for while it was away it answers when it comes back.
func TestItAnswersWhatItMissed(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		k.start(0, k.values())
		k.Kill(0)
		k.ask(1, "!remind 1m tea")
		time.Sleep(3 * time.Minute)
		k.start(1, k.values())
		k.says("!remind 1m tea", "Done: tea", "@ann: tea")
	})
}

// The broker fails before the answer is placed, and comes back when the promise was due long
// ago. The bot corrects what is still pending, and all comes in its order.
func TestItCorrectsWhatIsPending(t *testing.T) {
	var k *kit
	var heal func()
	fails := func(_ context.Context, a hub.Action) error {
		if a.User.Key == "bot" && a.Verb == hub.VerbSend && heal == nil {
			heal = k.Fail(hubtest.Broker, hubtest.Down, 0)
		}
		return nil
	}
	onNodes(t, hubtest.Options{Hub: hub.Options{Policy: fails}}, func(kit *kit) {
		k = kit
		k.start(0, k.values())
		k.ask(1, "!remind 10m tea")
		time.Sleep(15 * time.Minute)
		page, err := k.As(1, "ann").Room("lobby").Page(k.t.Context(), chat.Latest(10))
		if err != nil || len(page.Messages) != 1 || heal == nil {
			t.Errorf("without a broker there are %+v (%v)", page.Messages, err)
		}
		heal()
		k.says("!remind 10m tea", "Done: tea", "@ann: tea")
	})
}

// forgetful are values that fail to be stored once: when the bot has answered, and not noted it.
type forgetful struct {
	storage.Values
	failed atomic.Bool
}

func (f *forgetful) Put(ctx context.Context, u chat.UserID, space, key string, value []byte, version int64) (int64, error) {
	if strings.Contains(string(value), "tea") && f.failed.CompareAndSwap(false, true) {
		return 0, chat.ErrUnavailable
	}
	return f.Values.Put(ctx, u, space, key, value, version)
}

func TestItAnswersOnceThoughItForgot(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		values := &forgetful{Values: k.values()}
		k.start(0, values)
		k.ask(1, "!remind 10m tea")
		time.Sleep(15 * time.Minute)
		k.says("!remind 10m tea", "Done: tea", "@ann: tea")
		if !values.failed.Load() {
			t.Error("nothing failed")
		}
	})
}

// Who was away for too long begins anew, and keeps what he promised.
func TestItWasAwayForTooLong(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		stop := k.start(0, k.values())
		k.ask(1, "!remind 1m tea")
		synctest.Wait()
		stop()
		k.imports(hub.MaxMissed + 1)
		k.start(0, k.values())
		k.ask(1, "!remind 1m soup")
		time.Sleep(3 * time.Minute)
		k.Settle()
		texts := k.Texts("lobby")
		if last := texts[len(texts)-3:]; !slices.Contains(last, "@ann: tea") || !slices.Contains(last, "@ann: soup") || len(texts) != hub.MaxMissed+7 {
			t.Errorf("%d texts, the last are %q", len(texts), last)
		}
	})
}

// What it was asked for before it was connected for the first time isn't its business; from
// then on, all is.
func TestItBeginsWhenItComes(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		k.ask(1, "!remind 1m early")
		k.Settle() // so that nothing reaches it but what it is asked for
		stop := k.start(0, k.values())
		stop()
		k.ask(1, "!remind 1m late")
		k.Settle() // so that it isn't on its way to the node
		k.start(0, k.values())
		k.says("!remind 1m early", "!remind 1m late", "In 1m: late")
	})
}

// What is imported was asked of somebody else.
func TestItLeavesOldQuestionsAlone(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		k.start(0, k.values())
		k.imports(1)
		k.ask(1, "!remind 1m tea")
		k.says("!remind 1m old", "!remind 1m tea", "In 1m: tea")
	})
}

// Of two bots one ends, and nothing is said twice.
func TestTwoAtOnce(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		first, second := k.start(0, k.values()), k.start(1, k.values())
		k.ask(1, "!remind 10m tea")
		time.Sleep(15 * time.Minute)
		k.says("!remind 10m tea", "Done: tea", "@ann: tea")
		if one, two := first(), second(); errors.Is(one, chat.ErrConflict) == errors.Is(two, chat.ErrConflict) {
			t.Errorf("they end with %v and %v", one, two)
		}
	})
}

func TestWhatItDoesNotPromise(t *testing.T) {
	const usage = "Say it like this: !remind 10m tea"
	b := &bot{}
	for _, c := range []struct{ asked, answer string }{
		{"", usage}, {"tea", usage}, {"10m", usage}, {"10m  ", usage}, {"-1m tea", usage}, {"0s tea", usage}, {"10 tea", usage}, {"1e9h tea", usage},
		{"720h tea", "In 720h: tea"}, {"720h1s tea", "I can't remember anything for longer than 30 days."},
		{"1m " + strings.Repeat("x", maxWhat), "In 1m: " + strings.Repeat("x", maxWhat)}, {"1m " + strings.Repeat("x", maxWhat+1), "Say it in 200 bytes."},
	} {
		var p promise
		if got := b.understand(&p, " "+c.asked, time.Now()); got != c.answer || p.When.IsZero() == strings.HasPrefix(got, "In ") {
			t.Errorf("%q: %q, %v", c.asked, got, p.When)
		}
	}
}

// All that it can be made to remember fits into a value, whatever it is written with.
func TestItsMemoryIsBounded(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		k.start(0, k.values())
		refused := false
		for range 100 {
			k.ask(1, "!remind 720h "+strings.Repeat("<", maxWhat)) // JSON writes six bytes for each
			synctest.Wait()
		}
		for _, text := range k.Texts("lobby") {
			refused = refused || text == "I have so much to remember, ask me again later."
		}
		if !refused {
			t.Error("it promises everything")
		}
		value, _, err := k.values().Get(k.t.Context(), hubtest.User("bot"), space, key)
		if err != nil || len(value) < maxMemory || len(value) > maxMemory+maxMemory/8 {
			t.Errorf("it remembers %d bytes (%v)", len(value), err)
		}
	})
}

// Who may not speak in a room is asked in vain, and hears on elsewhere.
func TestItMayNotSpeak(t *testing.T) {
	onNodes(t, hubtest.Options{}, func(k *kit) {
		k.Room("quiet", "ann", "bot")
		if err := k.Node(0).Admin().SetMember(k.t.Context(), chat.RoomID{Tenant: hubtest.Tenant, Key: "quiet"}, hubtest.User("bot"), chat.RoleMuted, ""); err != nil {
			t.Fatal(err)
		}
		k.start(0, k.values())
		if _, err := k.As(1, "ann").Room("quiet").Send(k.t.Context(), chat.Text{Body: "!remind 1m tea"}); err != nil {
			t.Fatal(err)
		}
		k.ask(1, "!remind 1m soup")
		time.Sleep(15 * time.Minute)
		k.says("!remind 1m soup", "Done: soup", "@ann: soup")
	})
}

// A person at a terminal, twice on the same folder.
func TestStory(t *testing.T) {
	dir := t.TempDir()
	session := func(typed string, want ...string) {
		t.Helper()
		in, type_ := io.Pipe()
		screen, out := io.Pipe()
		ended := make(chan error)
		go func() {
			ended <- run(t.Context(), dir, in, out)
			out.Close()
		}()
		lines := bufio.NewScanner(screen)
		go fmt.Fprintln(type_, typed)
		for _, w := range want {
			if !lines.Scan() || lines.Text() != w {
				t.Fatalf("the screen shows %q, want %q", lines.Text(), w)
			}
		}
		type_.Close()
		go io.Copy(io.Discard, screen)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	session("!remind 1ns tea", "you: !remind 1ns tea", "reminder: In 1ns: tea", "reminder: (corrected) Done: tea", "reminder: @you: tea")
	session("thanks", "you: !remind 1ns tea", "reminder: Done: tea", "reminder: @you: tea", "you: thanks")
}
