package hubtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// Whoever is deactivated at one node is out at another, too, though no signal comes there; and
// where the directory is away from it, as soon as it is back.
func TestWhoIsDeactivatedElsewhere(t *testing.T) {
	for name, away := range map[string]hubtest.Contract{"no signal comes": hubtest.Broker, "the directory is away": hubtest.Directory} {
		t.Run(name, func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				k.Room("r", "ann", "bob")
				bob := connect(t, k, 1, "bob")
				k.Settle()
				heal := k.Fail(away, hubtest.Down, 1)
				healSignals := func() {}
				if away == hubtest.Directory { // else the signal cuts him off
					healSignals = k.Fail(hubtest.Broker, hubtest.Down, 0, 1)
				}
				if err := k.Node(0).Admin().Deactivate(t.Context(), hubtest.User("bob")); err != nil {
					t.Fatal(err)
				}
				if away == hubtest.Directory {
					time.Sleep(20 * time.Second) // of the bubble: nobody can look
					heal()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				var why error
				for _, err := range bob.All(ctx) {
					why = err
				}
				var e *chat.Error
				if !errors.As(why, &e) || e.Kind != chat.ErrForbidden || e.Field != "user" {
					t.Errorf("his session ended by %v", why)
				}
				bob.Close()
				heal()
				healSignals()
				k.Settle()
				for i := range 2 {
					if _, err := k.As(i, "bob").Room("r").Send(t.Context(), chat.Text{Body: "soup"}, hub.Once("x")); !errors.Is(err, chat.ErrForbidden) {
						t.Errorf("node %d: %v", i, err)
					}
				}
			})
		})
	}
}
