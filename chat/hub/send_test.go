package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

func TestSendIsPlacedOnceByClientID(t *testing.T) {
	k := newKit(t, nil)
	first := k.say("ann", "hello", hub.Once("1"))
	other := k.node(nil) // a retry may reach another node
	again, err := other.As(user("ann")).Room(k.kitchen.Key).Send(t.Context(), chat.Text{Body: "hello"}, hub.Once("1"))
	ok(t, err)
	if !again.Duplicate || again.Seq != first.Seq || again.ID != first.ID || !again.At.Equal(first.At) {
		t.Errorf("second receipt %+v, first %+v", again, first)
	}
	_, err = k.in("ann", k.kitchen).Send(t.Context(), chat.Text{Body: "other"}, hub.Once("1"))
	fails(t, err, chat.ErrConflict, "")
	// Another sender's id of the same spelling is another one.
	if r := k.say("bob", "hello", hub.Once("1")); r.Duplicate {
		t.Error("bob's message was taken for ann's")
	}
	same(t, bodies(k.page("ann", chat.Latest(10))), []string{"hello", "hello"})
}

func TestARetriedEditGetsItsFirstResultThoughTheTextIsGone(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "hello")
	room := k.in("ann", k.kitchen)
	first, err := room.Edit(t.Context(), text.ID, chat.Text{Body: "hallo"}, hub.Once("e"))
	ok(t, err)
	_, err = room.Retract(t.Context(), text.ID, "")
	ok(t, err)
	again, err := room.Edit(t.Context(), text.ID, chat.Text{Body: "hallo"}, hub.Once("e"))
	ok(t, err)
	if !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("second receipt %+v, first %+v", again, first)
	}
	_, err = room.Edit(t.Context(), text.ID, chat.Text{Body: "hallo!"}, hub.Once("f"))
	fails(t, err, chat.ErrNotFound, "target")
}

func TestChangesFoldIntoMessages(t *testing.T) {
	k := newKit(t, nil)
	ann, bob := k.in("ann", k.kitchen), k.in("bob", k.kitchen)
	text := k.say("ann", "one")
	edit, err := ann.Edit(t.Context(), text.ID, chat.Text{Body: "two"})
	ok(t, err)
	_, err = ann.Edit(t.Context(), edit.ID, chat.Text{Body: "three"}) // an edit of the edit
	ok(t, err)
	_, err = bob.React(t.Context(), text.ID, []string{"👍", "🍜"})
	ok(t, err)
	_, err = bob.React(t.Context(), text.ID, []string{"🍜"})
	ok(t, err)
	answer, err := bob.Send(t.Context(), chat.Text{Body: "yes", ReplyTo: text.ID, Thread: text.ID})
	ok(t, err)

	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		p := k.page("bob", chat.Latest(10))
		same(t, bodies(p), []string{"three", "yes"})
		m := p.Messages[0]
		if len(m.Reactions) != 1 || m.Reactions[0].Emoji != "🍜" || m.Edited.IsZero() {
			t.Errorf("archived %v: %+v", archived, m)
		}
		if p.Messages[1].ID != answer.ID || p.Messages[1].Text.ReplyTo != text.ID {
			t.Errorf("archived %v: the answer is %+v", archived, p.Messages[1])
		}
	}
}

func TestOnlyTheSenderEdits(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "hello")
	bob := k.in("bob", k.kitchen)
	_, err := bob.Edit(t.Context(), text.ID, chat.Text{Body: "bye"})
	fails(t, err, chat.ErrForbidden, "sender")
	_, err = bob.Retract(t.Context(), text.ID, "")
	fails(t, err, chat.ErrForbidden, "sender")
	same(t, bodies(k.page("ann", chat.Latest(10))), []string{"hello"})

	// A moderator retracts, but doesn't put words into others' mouths.
	ok(t, k.in("ann", k.kitchen).SetMember(t.Context(), "bob", chat.RoleModerator, ""))
	_, err = bob.Edit(t.Context(), text.ID, chat.Text{Body: "bye"})
	fails(t, err, chat.ErrForbidden, "sender")
	_, err = bob.Retract(t.Context(), text.ID, "rude")
	ok(t, err)
	p := k.page("ann", chat.Latest(10))
	if g := p.Messages[0].Gone; g == nil || !g.ByModerator || g.Reason != "rude" || g.By != user("bob") {
		t.Errorf("%+v", g)
	}
}

