package chat

import "time"

// Version is a text as it read for a while.
type Version struct {
	ID         EventID // of the text, or of the edit that made it
	Seq        Seq
	At         time.Time
	Text       Text
	Extensions []Extension
}

// Versions are what a text has said, the first version first; the last is what [Fold] shows, by
// whose rules they are told. Of a text that is gone there are none.
func Versions(text Event, changes []Event) []Version {
	m := unchanged(&text)
	f := folding{byID: map[EventID]*Message{text.ID: &m}}
	all := []Version{m.version(&text)}
	for e := range inOrder(changes) {
		before := m.Revision
		f.apply(e)
		if e.Kind() == KindEdit && m.Revision > before { // else it doesn't count
			all = append(all, m.version(e))
		}
	}
	if m.Gone != nil {
		return nil
	}
	return all
}

// version is what a message says behind one event.
func (m *Message) version(e *Event) Version {
	return Version{ID: e.ID, Seq: e.Seq, At: e.At, Text: m.Text, Extensions: m.Extensions}
}
