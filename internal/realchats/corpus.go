// Package realchats reads the real chats for benchmarks of indexes: their texts as
// documents, the queries that are asked of them, and the same documents in SQLite, to
// measure beside.
package realchats

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
	"github.com/parlor-chat/parlor/internal/shareddata"
	"github.com/parlor-chat/parlor/search"
)

// Corpus is all that can be searched in the real chats, in the order in which it
// lies there, and what is asked of it.
type Corpus struct {
	Docs    []search.Document
	Texts   []string
	Last    map[string]chat.Seq // of each room
	Queries []Question
}

// Question is one query of the real chats.
type Question struct {
	ID, Kind string
	Query    struct {
		All                       []string
		Phrase, Prefix, Substring string
		Author, Room              string
		From, To                  time.Time
	}
	Count int
}

var readOnce = sync.OnceValues(func() (*Corpus, error) {
	dir, _ := shareddata.Find()
	c := &Corpus{Last: map[string]chat.Seq{}}
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
		var q Question
		if err := dec.Decode(&q); err != nil {
			return nil, err
		}
		c.Queries = append(c.Queries, q)
	}
	return c, nil
})

// Read is the corpus; who needs it is skipped where it isn't there. It is shared: who changes
// a document copies it.
func Read(t testing.TB) *Corpus {
	t.Helper()
	shareddata.Dir(t)
	c, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Corpus) read(file string) error {
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
		c.Last[r.Room]++ // two rooms of one name are one here
		m := chat.Message{
			Room: chat.RoomID{Tenant: "t", Key: r.Room}, Seq: c.Last[r.Room], Revision: c.Last[r.Room], At: r.At,
			Sender: chat.UserID{Tenant: "t", Key: r.Author},
			Text:   chat.Text{Body: r.Text, Action: r.Kind == "action"},
		}
		c.Docs, c.Texts = append(c.Docs, search.Analysis{}.Document(&m)), append(c.Texts, r.Text)
	}
	return lines.Err()
}

// Everywhere is the scope of somebody who sees all rooms.
func (c *Corpus) Everywhere() search.Scope {
	s := search.Scope{Tenant: "t", Rooms: map[string]chat.Seq{}}
	for room := range c.Last {
		s.Rooms[room] = 1
	}
	return s
}

// Apply applies all documents in full batches.
func (c *Corpus) Apply(t testing.TB, ix search.Index) {
	for batch := range slices.Chunk(c.Docs, chat.MaxBatch) {
		if err := ix.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

// Size is the bytes of all texts.
func (c *Corpus) Size() int {
	n := 0
	for _, text := range c.Texts {
		n += len(text)
	}
	return n
}

// Expr is the question as an expression.
func (q *Question) Expr() search.Expr {
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
