package chat

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Fold applies changes to messages: it is what every reader sees. messages are
// texts, or tombstones of texts; the result is in their order. changes may come in
// any order, repeat, and be about other messages. Nothing given is changed.
//
// The rules, applied in the order of Seq:
//
//   - An Edit counts from the sender of the text only. It may aim at an earlier edit
//     of it.
//   - A Retract counts from the sender, or where it says that a moderator did it.
//     Nothing brings the text back.
//   - A React sets its sender's whole set.
//   - An Erase empties the text, retracted or not. An Edit that was erased alone is as
//     if it had never been.
//
// A change that doesn't count leaves no trace, in Revision neither.
func Fold(messages, changes []Event) []Message {
	if len(messages) == 0 {
		return nil
	}
	folded := make([]Message, len(messages))
	f := folding{byID: make(map[EventID]*Message, len(messages))}
	for i := range messages {
		folded[i] = unchanged(&messages[i])
		f.byID[messages[i].ID] = &folded[i]
	}
	for e := range inOrder(changes) {
		f.apply(e)
	}
	return folded
}

// inOrder goes through changes by Seq, each once.
func inOrder(changes []Event) iter.Seq[*Event] {
	bySeq := func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) }
	if !slices.IsSortedFunc(changes, bySeq) {
		changes = slices.Clone(changes)
		slices.SortFunc(changes, bySeq)
	}
	return func(yield func(*Event) bool) {
		for i := range changes {
			if i > 0 && changes[i].ID == changes[i-1].ID && changes[i].Seq == changes[i-1].Seq {
				continue
			}
			if !yield(&changes[i]) {
				return
			}
		}
	}
}

// unchanged is a text that nothing was done to yet.
func unchanged(e *Event) Message {
	m := Message{ID: e.ID, Room: e.Room, Seq: e.Seq, TextSeq: e.TextSeq, At: e.At, Sender: e.Sender,
		ClientID: e.ClientID, Origin: e.Origin, Revision: e.Seq}
	switch c := e.Content.(type) {
	case *Text:
		m.Text, m.Extensions = *c, e.Extensions
	case *Tombstone:
		m.Gone = &Gone{Reason: c.Why, Erased: true}
	}
	return m
}

// folding is a Fold at work.
type folding struct {
	byID map[EventID]*Message // each message by its id, and by those of its edits
}

func (f *folding) apply(e *Event) {
	m := f.byID[e.Target]
	if m == nil || e.Room != m.Room || e.Seq <= m.Seq {
		return
	}
	switch c := e.Content.(type) {
	case *Edit:
		f.byID[e.ID] = m
		if m.Gone != nil || e.Sender != m.Sender {
			return
		}
		m.Text, m.Extensions, m.Edited = c.New, e.Extensions, e.At
	case *Tombstone: // an edit that was erased
		f.byID[e.ID] = m
		return
	case *Retract:
		if m.Gone != nil || e.Sender != m.Sender && !c.ByModerator {
			return
		}
		m.empty(&Gone{By: e.Sender, Reason: c.Reason, ByModerator: c.ByModerator})
	case *React:
		if m.Gone != nil || !m.react(e.Sender, c.Emoji) {
			return
		}
	case *Erase:
		if m.Gone != nil && m.Gone.Erased && m.Revision > m.Seq {
			return
		}
		m.empty(&Gone{Reason: c.Why, Erased: true})
		// Nothing that its tombstone doesn't tell, so that it is the same before and after.
		m.ClientID, m.Origin, m.Edited = "", nil, time.Time{}
	default:
		return
	}
	m.Revision = max(m.Revision, e.Seq)
}

// empty takes everything that was said out of a message.
func (m *Message) empty(why *Gone) {
	m.Text, m.Extensions, m.Reactions, m.Gone = Text{}, nil, nil, why
}

// react sets somebody's reactions, and says whether that changed anything.
func (m *Message) react(by UserID, emoji []string) (changed bool) {
	kept := m.Reactions[:0]
	for _, r := range m.Reactions {
		if !slices.Contains(emoji, r.Emoji) {
			if i := slices.Index(r.By, by); i >= 0 {
				changed = true
				r.By = slices.Delete(r.By, i, i+1)
			}
		}
		if len(r.By) > 0 {
			kept = append(kept, r)
		}
	}
	m.Reactions = kept
	for _, x := range emoji {
		i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Emoji == x })
		switch {
		case i < 0:
			m.Reactions = append(m.Reactions, Reaction{x, []UserID{by}})
			changed = true
		case !slices.Contains(m.Reactions[i].By, by):
			m.Reactions[i].By = append(m.Reactions[i].By, by)
			changed = true
		}
	}
	return changed
}
