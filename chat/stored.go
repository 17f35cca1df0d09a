package chat

import "time"

// The stored form of an event, the same for every driver:
//
//	version byte 1, then fields in rising order:
//	uvarint(number<<1 | 0) uvarint         a number
//	uvarint(number<<1 | 1) uvarint(n) n×   bytes: a string, or the fields of a part
//
// A field that is zero or empty is left out, but for elements of lists. Whoever
// reads a field or a kind that he doesn't know keeps it and writes it again, so a
// newer version's events survive an older one's hands. Fields are only ever added;
// a number never changes its meaning.
const storedVersion = 1

// Fields of an event.
const (
	fieldID = 1 + iota
	fieldTenant
	fieldRoom
	fieldSeq
	fieldTextSeq
	fieldAt // milliseconds since 1970, zigzag
	fieldSenderTenant
	fieldSender
	fieldClientID
	fieldTarget
	fieldOrigin
	fieldKind
	fieldContent
	fieldExtension
)

// AppendEvent appends the stored form of e to dst.
func AppendEvent(dst []byte, e *Event) []byte {
	w := writer{append(dst, storedVersion)}
	w.id(fieldID, e.ID)
	w.text(fieldTenant, e.Room.Tenant)
	w.text(fieldRoom, e.Room.Key)
	w.number(fieldSeq, uint64(e.Seq))
	w.number(fieldTextSeq, uint64(e.TextSeq))
	w.time(fieldAt, e.At)
	if !e.Sender.IsZero() && e.Sender.Tenant != e.Room.Tenant {
		w.item(fieldSenderTenant, e.Sender.Tenant)
	}
	if !e.Sender.IsZero() {
		w.item(fieldSender, e.Sender.Key)
	}
	w.text(fieldClientID, e.ClientID)
	w.id(fieldTarget, e.Target)
	if o := e.Origin; o != nil {
		w.part(fieldOrigin, func(w *writer) {
			w.text(1, o.Source)
			w.text(2, o.ID)
			w.time(3, o.At)
			w.more(o.more)
		})
	}
	if e.Content != nil {
		w.text(fieldKind, string(e.Content.kind()))
		w.part(fieldContent, e.Content.append)
	}
	for i := range e.Extensions {
		x := &e.Extensions[i]
		w.part(fieldExtension, func(w *writer) {
			w.text(1, x.Name)
			w.bytes(2, x.Raw)
			w.more(x.more)
		})
	}
	w.more(e.more)
	return w.dst
}

// ParseEvent reads what [AppendEvent] wrote, of this version or a newer one.
// Anything else is [ErrInvalid]. Nothing of src is kept. Empty lists are nil.
func ParseEvent(src []byte) (Event, error) {
	if len(src) == 0 || src[0] != storedVersion {
		return Event{}, &Error{Kind: ErrInvalid, Op: "parse event", Field: "version"}
	}
	var e Event
	var content string
	var has, sender bool
	senderTenant, ownTenant := "", false
	// One string for the whole event: its parts share it.
	r := reader{src: string(src[1:])}
	for r.next() {
		switch r.field {
		case fieldID:
			e.ID = r.id()
		case fieldTenant:
			e.Room.Tenant = r.text()
		case fieldRoom:
			e.Room.Key = r.text()
		case fieldSeq:
			e.Seq = Seq(r.number())
		case fieldTextSeq:
			e.TextSeq = int64(r.number())
		case fieldAt:
			e.At = r.time()
		case fieldSenderTenant:
			senderTenant, ownTenant = r.text(), true
		case fieldSender:
			e.Sender.Key, sender = r.text(), true
		case fieldClientID:
			e.ClientID = r.text()
		case fieldTarget:
			e.Target = r.id()
		case fieldOrigin:
			e.Origin = r.origin()
		case fieldKind:
			e.Content = newContent(Kind(r.text()))
		case fieldContent:
			content, has = r.text(), true
		case fieldExtension:
			e.Extensions = append(e.Extensions, r.extension())
		default:
			e.more = r.keep(e.more)
		}
	}
	if sender {
		e.Sender.Tenant = e.Room.Tenant
		if ownTenant {
			e.Sender.Tenant = senderTenant
		}
	} else if ownTenant {
		r.fail("sender")
	}
	switch {
	case e.Content == nil && has:
		r.fail("kind")
	case e.Content != nil && !has: // cut off between the two
		r.fail("content")
	case e.Content != nil:
		part := reader{src: content}
		e.Content.parse(&part)
		if part.err != nil {
			r.err = part.err
		}
	}
	if r.err != nil {
		return Event{}, r.err
	}
	return e, nil
}

func (r *reader) origin() *Origin {
	var o Origin
	r.part(func(r *reader) {
		switch r.field {
		case 1:
			o.Source = r.text()
		case 2:
			o.ID = r.text()
		case 3:
			o.At = r.time()
		default:
			o.more = r.keep(o.more)
		}
	})
	return &o
}

func (r *reader) extension() Extension {
	var x Extension
	r.part(func(r *reader) {
		switch r.field {
		case 1:
			x.Name = r.text()
		case 2:
			x.Raw = r.raw()
		default:
			x.more = r.keep(x.more)
		}
	})
	return x
}

// millis is a time as it is stored.
func millis(t time.Time) uint64 {
	ms := t.UnixMilli()
	return uint64(ms<<1) ^ uint64(ms>>63) // zigzag: times before 1970 stay short
}

func fromMillis(n uint64) time.Time {
	return time.UnixMilli(int64(n>>1) ^ -int64(n&1)).UTC()
}
