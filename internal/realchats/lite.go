package realchats

import (
	"database/sql"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// Lite is documents in SQLite, in order of time: the tokens in a table of FTS5 that
// holds no text; author, room and month in a table beside it, and as words of another
// column.
type Lite struct {
	db *sql.DB
	at []time.Time // of row 1, 2, 3…
}

// Tables are those of a Lite.
const Tables = `
	CREATE VIRTUAL TABLE words USING fts5(body, who, content='',
		tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co M*'");
	CREATE TABLE docs(id INTEGER PRIMARY KEY, author TEXT, room TEXT, month TEXT);`

// SQLite makes a Lite of documents that lie in order of time.
func SQLite(b *testing.B, docs []search.Document) *Lite {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(Tables); err != nil {
		b.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	x := &Lite{db: db}
	for i := range docs {
		d := &docs[i]
		if err := Insert(tx, i+1, d); err != nil {
			b.Fatal(err)
		}
		x.at = append(x.at, d.At)
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO words(words) VALUES('optimize')`); err != nil {
		b.Fatal(err)
	}
	return x
}

// Insert puts a document into the tables, as a row from 1 on, in order of time.
func Insert(tx *sql.Tx, row int, d *search.Document) error {
	author, room := d.Fields[search.FieldAuthor][0], d.Position.Room.Key
	_, err := tx.Exec(`INSERT INTO words(rowid, body, who) VALUES(?, ?, ?)`,
		row, strings.Join(d.Tokens, " "), whoWord("a", author)+" "+whoWord("r", room))
	if err == nil {
		_, err = tx.Exec(`INSERT INTO docs VALUES(?, ?, ?, ?)`, row, author, room, chat.Month(d.At))
	}
	return err
}

func whoWord(kind, key string) string { return kind + fmt.Sprintf("%x", key) }

// Ask answers a request, and says how long that took.
func (x *Lite) Ask(b *testing.B, r search.Request) (count int, took time.Duration) {
	words, lo, hi := x.query(r.Where)
	where, args := `rowid >= ? AND rowid < ?`, []any{lo, hi}
	from := `docs`
	if len(words) > 0 {
		from, where, args = `words`, where+` AND words MATCH ?`, append(args, strings.Join(words, " AND "))
	}
	began := time.Now()
	if r.Limit > 0 {
		order := `rowid DESC`
		if r.ByScore && from == `words` {
			order = `rank`
		}
		x.rows(b, fmt.Sprintf(`SELECT rowid, 0 FROM %s WHERE %s ORDER BY %s LIMIT %d`, from, where, order, r.Limit), args)
	}
	if r.Count > 0 {
		if err := x.db.QueryRow(fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s`, from, where), args...).Scan(&count); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range r.Facets {
		x.rows(b, fmt.Sprintf(`SELECT %s, count(*) AS n FROM docs WHERE id IN (SELECT rowid FROM %s WHERE %s)
			GROUP BY 1 ORDER BY n DESC LIMIT %d`, f.Field, from, where, f.Size), args)
	}
	return count, time.Since(began)
}

// rows reads all rows of two columns.
func (x *Lite) rows(b *testing.B, query string, args []any) {
	rows, err := x.db.Query(query, args...)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var key any
		var n int
		if err := rows.Scan(&key, &n); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}

// query is an expression of the data's queries in the words of FTS5, all of which must
// hold, and the rows between which it holds.
func (x *Lite) query(e search.Expr) (words []string, lo, hi int) {
	lo, hi = 0, math.MaxInt
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			w, l, h := x.query(part)
			words, lo, hi = append(words, w...), max(lo, l), min(hi, h)
		}
	case search.Term:
		words = []string{`body : "` + string(e) + `"`}
	case search.Prefix:
		words = []string{`body : "` + string(e) + `" *`}
	case search.Phrase:
		word := `body : "` + strings.Join(e.Tokens, " ") + `"`
		if e.LastIsPrefix {
			word += " *"
		}
		words = []string{word}
	case search.Equal:
		words = []string{`who : ` + whoWord(e.Field[:1], e.Value)}
	case search.Between:
		if !e.From.IsZero() {
			lo = 1 + sort.Search(len(x.at), func(i int) bool { return !x.at[i].Before(e.From) })
		}
		if !e.To.IsZero() {
			hi = 1 + sort.Search(len(x.at), func(i int) bool { return !x.at[i].Before(e.To) })
		}
	}
	return words, lo, hi
}
