package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/presence"
)

// devicesOf are the devices of a state, with what each says of its user.
func devicesOf(s presence.State) (all []string) {
	for _, x := range s.Sessions {
		all = append(all, x.Device+" "+x.Status)
	}
	slices.Sort(all)
	return all
}

// patience is how long presence may be late: a node's lease, and until the next node looks.
const patience = 20 * time.Second

// ask has somebody ask how everybody is. Who came long ago must be shown, and who went long
// ago must not, unless the registry was out of order since.
func (w *world) ask(a action) func() {
	step := w.step
	return func() {
		var shown []presence.State
		err := w.call(func(ctx context.Context) (err error) {
			shown, err = w.k.As(a.Node, a.User).Presence(ctx, simPeople...)
			return err
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			if !explained(err) {
				w.check.refuses(step, "presence", err)
			}
			return
		}
		long := time.Now().Add(-patience)
		flaky := w.flaky.After(long) || slices.ContainsFunc(w.faults, func(f plannedFault) bool { return f.Contract == hubtest.Registry })
		for i, user := range simPeople {
			var must, may []string
			for _, d := range w.devices {
				if d.user == user && d.session != nil && d.since.Before(long) && !flaky {
					must = append(must, d.name)
				}
				if d.user == user && (d.session != nil || d.coming || d.gone.After(long) || flaky) {
					may = append(may, d.name)
				}
			}
			w.check.present(step, user, shown[i], must, may)
		}
	}
}

// onSession has a device that is connected tell how its user is, or watch everybody; it may
// be cut off at the same time.
func (w *world) onSession(a action) func() {
	d := w.devices[a.Device]
	if d.session == nil {
		return nil
	}
	step, s := w.step, d.session
	status := fmt.Sprint("busy ", step)
	return func() {
		err := w.call(func(ctx context.Context) error {
			if a.Verb == "watch" {
				return s.WatchPresence(ctx, simPeople...)
			}
			return s.SetPresence(hub.Presence{Show: presence.DoNotDisturb, Status: status})
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case err != nil && !explained(err) && !errors.Is(err, chat.ErrCutOff):
			w.check.refuses(step, a.Verb, err)
		case err != nil || d.session != s:
		case a.Verb == "watch":
			d.watching = true
		default:
			d.status = status
		}
	}
}

// present tells which sessions of somebody were shown, those that must be, and those that
// may.
func (c *checker) present(step int, user string, shown presence.State, must, may []string) {
	c.note("%d %s is shown on %v", step, user, devicesOf(shown))
	for _, s := range shown.Sessions {
		if !slices.Contains(may, s.Device) {
			c.breaks("Presence", "%s is shown in step %d, and went long ago", s.Device, step)
		}
	}
	for _, name := range must {
		if !slices.ContainsFunc(shown.Sessions, func(s presence.Session) bool { return s.Device == name }) {
			c.breaks("Presence", "%s is not shown in step %d, and came long ago", name, step)
		}
	}
}

// online tells how somebody is shown when all faults are healed: on his devices as they are.
// by is a node, or a device that watches.
func (c *checker) online(by, user string, shown, want []string) {
	slices.Sort(want)
	if !slices.Equal(shown, want) {
		c.breaks("Presence", "%s shows %s as %q, who is %q", by, user, shown, want)
	}
}
