package chat

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	foldRoom = RoomID{"acme", "kitchen"}
	ann      = UserID{"acme", "ann"}
	bob      = UserID{"acme", "bob"}
)

func idOf(n int) EventID { return EventID{0: byte(n >> 8), 1: byte(n), 15: 1} }

// said is the event at a Seq; its id follows from the Seq.
func said(seq int, by UserID, target int, c Content) Event {
	e := Event{ID: idOf(seq), Room: foldRoom, Seq: Seq(seq), At: time.UnixMilli(int64(seq) * 1000).UTC(), Sender: by, Content: c}
	if target != 0 {
		e.Target = idOf(target)
	}
	return e
}

func edit(body string) *Edit          { return &Edit{New: Text{Body: body}} }
func react(emoji ...string) *React    { return &React{Emoji: emoji} }
func retract(moderated bool) *Retract { return &Retract{Reason: "why", ByModerator: moderated} }

// tells is a message in one line: revision, text, edited, reactions, gone.
func tells(m Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", m.Revision)
	if m.Gone != nil {
		fmt.Fprintf(&b, " gone by %q erased %v %s", m.Gone.By.Key, m.Gone.Erased, m.Gone.Reason)
	}
	if m.Text.Body != "" {
		fmt.Fprintf(&b, " %s", m.Text.Body)
	}
	if !m.Edited.IsZero() {
		fmt.Fprintf(&b, " edited %d", m.Edited.Unix())
	}
	for _, r := range m.Reactions {
		fmt.Fprintf(&b, " %s", r.Emoji)
		for _, u := range r.By {
			fmt.Fprintf(&b, ",%s", u.Key)
		}
	}
	return b.String()
}

func TestFold(t *testing.T) {
	text := said(1, ann, 0, &Text{Body: "one"})
	other := said(2, ann, 1, edit("x"))
	other.Room.Key = "elsewhere"
	for _, c := range []struct {
		name    string
		changes []Event
		want    string
	}{
		{"nothing", nil, "1 one"},
		{"an edit", []Event{said(2, ann, 1, edit("two"))}, "2 two edited 2"},
		{"an edit of an edit", []Event{said(2, ann, 1, edit("two")), said(3, ann, 2, edit("three"))}, "3 three edited 3"},
		{"edits out of order", []Event{said(3, ann, 2, edit("three")), said(2, ann, 1, edit("two"))}, "3 three edited 3"},
		{"the later edit wins, whatever it aims at", []Event{said(2, ann, 1, edit("two")), said(3, ann, 2, edit("three")), said(4, ann, 1, edit("four"))}, "4 four edited 4"},
		{"another's edit", []Event{said(2, bob, 1, edit("two"))}, "1 one"},
		{"an edit of another's edit", []Event{said(2, bob, 1, edit("two")), said(3, ann, 2, edit("three"))}, "3 three edited 3"},
		{"an edit of what isn't there", []Event{said(3, ann, 2, edit("two"))}, "1 one"},
		{"an edit that came before its text", []Event{said(1, ann, 1, edit("two"))}, "1 one"},
		{"an edit in another room", []Event{other}, "1 one"},
		{"the same edit twice", []Event{said(2, ann, 1, edit("two")), said(2, ann, 1, edit("two"))}, "2 two edited 2"},
		{"retracted", []Event{said(2, ann, 1, retract(false))}, `2 gone by "ann" erased false why`},
		{"retracted by another", []Event{said(2, bob, 1, retract(false))}, "1 one"},
		{"retracted by a moderator", []Event{said(2, bob, 1, retract(true))}, `2 gone by "bob" erased false why`},
		{"retracted through its edit", []Event{said(2, ann, 1, edit("two")), said(3, ann, 2, retract(false))}, `3 gone by "ann" erased false why edited 2`},
		{"retracted twice", []Event{said(2, ann, 1, retract(false)), said(3, bob, 1, retract(true))}, `2 gone by "ann" erased false why`},
		{"edited after it was retracted", []Event{said(2, ann, 1, retract(false)), said(3, ann, 1, edit("back"))}, `2 gone by "ann" erased false why`},
		{"reacted after it was retracted", []Event{said(2, ann, 1, retract(false)), said(3, bob, 1, react("👍"))}, `2 gone by "ann" erased false why`},
		{"reactions go with the text", []Event{said(2, bob, 1, react("👍")), said(3, ann, 1, retract(false))}, `3 gone by "ann" erased false why`},
		{"reactions", []Event{said(2, bob, 1, react("👍", "🎉")), said(3, ann, 1, react("🎉"))}, "3 one 👍,bob 🎉,bob,ann"},
		{"reactions replaced", []Event{said(2, bob, 1, react("👍", "🎉")), said(3, bob, 1, react("🎉", "🍞"))}, "3 one 🎉,bob 🍞,bob"},
		{"reactions cleared", []Event{said(2, bob, 1, react("👍")), said(3, bob, 1, react())}, "3 one"},
		{"nothing cleared", []Event{said(2, bob, 1, react())}, "1 one"},
		{"the same reaction again", []Event{said(2, bob, 1, react("👍")), said(3, bob, 1, react("👍"))}, "2 one 👍,bob"},
		{"a reaction to an edit", []Event{said(2, ann, 1, edit("two")), said(3, bob, 2, react("👍"))}, "3 two edited 2 👍,bob"},
		{"erased", []Event{said(2, UserID{}, 1, &Erase{Why: "law"})}, `2 gone by "" erased true law`},
		{"erased when retracted", []Event{said(2, ann, 1, retract(false)), said(3, UserID{}, 1, &Erase{Why: "law"})}, `3 gone by "" erased true law`},
		{"erased twice", []Event{said(2, UserID{}, 1, &Erase{Why: "law"}), said(3, UserID{}, 1, &Erase{Why: "again"})}, `2 gone by "" erased true law`},
		{"an edit erased alone", []Event{said(2, ann, 1, &Tombstone{Was: KindEdit})}, "1 one"},
		{"an edit of one erased alone", []Event{said(2, ann, 1, &Tombstone{Was: KindEdit}), said(3, ann, 2, edit("three"))}, "3 three edited 3"},
		{"a reply is no change", []Event{said(2, bob, 1, &Text{Body: "two"})}, "1 one"},
		{"a change of a newer version", []Event{said(2, ann, 1, &Unknown{Name: "poll"})}, "1 one"},
	} {
		got := Fold([]Event{text}, c.changes)
		if len(got) != 1 || tells(got[0]) != c.want {
			t.Errorf("%s: %s, want %s", c.name, tells(got[0]), c.want)
		}
	}
}

