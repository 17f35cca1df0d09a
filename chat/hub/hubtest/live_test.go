package hubtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// However slow a driver is, and however much there is to be done, Shutdown returns soon
// after its context has ended.
func TestShutdownHonoursItsContext(t *testing.T) {
	for _, c := range []hubtest.Contract{hubtest.Directory, hubtest.Fence, hubtest.History, hubtest.Registry} {
		t.Run(string(c), func(t *testing.T) {
			hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
				var users []string
				for i := range 20 {
					users = append(users, fmt.Sprint("u", i))
				}
				k.Room("r", users...)
				for _, u := range users {
					connect(t, k, 1, u)
				}
				k.Settle()
				time.Sleep(time.Minute) // node 1 has its shards
				k.Fail(c, hubtest.Fault{Slow: time.Hour}, 1)
				for _, u := range users {
					if err := k.Node(0).Admin().Recheck(t.Context(), hubtest.User(u)); err != nil {
						t.Error(err)
					}
				}
				say(t, k, 0, "u0", "r", "bye")
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				err := k.Node(1).Shutdown(ctx)
				if took := time.Since(start); took > 4*time.Second {
					t.Errorf("took %v: %v", took, err)
				}
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				k.Kill(1) // what is left of it
			})
		})
	}
}
