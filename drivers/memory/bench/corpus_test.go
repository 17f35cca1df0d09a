package bench_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/internal/shareddata"
	"github.com/parlor-chat/parlor/search"
)

// corpus is all that can be searched in the real chats, in the order in which it
// lies there, and what is asked of it.
type corpus struct {
	docs    []search.Document
	texts   []string
	last    map[string]chat.Seq // of each room
	queries []question
}

// question is one query of the real chats.
type question struct {
	ID, Kind string
	Query    struct {
		All                       []string
		Phrase, Prefix, Substring string
		Author, Room              string
		From, To                  time.Time
	}
	Count int
}

var readOnce = sync.OnceValues(func() (*corpus, error) {
	dir, _ := shareddata.Find()
	c := &corpus{last: map[string]chat.Seq{}}
	sets, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if err := c.read(set); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for dec := json.NewDecoder(f); dec.More(); {
		var q question
		if err := dec.Decode(&q); err != nil {
			return nil, err
		}
		c.queries = append(c.queries, q)
	}
	return c, nil
})

// realChats is the corpus; who needs it is skipped where it isn't there.
func realChats(t testing.TB) *corpus {
	t.Helper()
	shareddata.Dir(t)
	c, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *corpus) read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(zip)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			Room, Author, Text, Kind string
			At                       time.Time
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		if r.Text == "" || !slices.Contains([]string{"message", "action", "bot", "file"}, r.Kind) {
			continue
		}
		c.last[r.Room]++ // two rooms of one name are one here
		m := chat.Message{
			Room: chat.RoomID{Tenant: "t", Key: r.Room}, Seq: c.last[r.Room], Revision: c.last[r.Room], At: r.At,
			Sender: chat.UserID{Tenant: "t", Key: r.Author},
			Text:   chat.Text{Body: r.Text, Action: r.Kind == "action"},
		}
		c.docs, c.texts = append(c.docs, search.Analysis{}.Document(&m)), append(c.texts, r.Text)
	}
	return lines.Err()
}

// everywhere is the scope of somebody who sees all rooms.
func (c *corpus) everywhere() search.Scope {
	s := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}}
	for room := range c.last {
		s.Rooms[room] = 1
	}
	return s
}

// apply applies all documents in full batches.
func (c *corpus) apply(t testing.TB, ix search.Index) {
	for batch := range slices.Chunk(c.docs, chat.MaxBatch) {
		if err := ix.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

// size is the bytes of all texts.
func (c *corpus) size() int {
	n := 0
	for _, text := range c.texts {
		n += len(text)
	}
	return n
}

// expr is the question as an expression.
func (q *question) expr() search.Expr {
	all := search.And{search.Between{From: q.Query.From, To: q.Query.To}}
	if len(q.Query.All) > 0 {
		all = append(all, search.Words(strings.Join(q.Query.All, " ")))
	}
	if q.Query.Phrase != "" {
		all = append(all, search.PhraseOf(q.Query.Phrase, false))
	}
	if q.Query.Prefix != "" {
		all = append(all, search.PrefixOf(q.Query.Prefix))
	}
	if q.Query.Substring != "" {
		all = append(all, search.Words(q.Query.Substring))
	}
	if q.Query.Author != "" {
		all = append(all, search.Equal{Field: search.FieldAuthor, Value: q.Query.Author})
	}
	if q.Query.Room != "" {
		all = append(all, search.Equal{Field: search.FieldRoom, Value: q.Query.Room})
	}
	return all
}

// The queries of the real chats have the numbers of matches that two other programs
// counted by full scan.
func TestRealQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: real queries over 355,956 real messages are left out")
	}
	c := realChats(t)
	if len(c.docs) != 355_956 || len(c.queries) != 105 {
		t.Fatalf("%d documents, %d queries; want 355,956 and 105", len(c.docs), len(c.queries))
	}
	ix := memory.New(nil).Index()
	c.apply(t, ix)
	for _, q := range c.queries {
		r := search.Request{Where: q.expr(), Scope: c.everywhere(), Count: search.MaxCount, Limit: 20}
		res, err := ix.Search(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Count != q.Count || len(res.Hits) != min(20, q.Count) {
			t.Errorf("%s: %d matches, %d hits; want %d", q.ID, res.Count, len(res.Hits), q.Count)
		}
	}
}