func TestNothingChangesWhatIsGone(t *testing.T) {
	k := newKit(t, nil)
	ann := k.in("ann", k.kitchen)
	retracted, erased := k.say("ann", "one"), k.say("ann", "two")
	_, err := ann.Retract(t.Context(), retracted.ID, "")
	ok(t, err)
	_, err = k.Admin().Erase(t.Context(), k.kitchen, erased.ID, "asked for")
	ok(t, err)
	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		before := k.page("bob", chat.Latest(10).All()).Head
		for _, id := range []chat.EventID{retracted.ID, erased.ID, chat.NewID()} {
			_, err := ann.Edit(t.Context(), id, chat.Text{Body: "back"})
			fails(t, err, chat.ErrNotFound, "target")
			_, err = ann.React(t.Context(), id, []string{"👍"})
			fails(t, err, chat.ErrNotFound, "target")
			_, err = ann.Retract(t.Context(), id, "")
			fails(t, err, chat.ErrNotFound, "target")
			_, err = ann.Send(t.Context(), chat.Text{Body: "x", ReplyTo: id})
			fails(t, err, chat.ErrNotFound, "replyTo")
			_, err = ann.Send(t.Context(), chat.Text{Body: "x", Thread: id})
			fails(t, err, chat.ErrNotFound, "thread")
		}
		if after := k.page("bob", chat.Latest(10).All()).Head; after != before {
			t.Errorf("archived %v: something was placed: head %d, was %d", archived, after, before)
		}
		same(t, bodies(k.page("bob", chat.Latest(10))), []string{"-", "-"})
	}
}

func TestSendRefusesBadInput(t *testing.T) {
	k := newKit(t, &hub.Options{Limits: hub.Limits{Body: 100}})
	ann := k.in("ann", k.kitchen)
	before := k.page("ann", chat.Latest(10).All())
	for _, c := range []struct {
		name  string
		text  chat.Text
		kind  error
		field string
	}{
		{"empty", chat.Text{}, chat.ErrInvalid, "body"},
		{"too large", chat.Text{Body: strings.Repeat("x", 101)}, chat.ErrTooLarge, ""},
		{"not UTF-8", chat.Text{Body: "a\xff"}, chat.ErrInvalid, ""},
		{"NUL", chat.Text{Body: "a\x00"}, chat.ErrInvalid, ""},
	} {
		_, err := ann.Send(t.Context(), c.text)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	_, err := ann.Send(t.Context(), chat.Text{Body: strings.Repeat("x", 100)})
	ok(t, err)
	if after := k.page("ann", chat.Latest(10).All()); after.Head != before.Head+1 {
		t.Errorf("head %d, was %d", after.Head, before.Head)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ann.Send(ctx, chat.Text{Body: "x"})
	fails(t, err, context.Canceled, "")
}

// 10,000 reactions to one text, imported or sent: the first 2,000 count, the others are
// refused, and the text and its room stay as they are.
func TestAMessageTakesSoManyChangesAndNoMore(t *testing.T) {
	k := newKit(t, nil)
	text := k.say("ann", "hello")
	at := text.At
	_, err := k.Admin().Import(t.Context(), func(yield func(chat.Event, error) bool) {
		for i := range 10_000 {
			e := chat.Event{ID: chat.NewID(), Room: k.kitchen, Sender: user("bob"), At: at, Target: text.ID,
				Content: &chat.React{Emoji: []string{fmt.Sprint(":", i%7, ":")}}}
			if !yield(e, nil) {
				return
			}
		}
	})
	var failed *chat.BatchError
	if !errors.As(err, &failed) || len(failed.Items) != 1000 {
		t.Fatal(err)
	}
	for _, err := range failed.Items {
		fails(t, err, chat.ErrTooLarge, "changes")
	}
	before := k.page("ann", chat.Latest(10))
	for range 5 {
		_, err := k.in("bob", k.kitchen).React(t.Context(), text.ID, []string{"👍"})
		fails(t, err, chat.ErrTooLarge, "changes")
	}
	_, err = k.in("ann", k.kitchen).Edit(t.Context(), text.ID, chat.Text{Body: "other"})
	fails(t, err, chat.ErrTooLarge, "changes")
	p := k.page("ann", chat.Latest(10))
	if p.Messages[0].Text.Body != "hello" || len(p.Messages[0].Reactions) != 1 || p.Messages[0].Revision != before.Messages[0].Revision {
		t.Errorf("%+v", p.Messages[0])
	}
	k.say("ann", "again")
	same(t, bodies(k.page("bob", chat.Latest(10))), []string{"hello", "again"})
}

func TestTopic(t *testing.T) {
	k := newKit(t, nil)
	_, err := k.in("bob", k.kitchen).SetTopic(t.Context(), "lunch")
	ok(t, err)
	r, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Public, Moderated: true})
	ok(t, err)
	bob := k.in("bob", r.ID())
	ok(t, bob.Join(t.Context()))
	_, err = bob.SetTopic(t.Context(), "lunch")
	fails(t, err, chat.ErrForbidden, "role")
}
