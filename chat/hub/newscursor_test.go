package hub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// newsRooms makes rooms of a user that a directory and nobody else knows.
func newsRooms(t testing.TB, store *memory.Store, u chat.UserID, n int) {
	t.Helper()
	for i := range n {
		id := chat.RoomID{Tenant: u.Tenant, Key: fmt.Sprintf("room%04d", i)}
		_, err := store.Directory().PutRoom(context.Background(), storage.Room{ID: id, Kind: storage.Private, Title: id.Key, Created: day})
		ok(t, err)
		ok(t, store.Directory().PutMember(context.Background(), storage.Member{Room: id, User: u, Role: chat.RoleMember, From: 1}))
	}
}

// However rooms move up while a list is read in parts, each comes, and at last as it is.
func TestNewsInPartsWhileRoomsMove(t *testing.T) {
	for seed := range uint64(40) {
		hubtest.Run(t, 2, func(t *testing.T, k *hubtest.Kit) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			rooms := 1 + rnd.IntN(30)
			newsRooms(t, k.Store(), hubtest.User("bob"), rooms)
			last := map[string]chat.Seq{}
			say := func(n int) {
				for range n {
					key := fmt.Sprintf("room%04d", rnd.IntN(rooms))
					last[key] = says(t, k, 0, "bob", key, 1).Seq
					if rnd.IntN(3) == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			}
			say(rnd.IntN(100))
			seen, after, limit := map[string]chat.Seq{}, "", 1+rnd.IntN(6)
			for parts := 0; ; parts++ {
				time.Sleep(time.Millisecond)
				list, next, err := k.As(parts%2, "bob").News(t.Context(), after, limit)
				ok(t, err)
				if len(list) > limit {
					t.Errorf("seed %d: %d rooms", seed, len(list))
				}
				for i, n := range list {
					seen[n.ID.Key] = n.Last
					if i > 0 && n.Said.After(list[i-1].Said) {
						t.Errorf("seed %d: part %d is out of order", seed, parts)
					}
				}
				if next == "" {
					break
				}
				if after = next; parts < 30 {
					say(rnd.IntN(4))
				}
			}
			if len(seen) != rooms {
				t.Errorf("seed %d: %d of %d rooms came", seed, len(seen), rooms)
			}
			for key, seq := range last {
				if seen[key] != seq {
					t.Errorf("seed %d: %s came last as of %d, and is at %d", seed, key, seen[key], seq)
				}
			}
		})
	}
}

// What is said in the very millisecond of the newest isn't left out.
func TestNewsInPartsWithinAMillisecond(t *testing.T) {
	hubtest.Run(t, 1, func(t *testing.T, k *hubtest.Kit) {
		for _, key := range []string{"a", "b", "c"} {
			k.Room(key, "ann", "bob")
			says(t, k, 0, "ann", key, 1)
			time.Sleep(time.Second)
		}
		says(t, k, 0, "ann", "c", 1)
		bob, seen := k.As(0, "bob"), map[string]int64{}
		list, after, err := bob.News(t.Context(), "", 1)
		ok(t, err)
		says(t, k, 0, "ann", "b", 1)
		for time.Sleep(time.Millisecond); ; {
			for _, n := range list {
				seen[n.ID.Key] = n.Unread
			}
			if after == "" {
				break
			}
			list, after, err = bob.News(t.Context(), after, 1)
			ok(t, err)
		}
		if len(seen) != 3 || seen["b"] != 2 {
			t.Errorf("%v", seen)
		}
	})
}

// More rooms than one call takes, in three parts.
func TestNewsOfManyRooms(t *testing.T) {
	k := newKitWithout(t, nil)
	newsRooms(t, k.store, user("bob"), 2*chat.MaxBatch+1)
	var keys []string
	for after := ""; ; {
		list, next, err := k.as("bob").News(t.Context(), after, chat.MaxBatch)
		ok(t, err)
		for _, n := range list {
			keys = append(keys, n.ID.Key)
		}
		if after = next; next == "" {
			break
		}
	}
	if !slices.IsSorted(keys) || len(slices.Compact(keys)) != 2*chat.MaxBatch+1 {
		t.Errorf("%d rooms", len(keys))
	}
}