func TestFoldOfATombstone(t *testing.T) {
	tomb := said(1, ann, 0, &Tombstone{Was: KindText, Why: "law"})
	for _, c := range []struct {
		name    string
		changes []Event
		want    string
	}{
		{"as it stands", nil, `1 gone by "" erased true law`},
		{"with its Erase", []Event{said(2, UserID{}, 1, &Erase{Why: "law"})}, `2 gone by "" erased true law`},
		{"edited before", []Event{said(2, ann, 1, edit("x")), said(3, UserID{}, 1, &Erase{Why: "law"})}, `3 gone by "" erased true law`},
	} {
		if got := tells(Fold([]Event{tomb}, c.changes)[0]); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if Fold(nil, []Event{tomb}) != nil {
		t.Error("messages out of nothing")
	}
}

func TestFoldTakesTheExtensionsOfTheLatest(t *testing.T) {
	text, later := said(1, ann, 0, &Text{Body: "one"}), said(2, ann, 1, edit("two"))
	text.Extensions = []Extension{{Name: "first"}}
	later.Extensions = []Extension{{Name: "second"}}
	if got := Fold([]Event{text}, []Event{later})[0].Extensions; len(got) != 1 || got[0].Name != "second" {
		t.Errorf("%+v", got)
	}
	if got := Fold([]Event{text}, []Event{later, said(3, ann, 1, retract(false))})[0].Extensions; got != nil {
		t.Errorf("of what was retracted: %+v", got)
	}
}

// story draws texts and changes of them, whose bodies are all different.
func story(t *rapid.T) (texts, changes []Event) {
	people := []UserID{ann, bob, {"acme", "cid"}}
	emoji := []string{"👍", "🎉", ":bread:"}
	n := rapid.IntRange(2, 40).Draw(t, "events")
	for seq := 1; seq <= n; seq++ {
		by := rapid.SampledFrom(people).Draw(t, "by")
		target := 0
		if seq > 1 {
			target = rapid.IntRange(1, seq+1).Draw(t, "target") // also itself, and one to come
		}
		var c Content
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case seq == 1 || kind < 2:
			c, target = &Text{Body: fmt.Sprintf("<%d>", seq)}, 0
		case kind < 6:
			c = edit(fmt.Sprintf("<%d>", seq))
		case kind < 7:
			c = retract(rapid.Bool().Draw(t, "moderator"))
		case kind < 8:
			c, by = &Erase{Why: "law"}, UserID{}
		default:
			c = react(rapid.SliceOfNDistinct(rapid.SampledFrom(emoji), 0, 3, rapid.ID).Draw(t, "emoji")...)
		}
		e := said(seq, by, target, c)
		if e.IsText() {
			texts = append(texts, e)
		} else {
			changes = append(changes, e)
		}
	}
	return texts, changes
}

