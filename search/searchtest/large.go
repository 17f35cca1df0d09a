package searchtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// letters is the tokens of the longest text that may be sent, of one character.
func letters(c string) []string { return search.Analyze(strings.Repeat(c, chat.MaxBody/len(c))) }

var largeCases = []indexCase{
	{
		"the ends of months", "an index that is parted by months has no gap between two, and no message in both",
		func(w *world) error {
			const ms = time.Millisecond
			end := minute(10) // of October
			var docs []search.Document
			for i, when := range []time.Time{end.AddDate(0, -1, 0), end.Add(-ms), end, end.Add(ms), end.AddDate(0, 1, 0).Add(-ms), end.AddDate(0, 1, 0)} {
				for _, room := range []string{"r", "s"} {
					d := doc(room, chat.Seq(i+1), 0, "x")
					d.At = when
					docs = append(docs, d)
				}
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			both := rooms("r", "s")
			month := []search.Facet{{Field: "month", Size: 9}}
			for _, e := range []search.Expr{
				nil, search.Between{To: end}, search.Between{From: end}, search.Between{From: end.Add(-ms), To: end.Add(ms)},
				search.Between{From: end, To: end}, search.Equal{Field: "month", Value: "2026-10"},
				search.Not{Expr: search.Equal{Field: "month", Value: "2026-11"}},
				search.Or{search.Between{To: end.AddDate(0, -1, 0).Add(ms)}, search.Between{From: end.AddDate(0, 1, 0)}},
			} {
				for _, limit := range []int{1, 2, 3, 20} {
					if err := w.agrees(search.Request{Where: e, Scope: both, Limit: limit, Count: 20, Facets: month}); err != nil {
						return err
					}
				}
			}
			return errs(
				w.drop(storage.Span{Tenant: tenant, Room: "s"}, end), w.agrees(search.Request{Scope: both, Limit: 20, Facets: month}),
				w.drop(storage.Span{Tenant: tenant}, end.Add(ms)), w.agrees(search.Request{Scope: both, Limit: 20, Facets: month}),
			)
		},
	},
	{
		"positions behind a loss", "behind a loss positions go on very far away, and are others than those before",
		func(w *world) error {
			var docs []search.Document
			for i, seq := range []chat.Seq{1, 2, chat.VoidSpan, chat.VoidSpan + 1, chat.VoidSpan + 2, 7*chat.VoidSpan + 1} {
				docs = append(docs, doc("r", seq, i, fmt.Sprint("x n", i)))
			}
			s := rooms("r")
			s.Rooms["r"] = chat.VoidSpan + 1
			return errs(
				w.apply(docs...), w.apply(revised(docs[0], chat.VoidSpan+5, "y"), revised(docs[3], chat.VoidSpan+6, "x y"), retracted(docs[5], 7*chat.VoidSpan+2)),
				w.findsSeqs(search.Term("x"), 2, chat.VoidSpan, chat.VoidSpan+1, chat.VoidSpan+2), w.findsSeqs(search.Term("n3")),
				w.agrees(search.Request{Scope: rooms("r"), Limit: 2, Count: 9}), w.agrees(search.Request{Scope: s, Limit: 2, Count: 9}),
				w.ix.Apply(w.ctx, nil, at("r", 7*chat.VoidSpan+2)), w.refresh(), marked(w, "r", 7*chat.VoidSpan+2),
			)
		},
	},
	{
		"changed many times", "what is changed again and again is there once",
		func(w *world) error {
			docs := many(3, "x")
			if err := w.apply(docs...); err != nil {
				return err
			}
			for i := range 300 {
				if err := w.apply(revised(docs[1], chat.Seq(10+i), fmt.Sprint("x n", i%7))); err != nil {
					return err
				}
			}
			return errs(
				w.findsSeqs(search.Term("x"), 1, 2, 3), w.findsSeqs(search.Term("n5"), 2), w.findsSeqs(search.Term("n4")),
				w.agrees(search.Request{Where: search.Prefix("n"), Scope: rooms("r"), Limit: 5, Count: 5}),
			)
		},
	},
	{
		"long texts", "the longest text, of one letter or one character, is found by each part of it",
		func(w *world) error {
			a, kana := letters("a"), letters("あ")
			docs := many(6, "x")
			docs[1].Tokens, docs[2].Tokens = a, kana
			docs[3].Tokens = append(letters("あ"), "end")
			docs[4].Tokens = append([]string{"begin"}, a...)
			long := make([]string, search.MaxExpr-10)
			for i := range long {
				long[i] = kana[0]
			}
			aa := a[0][:search.MaxToken/2]
			return errs(
				w.apply(docs...),
				w.findsSeqs(search.Term(a[0]), 2, 5), w.findsSeqs(search.Prefix(aa), 2, 5), w.findsSeqs(search.Term(aa)),
				w.findsSeqs(phrase(a...), 2, 5), w.findsSeqs(phrase(append([]string{"begin"}, a...)...), 5),
				w.findsSeqs(phrase(append(a[1:], "x")...)),
				w.findsSeqs(phrase(long...), 3, 4), w.findsSeqs(begins(append(long, "あ")...), 3, 4),
				w.findsSeqs(begins(append(long, "x")...)), w.findsSeqs(begins("あ", "en"), 4),
				w.agrees(search.Request{Where: search.Or{phrase(long...), search.Prefix("a")}, Scope: rooms("r"), ByScore: true, Limit: 2, Count: 9}),
			)
		},
	},
	{
		"a prefix of everything", "a prefix that all texts have is answered, whatever hangs on it",
		func(w *world) error {
			const n = 5000
			var docs []search.Document
			for i := range n {
				docs = append(docs, doc("r", chat.Seq(i+1), i*20, fmt.Sprintf("a%d b%d a%d", i, i%10, i*i), "author", fmt.Sprint(i%9)))
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			facets := []search.Facet{{Field: "author", Size: 5}, {Field: "month", Size: 5}}
			var prefixes search.Or
			for c := 'a'; c <= 'z'; c++ {
				prefixes = append(prefixes, search.Prefix(c))
			}
			for _, e := range []search.Expr{
				search.Prefix("a"), prefixes, search.Not{Expr: search.Prefix("a1")}, begins("b7", "a"),
				search.And{search.Prefix("a"), search.Prefix("b1")}, search.And{prefixes, search.Term("a4900")},
			} {
				for _, limit := range []int{0, search.MaxLimit} {
					if err := w.agrees(search.Request{Where: e, Scope: rooms("r"), Limit: limit, Count: 2 * n, Facets: facets}); err != nil {
						return err
					}
				}
			}
			return nil
		},
	},
}
