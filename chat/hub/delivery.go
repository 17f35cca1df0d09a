package hub

import (
	"sync"
	"sync/atomic"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
)

// Delivery is one thing that reaches sessions: an event, a signal, or how somebody is
// now. All sessions of a node get the same one: it is shared and read only.
type Delivery struct {
	Event    *chat.Event
	Signal   *chat.Signal
	Presence *presence.State // see [Session.WatchPresence]

	forms atomic.Pointer[encoded]
	mu    sync.Mutex // held while a form is made
}

// Form is one way to write a delivery: XMPP, JSON. It is made once, by the front,
// and compared by its address.
type Form struct {
	// Append appends the delivery to dst. It must not keep dst, and must give the same
	// bytes for the same delivery.
	Append func(dst []byte, d *Delivery) []byte
}

// encoded is a delivery in one form; the others follow.
type encoded struct {
	form  *Form
	bytes []byte
	next  *encoded
}

// Bytes is the delivery in a form. It is written once for all sessions that ask
// in the same form; the bytes are shared and read only.
func (d *Delivery) Bytes(f *Form) []byte {
	if e := d.forms.Load().find(f); e != nil {
		return e.bytes
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.forms.Load()
	if e := first.find(f); e != nil {
		return e.bytes
	}
	e := &encoded{f, f.Append(nil, d), first}
	d.forms.Store(e)
	return e.bytes
}

func (e *encoded) find(f *Form) *encoded {
	for ; e != nil; e = e.next {
		if e.form == f {
			return e
		}
	}
	return nil
}
