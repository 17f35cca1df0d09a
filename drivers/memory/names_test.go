package memory

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"pgregory.net/rapid"
)

// Names are what one sorted slice would be, and their blocks stay short, so that no
// change moves more than one block.
func TestNamesAreOneSortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l names
		var plain []name
		words := rapid.StringMatching(`[abc]{0,2}`)
		for i := range rapid.IntRange(0, 3*blockNames).Draw(t, "names") {
			n := name{fmt.Sprint("x", i*7919%100, i%3), chat.UserID{Tenant: fmt.Sprint("t", i%2), Key: fmt.Sprint(i)}}
			l.add(n)
			plain = append(plain, n)
		}
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			if from := rapid.IntRange(0, len(plain)).Draw(t, "remove from"); rapid.Bool().Draw(t, "remove") {
				gone := plain[from:min(from+rapid.IntRange(1, blockNames).Draw(t, "remove"), len(plain))]
				for _, n := range gone {
					l.remove(n)
				}
				plain = slices.Delete(plain, from, from+len(gone))
			} else {
				n := name{words.Draw(t, "name"), chat.UserID{Tenant: "t1", Key: fmt.Sprint("new", len(plain))}}
				if !slices.Contains(plain, n) {
					l.add(n)
					plain = append(plain, n)
				}
			}
		}
		slices.SortFunc(plain, compareNames)
		from := name{words.Draw(t, "from"), chat.UserID{Tenant: "t1"}}
		at := sort.Search(len(plain), func(i int) bool { return compareNames(plain[i], from) >= 0 })
		if got := slices.Collect(l.from(from)); !slices.Equal(got, plain[at:]) {
			t.Fatalf("%d names, want %d", len(got), len(plain)-at)
		}
		if got := slices.Collect(l.from(name{})); !slices.Equal(got, plain) {
			t.Fatalf("%d names, want %d", len(got), len(plain))
		}
		for _, b := range l.blocks {
			if len(b) == 0 || len(b) > blockNames {
				t.Fatalf("a block of %d", len(b))
			}
		}
	})
}

const people = 35_000

// somebody is a person with one of many names; the order of i is not that of the names.
func somebody(i int) storage.User {
	given := []string{"Ann", "José", "Åsa", "Zoë", "山田", "Mary", "Łukasz", "Bob", "Chloé", "Ødegård"}
	return storage.User{ID: chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", i)}, Name: fmt.Sprint(given[i*7919%len(given)], " ", i*7919%people)}
}

// BenchmarkPeople measures 35,000 people: storing one, beside a map; and the 20 first of
// a beginning, beside a binary search in a sorted slice.
func BenchmarkPeople(b *testing.B) {
	b.Run("put", func(b *testing.B) {
		d := New(nil).Directory()
		plain := map[chat.UserID]storage.User{}
		all := make([]storage.User, people)
		for i := range all {
			all[i] = somebody(i)
		}
		b.ReportAllocs()
		b.ResetTimer()
		start := time.Now()
		for i := range b.N {
			if err := d.PutUser(b.Context(), all[i%people]); err != nil {
				b.Fatal(err)
			}
		}
		spent := time.Since(start)
		start = time.Now()
		for i := range b.N {
			plain[all[i%people].ID] = all[i%people]
		}
		suite.Report(b, b.N, spent, time.Since(start))
	})
	b.Run("named20", func(b *testing.B) {
		d := New(nil).Directory()
		var plain []string
		for i := range people {
			u := somebody(i)
			if err := d.PutUser(b.Context(), u); err != nil {
				b.Fatal(err)
			}
			plain = append(plain, chat.FoldName(u.Name))
		}
		slices.Sort(plain)
		b.ReportAllocs()
		b.ResetTimer()
		start := time.Now()
		for range b.N {
			if got, err := d.NamedUsers(b.Context(), "acme", "José 1", 20); err != nil || len(got) != 20 {
				b.Fatal(err, len(got))
			}
		}
		spent := time.Since(start)
		start = time.Now()
		for range b.N {
			at, _ := slices.BinarySearch(plain, "jose 1")
			if got := slices.Clone(plain[at : at+20]); !strings.HasPrefix(got[19], "jose 1") {
				b.Fatal(got)
			}
		}
		suite.Report(b, b.N, spent, time.Since(start))
	})
}