func copied(events []Event) []Event {
	all := make([]Event, len(events))
	for i := range events {
		all[i], _ = ParseEvent(AppendEvent(nil, &events[i]))
	}
	return all
}

func TestFoldProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts, changes := story(t)
		textsBefore, changesBefore := copied(texts), copied(changes)
		want := Fold(texts, changes)

		// In any order, with repeats, page by page: the same.
		mixed := append(slices.Clone(changes), changes...)
		r := rand.New(rand.NewPCG(1, uint64(rapid.Int().Draw(t, "seed"))))
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		mixedBefore := copied(mixed)
		if got := Fold(texts, mixed); !reflect.DeepEqual(got, want) {
			t.Fatalf("mixed: %+v\nwant   %+v", got, want)
		}
		for i := range texts {
			if got := Fold(texts[i:i+1], mixed); !reflect.DeepEqual(got[0], want[i]) {
				t.Fatalf("alone: %+v\nwant   %+v", got[0], want[i])
			}
		}
		if !reflect.DeepEqual(copied(texts), textsBefore) || !reflect.DeepEqual(copied(changes), changesBefore) ||
			!reflect.DeepEqual(copied(mixed), mixedBefore) {
			t.Fatal("what was given was changed")
		}

		// Versions are told by the same rules: there is one for each edit that counts.
		for i := range texts {
			all := Versions(texts[i], mixed)
			if want[i].Gone != nil {
				if all != nil {
					t.Fatalf("versions of what is gone: %+v", all)
				}
				continue
			}
			last := all[len(all)-1]
			if !reflect.DeepEqual(last.Text, want[i].Text) || len(all) > 1 && !last.At.Equal(want[i].Edited) || (len(all) > 1) == want[i].Edited.IsZero() {
				t.Fatalf("versions %+v\nof %+v", all, want[i])
			}
			for n := range all {
				upTo := slices.DeleteFunc(slices.Clone(changes), func(e Event) bool { return e.Seq > all[n].Seq })
				if now := Fold(texts[i:i+1], upTo)[0]; !reflect.DeepEqual(now.Text, all[n].Text) {
					t.Fatalf("version %d is %+v, it was %+v", n, all[n].Text, now.Text)
				}
			}
		}

		// As changes come in, revisions only rise, and what is gone stays gone.
		before := Fold(texts, nil)
		for k := range changes {
			now := Fold(texts, changes[:k+1])
			for i := range now {
				was, is := tells(before[i]), tells(now[i])
				if now[i].Revision < before[i].Revision || now[i].Revision > before[i].Revision && now[i].Revision != changes[k].Seq {
					t.Fatalf("revision: %s, then %s", was, is)
				}
				if (now[i].Revision == before[i].Revision) != (was == is) {
					t.Fatalf("changed without a revision, or the other way: %s, then %s", was, is)
				}
				if before[i].Gone != nil && now[i].Gone == nil || now[i].Gone != nil && strings.ContainsAny(is, "<👍🎉🍞") {
					t.Fatalf("it came back: %s, then %s", was, is)
				}
			}
			before = now
		}
	})
}

// A page of 75 texts with 200 changes folds in 50 µs; the ratio is against putting as
// many ids into a map and looking each up.
func BenchmarkFold(b *testing.B) {
	var texts, changes []Event
	for i := range 75 {
		texts = append(texts, said(i+1, ann, 0, &Text{Body: "hello"}))
	}
	for i := range 200 {
		c := Content(react("👍"))
		by := UserID{"acme", fmt.Sprint(i % 17)}
		if i%5 == 0 {
			c, by = edit("other"), ann
		}
		changes = append(changes, said(100+i, by, 1+i%75, c))
	}
	b.ReportAllocs()
	for b.Loop() {
		Fold(texts, changes)
	}
	own := b.Elapsed().Seconds() / float64(b.N)
	b.StopTimer()
	const rounds = 2000
	start := time.Now()
	found := 0
	for range rounds {
		at := make(map[EventID]int, len(texts))
		for i := range texts {
			at[texts[i].ID] = i
		}
		for i := range changes {
			if _, ok := at[changes[i].Target]; ok {
				found++
			}
		}
	}
	bare := time.Since(start).Seconds() / rounds
	if found != rounds*len(changes) {
		b.Fatal(found)
	}
	b.ReportMetric(own/bare, "x-map")
}
