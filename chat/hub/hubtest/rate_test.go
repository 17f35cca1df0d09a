package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/search"
)

// four is a rate of four at once, and one more each minute.
var four = presence.Rate{Events: 1, Per: time.Minute, Burst: 4}

// limited runs a test on two nodes with rates, in which ann and bob are in the rooms r and s.
func limited(t *testing.T, r hub.Rates, fn func(t *testing.T, k *hubtest.Kit)) {
	hubtest.RunWith(t, 2, hubtest.Options{Hub: hub.Options{Limits: hub.Limits{Rates: r}}}, func(t *testing.T, k *hubtest.Kit) {
		k.Room("r", "ann", "bob")
		k.Room("s", "ann", "bob")
		fn(t, k)
	})
}

// refused says that an error is one of a rate, and for how long.
func refused(t *testing.T, err error, field string, most time.Duration) time.Duration {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Kind != chat.ErrRateLimited || e.Field != field || e.Limit != 4 || e.Retry <= 0 || e.Retry > most {
		t.Fatalf("%v, want one of %q, to come again within %v", err, field, most)
	}
	return e.Retry
}

// all counts how often something may be done at once, at both nodes in turns.
func all(do func(node int) error) (n int, err error) {
	for ; n < 100; n++ {
		if err = do(n % 2); err != nil {
			return n, err
		}
	}
	return n, nil
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		field string
		rates hub.Rates
		do    func(k *hubtest.Kit, node, n int) error
		other func(k *hubtest.Kit) error // which it doesn't stop
	}{
		{"user", hub.Rates{User: four},
			func(k *hubtest.Kit, node, n int) error {
				_, err := k.As(node, "ann").Room([]string{"r", "s"}[n/2%2]).Send(ctx(), chat.Text{Body: "flood"})
				return err
			},
			func(k *hubtest.Kit) error {
				_, err := k.As(0, "bob").Room("r").Send(ctx(), chat.Text{Body: "hello"})
				return err
			}},
		{"user", hub.Rates{User: four},
			func(k *hubtest.Kit, node, n int) error {
				return k.As(node, "ann").Room("r").SetMember(ctx(), fmt.Sprint("guest", n), chat.RoleMember, "")
			},
			func(k *hubtest.Kit) error { // nobody is kept from sending somebody away
				return k.As(0, "ann").Room("r").SetMember(ctx(), "guest1", chat.RoleNone, "")
			}},
		{"room", hub.Rates{Room: four},
			func(k *hubtest.Kit, node, n int) error {
				_, err := k.As(node, []string{"ann", "bob"}[n%2]).Room("r").Send(ctx(), chat.Text{Body: "flood"})
				return err
			},
			func(k *hubtest.Kit) error {
				_, err := k.As(0, "ann").Room("s").Send(ctx(), chat.Text{Body: "hello"})
				return err
			}},
		{"tenant", hub.Rates{Tenant: four},
			func(k *hubtest.Kit, node, n int) error {
				_, err := k.As(node, []string{"ann", "bob"}[n%2]).Room([]string{"r", "s"}[n/2%2]).Send(ctx(), chat.Text{Body: "flood"})
				return err
			},
			func(k *hubtest.Kit) error { // an operator is past it
				return k.Node(0).Admin().SetMember(ctx(), chat.RoomID{Tenant: hubtest.Tenant, Key: "r"}, hubtest.User("dan"), chat.RoleMember, "")
			}},
		{"search", hub.Rates{Search: four},
			func(k *hubtest.Kit, node, _ int) error {
				_, err := k.As(node, "ann").Search(ctx(), hub.Query{Where: search.Words("soup"), Limit: 1})
				return err
			},
			func(k *hubtest.Kit) error {
				_, err := k.As(0, "bob").Search(ctx(), hub.Query{Where: search.Words("soup"), Limit: 1})
				return err
			}},
		{"connect", hub.Rates{Connect: four},
			func(k *hubtest.Kit, node, _ int) error {
				s, err := k.As(node, "ann").Connect(ctx(), hub.Device{})
				if err == nil {
					s.Close()
				}
				return err
			},
			func(k *hubtest.Kit) error {
				s, err := k.As(0, "bob").Connect(ctx(), hub.Device{})
				if err == nil {
					s.Close()
				}
				return err
			}},
	} {
		t.Run(c.field, func(t *testing.T) {
			limited(t, c.rates, func(t *testing.T, k *hubtest.Kit) {
				n := 0
				do := func(node int) error { n++; return c.do(k, node, n) }
				got, err := all(do)
				if got != 4 {
					t.Errorf("%d at once, want 4", got)
				}
				wait := refused(t, err, c.field, time.Minute)
				if err := c.other(k); err != nil {
					t.Errorf("the others: %v", err)
				}
				time.Sleep(wait - time.Millisecond)
				refused(t, do(0), c.field, time.Millisecond)
				time.Sleep(time.Millisecond)
				if err := do(0); err != nil {
					t.Errorf("when it was time: %v", err)
				}
				refused(t, do(1), c.field, time.Minute)
				time.Sleep(6 * time.Minute)
				if got, err := all(do); got != 4 {
					t.Errorf("later %d at once, want 4: %v", got, err)
				}
			})
		})
	}
}

func ctx() context.Context { return context.Background() }

// What was said too much can be taken back.
func TestWhatIsTakenBackIsNotLimited(t *testing.T) {
	limited(t, hub.Rates{User: four}, func(t *testing.T, k *hubtest.Kit) {
		var ids []chat.EventID
		for i := range 4 {
			ids = append(ids, say(t, k, 0, "ann", "r", fmt.Sprint(i)).ID)
		}
		for _, id := range ids {
			if _, err := k.As(0, "ann").Room("r").Retract(ctx(), id, ""); err != nil {
				t.Error(err)
			}
		}
	})
}

// While the registry is away, each node counts alone, and nobody waits for long.
func TestRatesWithoutTheRegistry(t *testing.T) {
	for _, f := range []hubtest.Fault{hubtest.Down, {Err: chat.ErrUnavailable, Slow: time.Hour}} {
		limited(t, hub.Rates{User: four}, func(t *testing.T, k *hubtest.Kit) {
			heal := k.Fail(hubtest.Registry, f)
			start := time.Now()
			got, err := all(func(node int) error {
				_, err := k.As(node, "ann").Room("r").Send(ctx(), chat.Text{Body: "flood"})
				return err
			})
			if got != 8 {
				t.Errorf("%d at once, want 4 at each node: %v", got, err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			heal()
		})
	}
}

func TestRatesAreChecked(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	for field, r := range map[string]hub.Rates{
		"limits.rates.user.events":   {User: presence.Rate{Per: time.Second, Burst: 1}},
		"limits.rates.room.per":      {Room: presence.Rate{Events: 1, Burst: 1}},
		"limits.rates.tenant.burst":  {Tenant: presence.Rate{Events: 1, Per: time.Second}},
		"limits.rates.search.events": {Search: presence.Rate{Events: -1, Per: time.Second, Burst: 1}},
		"limits.rates.connect.burst": {Connect: presence.Rate{Events: 1, Per: time.Second, Burst: -1}},
	} {
		_, err := hub.New(t.Context(), store.Set(), &hub.Options{Limits: hub.Limits{Rates: r}})
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != field {
			t.Errorf("%v, want field %q", err, field)
		}
	}
}
