package hub_test

import (
	"context"
	"errors"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/storage"
)

// versionBodies are the bodies of versions.
func versionBodies(all []chat.Version) (bodies []string) {
	for _, v := range all {
		bodies = append(bodies, v.Text.Body)
	}
	return bodies
}

func TestVersions(t *testing.T) {
	k := newKit(t, nil)
	ann, bob := k.in("ann", k.kitchen), k.in("bob", k.kitchen)
	text := k.say("ann", "soop")
	first, err := ann.Edit(t.Context(), text.ID, chat.Text{Body: "soup"})
	ok(t, err)
	reaction, err := bob.React(t.Context(), text.ID, []string{"🍜"})
	ok(t, err)
	second, err := ann.Edit(t.Context(), text.ID, chat.Text{Body: "bread"})
	ok(t, err)
	never := k.say("ann", "never edited")
	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		for _, id := range []chat.EventID{text.ID, first.ID, reaction.ID, second.ID} {
			all, err := bob.Versions(t.Context(), id)
			ok(t, err)
			same(t, versionBodies(all), []string{"soop", "soup", "bread"})
			for i, at := range []chat.Receipt{text, first, second} {
				if all[i].ID != at.ID || all[i].Seq != at.Seq || !all[i].At.Equal(at.At) {
					t.Errorf("version %d is %+v, was placed as %+v", i, all[i], at)
				}
			}
		}
		all, err := bob.Versions(t.Context(), never.ID)
		ok(t, err)
		same(t, versionBodies(all), []string{"never edited"})
	}
}

func TestVersionsOfWhatIsGone(t *testing.T) {
	k := newKit(t, nil)
	ann := k.in("ann", k.kitchen)
	retracted, erased := k.say("ann", "one"), k.say("ann", "two")
	for _, id := range []chat.EventID{retracted.ID, erased.ID} {
		_, err := ann.Edit(t.Context(), id, chat.Text{Body: "edited"})
		ok(t, err)
	}
	_, err := ann.Retract(t.Context(), retracted.ID, "")
	ok(t, err)
	_, err = k.Admin().Erase(t.Context(), k.kitchen, erased.ID, "asked for")
	ok(t, err)
	for _, archived := range []bool{false, true} {
		if archived {
			ok(t, k.Admin().CatchUp(t.Context()))
		}
		for _, id := range []chat.EventID{retracted.ID, erased.ID, chat.NewID()} {
			_, err := ann.Versions(t.Context(), id)
			fails(t, err, chat.ErrNotFound, "id")
		}
	}
	_, err = ann.Versions(t.Context(), chat.EventID{})
	fails(t, err, chat.ErrInvalid, "id")
}

// Who may not read the text learns no version of it.
func TestWhoReadsVersions(t *testing.T) {
	k := newKit(t, &hub.Options{Policy: func(_ context.Context, a hub.Action) error {
		if a.Verb == hub.VerbRead && a.User == user("cyd") {
			return errors.New("no")
		}
		return nil
	}})
	open := k.say("ann", "for all")
	_, err := k.in("cyd", k.kitchen).Versions(t.Context(), open.ID)
	fails(t, err, chat.ErrForbidden, "policy")
	den, err := k.as("ann").Create(t.Context(), storage.Room{Kind: storage.Private, HistoryFrom: storage.FromJoin})
	ok(t, err)
	text, err := den.Send(t.Context(), chat.Text{Body: "secret"})
	ok(t, err)
	_, err = k.in("bob", den.ID()).Versions(t.Context(), text.ID)
	fails(t, err, chat.ErrNotFound, "room")
	ok(t, den.SetMember(t.Context(), "bob", chat.RoleMember, ""))
	edit, err := den.Edit(t.Context(), text.ID, chat.Text{Body: "no secret"}) // after he came
	ok(t, err)
	for _, id := range []chat.EventID{text.ID, edit.ID} {
		_, err = k.in("bob", den.ID()).Versions(t.Context(), id)
		fails(t, err, chat.ErrNotFound, "id")
	}
}
