package storagetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
)

// BenchmarkHistory measures an archive, and prints beside each figure that of
// something bare in the same run, and the ratio: of an append, appending to a slice;
// of a page, copying as many events.
func BenchmarkHistory(b *testing.B, at func(testing.TB) *HistorySite) {
	open := func(b *testing.B) storage.History {
		h, closeIt, err := at(b).Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { closeIt() })
		b.ReportAllocs()
		return h
	}
	b.Run("append", func(b *testing.B) { benchAppend(b, open(b)) })
	b.Run("latest75", func(b *testing.B) {
		benchPage(b, open(b), func(int) chat.Range { return chat.Latest(75) })
	})
	b.Run("before75", func(b *testing.B) {
		benchPage(b, open(b), func(i int) chat.Range { return chat.Before(chat.Seq(100+i*7919%9900), 75) })
	})
	b.Run("at75", func(b *testing.B) {
		benchPage(b, open(b), func(i int) chat.Range {
			return chat.At(epoch.Add(time.Duration(i*7919%10000)*time.Second), 75)
		})
	})
}

// benchAppend is one op per event, in batches of 500.
func benchAppend(b *testing.B, h storage.History) {
	events := mixed(kitchen, b.N)
	var bareEvents []chat.Event
	var spent, bare time.Duration
	for from := 0; from < len(events); from += 500 {
		batch := events[from:min(from+500, len(events))]
		start := time.Now()
		if err := h.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(start)
		start = time.Now()
		bareEvents = append(bareEvents, batch...)
		bare += time.Since(start)
	}
	if len(bareEvents) != b.N {
		b.Fatal(len(bareEvents))
	}
	suite.Report(b, b.N, spent, bare)
}

// benchPage is one op per page, of a room with 10,000 events.
func benchPage(b *testing.B, h storage.History, r func(i int) chat.Range) {
	events := mixed(kitchen, 10_000)
	for from := 0; from < len(events); from += 500 {
		if err := h.Append(b.Context(), events[from:from+500]); err != nil {
			b.Fatal(err)
		}
	}
	var spent, bare time.Duration
	b.ResetTimer()
	for i := range b.N {
		start := time.Now()
		page, err := h.Page(b.Context(), kitchen, r(i))
		spent += time.Since(start)
		if err != nil || len(page.Events) == 0 {
			b.Fatal(err, len(page.Events))
		}
		start = time.Now()
		_ = append([]chat.Event(nil), page.Events...)
		_ = append([]chat.Event(nil), page.Changes...)
		bare += time.Since(start)
	}
	suite.Report(b, b.N, spent, bare)
}

// BenchmarkDirectory measures a directory beside a map in the same run: who may see
// what, of somebody in 1,000 rooms, and the answer for one of them; and whose a token is.
func BenchmarkDirectory(b *testing.B, at func(testing.TB) *DirectorySite) {
	const rooms = 1000
	ann := chat.UserID{Tenant: "acme", Key: "ann"}
	open := func(b *testing.B) (storage.Directory, map[chat.RoomID]storage.Member) {
		d, closeIt, err := at(b).Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { closeIt() })
		plain := map[chat.RoomID]storage.Member{}
		for i := range rooms {
			m := storage.Member{Room: chat.RoomID{Tenant: "acme", Key: fmt.Sprint("r", i)}, User: ann, Role: chat.RoleMember, From: 1, Seq: 1}
			if _, err := d.PutRoom(b.Context(), storage.Room{ID: m.Room, Kind: storage.Private, Created: epoch}); err != nil {
				b.Fatal(err)
			}
			if err := d.PutMember(b.Context(), m); err != nil {
				b.Fatal(err)
			}
			plain[m.Room] = m
		}
		b.ReportAllocs()
		b.ResetTimer()
		return d, plain
	}
	b.Run("access1000", func(b *testing.B) {
		d, plain := open(b)
		var spent, bare time.Duration
		for range b.N {
			start := time.Now()
			all, err := d.Access(b.Context(), ann)
			spent += time.Since(start)
			if err != nil || len(all) != rooms {
				b.Fatal(err, len(all))
			}
			start = time.Now()
			list := make([]storage.Member, 0, rooms)
			for _, m := range plain {
				list = append(list, m)
			}
			bare += time.Since(start)
			if len(list) != rooms {
				b.Fatal(len(list))
			}
		}
		suite.Report(b, b.N, spent, bare)
	})
	b.Run("accessTo", func(b *testing.B) {
		d, plain := open(b)
		room := chat.RoomID{Tenant: "acme", Key: "r500"}
		start := time.Now()
		for range b.N {
			if _, err := storage.AccessTo(b.Context(), d, ann, room); err != nil {
				b.Fatal(err)
			}
		}
		spent := time.Since(start)
		start = time.Now()
		for range b.N {
			if plain[room].Role != chat.RoleMember {
				b.Fatal("not there")
			}
		}
		suite.Report(b, b.N, spent, time.Since(start))
	})
	b.Run("token", func(b *testing.B) {
		d, _ := open(b)
		_, secret := storage.NewSecret()
		mine := storage.Token{User: ann, ID: "mine", Scopes: []string{"send", "read"}, Created: epoch}
		if err := first(putAccounts(b.Context(), d, account("ann")), d.PutToken(b.Context(), mine, secret)); err != nil {
			b.Fatal(err)
		}
		plain := map[storage.SecretHash]storage.Token{secret: mine}
		b.ResetTimer()
		start := time.Now()
		for range b.N {
			if _, err := d.Token(b.Context(), secret, epoch); err != nil {
				b.Fatal(err)
			}
		}
		spent := time.Since(start)
		start = time.Now()
		for range b.N {
			if plain[secret].ID != mine.ID {
				b.Fatal("not there")
			}
		}
		suite.Report(b, b.N, spent, time.Since(start))
	})
}
