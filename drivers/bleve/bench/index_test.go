// Package bench_test measures the index over the real chats, beside bare Bleve and SQLite's
// FTS5. It is apart from the driver's tests, for it links SQLite.
package bench_test

import (
	"database/sql"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/internal/realchats"
	"github.com/parlor-chat/parlor/search"
)

var copies = flag.Int("copies", 1, "how often the real chats are indexed, each time in rooms of their own")

var quiet = slog.New(slog.DiscardHandler)

var periods = []struct {
	name   string
	period bleve.Period
}{{"month", bleve.Month}, {"year", bleve.Year}, {"none", bleve.None}}

func open(t testing.TB, dir string, p bleve.Period) *bleve.Store {
	t.Helper()
	st, err := bleve.Open(t.Context(), dir, &bleve.Options{Period: p, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if err := st.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

// The queries of the real chats have the numbers of matches that two other programs counted
// by full scan; also once the index was closed and opened again.
func TestRealQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: real queries over 355,956 real messages are left out")
	}
	c := realchats.Read(t)
	if len(c.Docs) != 355_956 || len(c.Queries) != 105 {
		t.Fatalf("%d documents, %d queries; want 355,956 and 105", len(c.Docs), len(c.Queries))
	}
	dir := t.TempDir()
	st := open(t, dir, bleve.Month)
	c.Apply(t, st.Index())
	for range 2 {
		for _, q := range c.Queries {
			r := search.Request{Where: q.Expr(), Scope: c.Everywhere(), Count: search.MaxCount, Limit: 20}
			res, err := st.Index().Search(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if res.Count != q.Count || len(res.Hits) != min(20, q.Count) {
				t.Errorf("%s: %d matches, %d hits; want %d", q.ID, res.Count, len(res.Hits), q.Count)
			}
		}
		st.Close()
		st = open(t, dir, bleve.Month)
	}
}

// documents are all documents in order of time, the copies in rooms of their own.
func documents(c *realchats.Corpus) []search.Document {
	var docs []search.Document
	for k := range *copies {
		for _, d := range c.Docs {
			if k > 0 {
				d.Position.Room.Key += fmt.Sprint(" ", k)
			}
			docs = append(docs, d)
		}
	}
	slices.SortStableFunc(docs, func(a, b search.Document) int { return a.At.Compare(b.At) })
	return docs
}

func apply(b *testing.B, ix search.Index, docs []search.Document) {
	for batch := range slices.Chunk(docs, chat.MaxBatch) {
		if err := ix.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// size is the bytes in a folder.
func size(b *testing.B, dir string) (n int64) {
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		i, err := e.Info()
		n += i.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkRealIndexing applies all documents, whose tokens are there, in batches of 1,000,
// and closes the index, so that all is on the disk: docs/s, and B/doc on the disk then.
// bare-docs/s is bare Bleve with its best mapping (bare_test.go), fts5-docs/s SQLite on the
// disk, in transactions of 1,000.
func BenchmarkRealIndexing(b *testing.B) {
	c := realchats.Read(b)
	docs := documents(c)
	n := float64(len(docs))
	for _, p := range periods {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				dir := b.TempDir()
				began := time.Now()
				st := open(b, dir, p.period)
				apply(b, st.Index(), docs)
				if err := st.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(n/time.Since(began).Seconds(), "docs/s")
				b.ReportMetric(float64(size(b, dir))/n, "B/doc")
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			dir := filepath.Join(b.TempDir(), "bare")
			began := time.Now()
			x := newBare(b, dir)
			x.apply(b, docs)
			if err := x.index.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(n/time.Since(began).Seconds(), "docs/s")
			b.ReportMetric(float64(size(b, dir))/n, "B/doc")
		}
	})
	b.Run("fts5", func(b *testing.B) {
		for b.Loop() {
			dir := b.TempDir()
			began := time.Now()
			fts5(b, filepath.Join(dir, "fts5.db"), docs)
			b.ReportMetric(n/time.Since(began).Seconds(), "docs/s")
			b.ReportMetric(float64(size(b, dir))/n, "B/doc")
		}
	})
}

// fts5 indexes documents with SQLite, as realchats.SQLite does in memory.
func fts5(b *testing.B, name string, docs []search.Document) {
	db, err := sql.Open("sqlite", "file:"+name+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(realchats.Tables); err != nil {
		b.Fatal(err)
	}
	row := 0
	for batch := range slices.Chunk(docs, chat.MaxBatch) {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for i := range batch {
			row++
			if err := realchats.Insert(tx, row, &batch[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRealQueries asks all queries of the data of an index that was closed and opened:
// the newest 20 matches, with an exact count too, facets over all matches, and the most
// relevant 20. p50-ms and p99-ms are over the queries, each by the median of its rounds;
// bare- are those of bare Bleve, which always counts, in one index; fts5- those of SQLite's
// FTS5 over the same tokens, in memory.
func BenchmarkRealQueries(b *testing.B) {
	c := realchats.Read(b)
	docs := documents(c)
	others := newBare(b, filepath.Join(b.TempDir(), "bare"))
	others.apply(b, docs)
	lite := realchats.SQLite(b, docs)
	for _, p := range periods {
		b.Run(p.name, func(b *testing.B) {
			dir := b.TempDir()
			st := open(b, dir, p.period)
			apply(b, st.Index(), docs)
			st.Close()
			st = open(b, dir, p.period)
			for _, a := range realchats.Asks {
				b.Run(a.Name, func(b *testing.B) {
					n := len(c.Queries)
					ours, theirs, lites := make(realchats.Times, n), make(realchats.Times, n), make(realchats.Times, n)
					for b.Loop() {
						for i, q := range c.Queries {
							r := search.Request{Where: q.Expr(), Scope: search.Scope{Tenant: "t", All: true}}
							a.Ask(&r)
							began := time.Now()
							res, err := st.Index().Search(b.Context(), r)
							ours[i] = append(ours[i], time.Since(began))
							if err != nil {
								b.Fatal(err)
							}
							if want := q.Count * *copies; r.Count > 0 && res.Count != want && q.Query.Room == "" {
								b.Fatalf("%s: %d; want %d", q.ID, res.Count, want)
							}
							theirs[i] = append(theirs[i], others.ask(b, r))
							_, took := lite.Ask(b, r)
							lites[i] = append(lites[i], took)
						}
					}
					ours.Report(b, "")
					theirs.Report(b, "bare-")
					lites.Report(b, "fts5-")
				})
			}
		})
	}
}

// BenchmarkRealRooms asks the queries of the data over the same documents spread over 10,000
// rooms, all of which the asker may see, one by one, in one index for all times: x-one-room is
// beside all of them in one room.
func BenchmarkRealRooms(b *testing.B) {
	c := realchats.Read(b)
	spread := func(rooms int) (search.Index, search.Scope) {
		docs, last := slices.Clone(c.Docs), map[string]chat.Seq{}
		for i := range docs {
			key := fmt.Sprint("room-", i*7919%rooms)
			last[key]++
			docs[i].Position = chat.Position{Room: chat.RoomID{Tenant: "t", Key: key}, Seq: last[key]}
			docs[i].Revision = last[key]
		}
		scope := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}}
		for key := range last {
			scope.Rooms[key] = 1
		}
		st := open(b, b.TempDir(), bleve.None)
		apply(b, st.Index(), docs)
		return st.Index(), scope
	}
	one, oneScope := spread(1)
	many, manyScope := spread(10_000)
	for _, a := range realchats.Asks {
		b.Run(a.Name, func(b *testing.B) {
			took, alone := make(realchats.Times, len(c.Queries)), make(realchats.Times, len(c.Queries))
			for b.Loop() {
				for i, q := range c.Queries {
					r := search.Request{Where: q.Expr(), Scope: oneScope}
					a.Ask(&r)
					for j, ix := range []search.Index{one, many} {
						if j == 1 {
							r.Scope = manyScope
						}
						began := time.Now()
						if _, err := ix.Search(b.Context(), r); err != nil {
							b.Fatal(err)
						}
						if j == 0 {
							alone[i] = append(alone[i], time.Since(began))
						} else {
							took[i] = append(took[i], time.Since(began))
						}
					}
				}
			}
			took.Report(b, "")
			alone.Report(b, "one-room-")
		})
	}
}
