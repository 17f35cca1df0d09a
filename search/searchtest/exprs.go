package searchtest

import (
	"fmt"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

func phrase(tokens ...string) search.Expr { return search.Phrase{Tokens: tokens} }

func begins(tokens ...string) search.Expr {
	return search.Phrase{Tokens: tokens, LastIsPrefix: true}
}

// table applies texts as Seq 1, 2, 3… of room "r", and asks questions.
func table(texts []string, asks []ask) func(*world) error {
	return func(w *world) error {
		var docs []search.Document
		for i, text := range texts {
			docs = append(docs, doc("r", chat.Seq(i+1), i, text))
		}
		if err := w.apply(docs...); err != nil {
			return err
		}
		for _, a := range asks {
			if err := w.findsSeqs(a.e, a.want...); err != nil {
				return err
			}
		}
		return nil
	}
}

// ask is an expression and the Seqs that it must find.
type ask struct {
	e    search.Expr
	want []chat.Seq
}

func is(e search.Expr, want ...chat.Seq) ask { return ask{e, want} }

var exprCases = []indexCase{
	{
		"terms", "a term is a whole token, wherever it stands",
		table([]string{"peer", "the peer node", "peers", "pe er", ""}, []ask{
			is(search.Term("peer"), 1, 2), is(search.Term("peers"), 3), is(search.Term("absent")),
			is(nil, 1, 2, 3, 4, 5),
		}),
	},
	{
		"syntax is text", "what an engine takes for syntax must never be read as such",
		table([]string{"and or not", "a* b? c~2", "x"}, []ask{
			is(search.Term("and"), 1), is(search.Term("*")), is(search.Term("a*")), is(search.Prefix("*")),
			is(phrase("or", "not"), 1), is(search.Term("x OR and")), is(search.Term("/.*/")), is(search.Term("\"x\"")),
			is(search.Term("_exists_:tokens")), is(search.Prefix("?")), is(search.Term("x\\")),
		}),
	},
	{
		"and or not", "logic holds at its edges, too: an empty And holds, an empty Or doesn't",
		table([]string{"a", "b", "a b", "c"}, []ask{
			is(search.And{}, 1, 2, 3, 4), is(search.Or{}),
			is(search.And{search.Term("a"), search.Term("b")}, 3),
			is(search.Or{search.Term("a"), search.Term("b")}, 1, 2, 3),
			is(search.Not{Expr: search.Term("a")}, 2, 4),
			is(search.Not{Expr: search.And{}}), is(search.Not{Expr: search.Or{}}, 1, 2, 3, 4),
			is(search.Not{Expr: search.Not{Expr: search.Term("a")}}, 1, 3),
			is(search.And{search.Term("a"), search.Not{Expr: search.Term("b")}}, 1),
			is(search.Or{search.Term("c"), search.Not{Expr: search.Or{search.Term("a"), search.Term("c")}}}, 2, 4),
			is(search.And{search.Or{}, search.Term("a")}), is(search.Or{search.And{}, search.Term("a")}, 1, 2, 3, 4),
		}),
	},
	{
		"phrases", "the tokens of a phrase stand one behind the other, in order",
		table([]string{
			"remote desktop", "desktop remote", "remote big desktop", "my remote, desktop!", "remote",
			"desktop", "to be or to be not", "remote desktops",
		}, []ask{
			is(phrase("remote", "desktop"), 1, 4),
			is(phrase("desktop"), 1, 2, 3, 4, 6),
			is(phrase("to", "be", "not"), 7), is(phrase("be", "to", "be")), is(phrase("or", "to", "be"), 7),
			is(phrase("to", "to")), is(phrase("remote", "remote")), is(phrase("be", "not", "to")),
			is(begins("remote", "desk"), 1, 4, 8), is(begins("rem", "desk")), is(begins("big", "d"), 3),
			is(begins("desk"), 1, 2, 3, 4, 6, 8),
		}),
	},
	{
		"prefixes", "a prefix is the beginning of a token, as written",
		table([]string{"implement", "simple", "imp", "big implementation", "im", "ünder"}, []ask{
			is(search.Prefix("imp"), 1, 3, 4), is(search.Prefix("implement"), 1, 4), is(search.Prefix("implementations")),
			is(search.Prefix("ü"), 6), is(search.Prefix("u")), is(search.Prefix("i"), 1, 3, 4, 5),
		}),
	},
	{
		"many tokens with one prefix", "a prefix has as many tokens as there are, not as many as an engine likes to expand",
		func(w *world) error {
			var docs []search.Document
			for i := range 3000 {
				docs = append(docs, doc("r", chat.Seq(i+1), 0, fmt.Sprintf("word%d", i)))
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			return w.agrees(search.Request{Where: search.Prefix("word"), Scope: rooms("r"), Limit: search.MaxLimit, Count: 5000})
		},
	},
	{
		"equal", "a field is compared letter by letter; names differ by a space or a capital",
		func(w *world) error {
			odd := "Ann  O'Neil/#1 \"x\\y\"*"
			if err := w.apply(
				doc("r", 1, 0, "x", "author", "ann", "kind", "text", "mention", "bob", "mention", "cyd"),
				doc("r", 2, 1, "x", "author", "Ann", "kind", "action", "has", "link", "has", "code"),
				doc("r", 3, 2, "x", "author", odd, "thread", "0123"),
				doc("r", 4, 3, "ann", "author", "ann b"),
			); err != nil {
				return err
			}
			eq := func(f, v string) search.Expr { return search.Equal{Field: f, Value: v} }
			return errs(
				w.findsSeqs(eq("author", "ann"), 1), w.findsSeqs(eq("author", "Ann"), 2),
				w.findsSeqs(eq("author", odd), 3), w.findsSeqs(eq("author", "ann b"), 4), w.findsSeqs(eq("author", "b")),
				w.findsSeqs(eq("author", "an")), w.findsSeqs(eq("author", "*")), w.findsSeqs(eq("author", "")),
				w.findsSeqs(eq("kind", "text"), 1), w.findsSeqs(eq("kind", "action"), 2),
				w.findsSeqs(eq("mention", "bob"), 1), w.findsSeqs(eq("mention", "cyd"), 1), w.findsSeqs(eq("mention", "bob cyd")),
				w.findsSeqs(eq("has", "code"), 2), w.findsSeqs(eq("has", "file")), w.findsSeqs(eq("thread", "0123"), 3),
				w.findsSeqs(search.Not{Expr: eq("has", "link")}, 1, 3, 4),
			)
		},
	},
	{
		"room and month", "room and month follow from position and time, in UTC",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 9, "x"), doc("r", 2, 10, "x"), doc("Room 2", 1, 10, "x", "room", "r", "month", "2026-10")); err != nil {
				return err
			}
			r := search.Request{Scope: rooms("r", "Room 2")}
			ask := func(f, v string, want ...chat.Position) error {
				r.Where = search.Equal{Field: f, Value: v}
				return w.finds(r, want...)
			}
			return errs(
				ask("room", "r", at("r", 2), at("r", 1)), ask("room", "Room 2", at("Room 2", 1)), ask("room", "Room"),
				ask("month", "2026-10", at("r", 1)), ask("month", "2026-11", at("r", 2), at("Room 2", 1)), ask("month", "2026"),
			)
		},
	},
	{
		"between", "a time range holds its beginning and not its end, so that two months share no message",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 0, "x"), doc("r", 2, 1, "x"), doc("r", 3, 2, "x")); err != nil {
				return err
			}
			ms := time.Millisecond
			east := time.FixedZone("east", 9*3600)
			ask := func(from, to time.Time, want ...chat.Seq) error {
				return w.findsSeqs(search.Between{From: from, To: to}, want...)
			}
			return errs(
				ask(minute(0), minute(2), 1, 2), ask(minute(1), minute(2), 2), ask(minute(0).Add(ms), minute(1)),
				ask(minute(1), minute(1).Add(ms), 2), ask(minute(1).Add(-ms), minute(1)), ask(minute(1), minute(1)),
				ask(minute(2), minute(0)), ask(time.Time{}, minute(1), 1), ask(minute(1), time.Time{}, 2, 3),
				ask(time.Time{}, time.Time{}, 1, 2, 3), ask(minute(1).In(east), minute(2).In(east), 2),
			)
		},
	},
	{
		"all scripts", "people write in every script, and find any part of what has no spaces",
		func(w *world) error {
			texts := []string{
				"GitHubの型システム", "情報、共有する", "您好，世界", "안녕하세요 여러분", "สวัสดีครับ",
				"السلام عليكم", "नमस्ते दुनिया", "Привет, МИР!", "Café, naïve", "ສະບາຍດີ", "សួស្តី", "မင်္ဂလာပါ",
			}
			var docs []search.Document
			for i, text := range texts {
				docs = append(docs, doc("r", chat.Seq(i+1), i, text))
			}
			if err := w.apply(docs...); err != nil {
				return err
			}
			for query, want := range map[string]chat.Seq{
				"github": 1, "システム": 1, "型": 1, "ム": 1, "githubの": 1, "共有": 2, "世": 3, "世界": 3, "하세": 4, "여러": 4,
				"ดีครับ": 5, "عليكم": 6, "दुनिया": 7, "привет мир": 8, "café": 9, "ບາຍ": 10, "ស្តី": 11, "င်္ဂ": 12,
			} {
				if err := w.findsSeqs(search.Words(query), want); err != nil {
					return fmt.Errorf("%q: %w", query, err)
				}
			}
			return errs(w.findsSeqs(search.Words("情報共有")), w.findsSeqs(search.Words("cafe")), w.findsSeqs(search.Words("型の")))
		},
	},
	{
		"invalid expressions", "what can't be asked is refused, and names what is wrong",
		func(w *world) error {
			for _, c := range []struct {
				e     search.Expr
				kind  error
				field string
			}{
				{search.Term(""), chat.ErrInvalid, "term"},
				{search.And{search.Or{nil}}, chat.ErrInvalid, "where"},
				{search.Phrase{}, chat.ErrInvalid, "phrase"},
				{search.Prefix(""), chat.ErrInvalid, "prefix"},
				{search.Equal{Field: "tokens", Value: "x"}, chat.ErrInvalid, "field"},
				{make(search.And, search.MaxExpr), chat.ErrInvalid, "where"},
				{nots(search.MaxDepth + 1), chat.ErrTooLarge, "depth"},
				{terms(search.MaxExpr), chat.ErrTooLarge, "where"},
			} {
				_, err := w.ix.Search(w.ctx, search.Request{Where: c.e, Scope: rooms("r")})
				if err := wantKind(fmt.Sprintf("%.60v", c.e), err, c.kind, c.field); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"largest expressions", "an expression at the limits is answered, not refused by the engine behind",
		func(w *world) error {
			if err := w.apply(doc("r", 1, 0, "x"), doc("r", 2, 0, "y")); err != nil {
				return err
			}
			deep := nots(search.MaxDepth)
			long := make([]string, search.MaxExpr-1)
			for i := range long {
				long[i] = "x"
			}
			return errs(
				w.findsSeqs(terms(search.MaxExpr-1), 1), w.findsSeqs(search.Or(terms(search.MaxExpr-1)), 1),
				w.findsSeqs(deep, 2), w.findsSeqs(phrase(long...)),
			)
		},
	},
}

// terms is n times the same term.
func terms(n int) search.And {
	all := make(search.And, n)
	for i := range all {
		all[i] = search.Term("x")
	}
	return all
}

// nots is a term under Nots, of a depth in all.
func nots(depth int) search.Expr {
	var e search.Expr = search.Term("x")
	for range depth - 1 {
		e = search.Not{Expr: e}
	}
	return e
}
