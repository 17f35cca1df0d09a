package hub

import (
	"errors"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

func TestAnOldTokenIsExpired(t *testing.T) {
	h := &Hub{resume: []byte("a key")}
	bob := chat.UserID{Tenant: "acme", Key: "bob"}
	now := time.Unix(1_800_000_000, 0)
	token := h.formResume(bob, map[chat.RoomID]chat.Seq{{Tenant: "acme", Key: "kitchen"}: 7}, now)
	at, err := h.parseResume("connect", token, bob, now.Add(MaxResumeAge))
	if err != nil || at[chat.RoomID{Tenant: "acme", Key: "kitchen"}] != 7 {
		t.Errorf("%v, %v", at, err)
	}
	for _, age := range []time.Duration{MaxResumeAge + time.Second, 365 * 24 * time.Hour} {
		if _, err := h.parseResume("connect", token, bob, now.Add(age)); !errors.Is(err, chat.ErrExpired) {
			t.Errorf("after %v: %v", age, err)
		}
	}
}

// What was signed by another version is refused before it is read.
func FuzzParseResume(f *testing.F) {
	h := &Hub{resume: []byte("a key")}
	bob := chat.UserID{Tenant: "acme", Key: "bob"}
	now := time.Unix(1_800_000_000, 0)
	f.Add(string(h.formResume(bob, map[chat.RoomID]chat.Seq{{Tenant: "acme", Key: "kitchen"}: 7}, now)))
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := h.parseResume("connect", Resume(s), bob, now)
		if err == nil && s != "" && h.formResume(bob, at, now) != Resume(s) {
			t.Errorf("%q is another form of a token", s)
		}
	})
}
