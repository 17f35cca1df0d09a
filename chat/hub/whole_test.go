package hub_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/storage"
)

// While an index that was lost is filled again, an operator's questions wait for it; how far
// followers are is told.
func TestOperatorsWaitForAnIndexThatIsFilled(t *testing.T) {
	for name, wait := range map[string]func(context.Context, hub.Admin) error{
		"catch up": func(ctx context.Context, a hub.Admin) error { return a.CatchUp(ctx) },
		"verify": func(ctx context.Context, a hub.Admin) error {
			_, err := a.VerifyIndex(ctx, hubtest.Tenant, nil)
			return err
		},
	} {
		for _, placed := range []bool{false, true} { // something that followers haven't done
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann")
				for i := range 50 {
					say(t, k, i%2, "r", fmt.Sprint("soup ", i))
				}
				k.Settle()
				made(t, k, 0, "1.0")
				time.Sleep(3 * time.Second)
				ok(t, k.Store().Index().Drop(t.Context(), storage.Span{Tenant: hubtest.Tenant}, time.Time{}))
				time.Sleep(3 * time.Second)
				_, err := k.As(0, "ann").Search(t.Context(), hub.Query{Text: "soup", Limit: 10})
				fails(t, err, chat.ErrUnavailable, "index")
				want := 50
				if placed {
					say(t, k, 0, "r", "soup, while it is filled")
					want++
				}
				if _, err := k.Node(0).Admin().Lag(t.Context()); err != nil {
					t.Errorf("%s, %v: lag: %v", name, placed, err)
				}
				short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				if err := wait(short, k.Node(0).Admin()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s, %v: it doesn't wait: %v", name, placed, err)
				}
				if err := wait(t.Context(), k.Node(0).Admin()); err != nil {
					t.Errorf("%s, %v: %v", name, placed, err)
				}
				ok(t, k.Node(0).Admin().CatchUp(t.Context()))
				if n := counts(t, k, 0, "soup"); n != want {
					t.Errorf("%s, %v: %d found, want %d", name, placed, n, want)
				}
			})
		}
	}
}
