package search_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// nested is Not around itself, so that it has a depth.
func nested(depth int) search.Expr {
	var e search.Expr = search.And{}
	for range depth - 1 {
		e = search.Not{Expr: e}
	}
	return e
}

func TestCheck(t *testing.T) {
	where := func(e search.Expr) search.Request {
		return search.Request{Where: e, Scope: search.Scope{Tenant: "t"}}
	}
	with := func(f func(*search.Request)) search.Request {
		r := where(nil)
		f(&r)
		return r
	}
	terms := func(n int) search.And { return slices.Repeat(search.And{search.Term("x")}, n) }
	tokens := func(n int) search.Expr { return search.Phrase{Tokens: slices.Repeat([]string{"x"}, n)} }
	facets := func(f ...search.Facet) search.Request { return with(func(r *search.Request) { r.Facets = f }) }
	author := search.Facet{Field: search.FieldAuthor, Size: 1}
	long := strings.Repeat("é", search.MaxToken)
	for _, c := range []struct {
		name  string
		r     search.Request
		kind  error
		field string
		limit int64
	}{
		{"everything", where(nil), nil, "", 0},
		{"empty And and Or", where(search.And{search.And{}, search.Or{}}), nil, "", 0},
		{"nil part", where(search.And{nil}), chat.ErrInvalid, "where", 0},
		{"nil in Not", where(search.Not{}), chat.ErrInvalid, "where", 0},
		{"pointer", where(&search.And{}), chat.ErrInvalid, "where", 0},
		{"most nodes", where(terms(search.MaxExpr - 1)), nil, "", 0},
		{"too many nodes", where(terms(search.MaxExpr)), chat.ErrTooLarge, "where", search.MaxExpr},
		{"longest phrase", where(tokens(search.MaxExpr - 1)), nil, "", 0},
		{"too long a phrase", where(tokens(search.MaxExpr)), chat.ErrTooLarge, "where", search.MaxExpr},
		{"deepest", where(nested(search.MaxDepth)), nil, "", 0},
		{"too deep", where(nested(search.MaxDepth + 1)), chat.ErrTooLarge, "depth", search.MaxDepth},
		{"empty term", where(search.Term("")), chat.ErrInvalid, "term", 0},
		{"term of no UTF-8", where(search.Term("\xff")), chat.ErrInvalid, "term", 0},
		{"longest term", where(search.Term(long)), nil, "", 0},
		{"too long a term", where(search.Term(long + "x")), chat.ErrTooLarge, "term", search.MaxToken},
		{"empty prefix", where(search.Prefix("")), chat.ErrInvalid, "prefix", 0},
		{"empty phrase", where(search.Phrase{}), chat.ErrInvalid, "phrase", 0},
		{"empty token", where(search.Phrase{Tokens: []string{"x", ""}}), chat.ErrInvalid, "phrase", 0},
		{"unknown field", where(search.Equal{Field: "colour", Value: "x"}), chat.ErrInvalid, "field", 0},
		{"no tenant", search.Request{}, chat.ErrInvalid, "tenant", 0},
		{"limit below", with(func(r *search.Request) { r.Limit = -1 }), chat.ErrInvalid, "limit", 0},
		{"largest limit", with(func(r *search.Request) { r.Limit = search.MaxLimit }), nil, "", 0},
		{"limit above", with(func(r *search.Request) { r.Limit = search.MaxLimit + 1 }), chat.ErrTooLarge, "limit", search.MaxLimit},
		{"count below", with(func(r *search.Request) { r.Count = -1 }), chat.ErrInvalid, "count", 0},
		{"count above", with(func(r *search.Request) { r.Count = search.MaxCount + 1 }), chat.ErrTooLarge, "count", search.MaxCount},
		{"most facets", facets(slices.Repeat([]search.Facet{author}, search.MaxFacets)...), nil, "", 0},
		{"too many facets", facets(slices.Repeat([]search.Facet{author}, search.MaxFacets+1)...), chat.ErrTooLarge, "facets", search.MaxFacets},
		{"facet of threads", facets(search.Facet{Field: search.FieldThread, Size: 1}), chat.ErrInvalid, "field", 0},
		{"facet of size 0", facets(search.Facet{Field: search.FieldRoom}), chat.ErrInvalid, "facet size", 1},
		{"facet too large", facets(search.Facet{Field: search.FieldRoom, Size: search.MaxBucket + 1}), chat.ErrTooLarge, "facet size", search.MaxBucket},
	} {
		wantError(t, c.name, c.r.Check("search"), c.kind, c.field, c.limit)
	}
}

// wantError checks a *chat.Error; nil for kind means none.
func wantError(t *testing.T, name string, err, kind error, field string, limit int64) {
	t.Helper()
	if kind == nil {
		if err != nil {
			t.Errorf("%s: %v, want no error", name, err)
		}
		return
	}
	var e *chat.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Field != field || e.Limit != limit || e.Op == "" {
		t.Errorf("%s: %#v, want %v of %s, limit %d", name, err, kind, field, limit)
	}
}

func TestCheckApply(t *testing.T) {
	room := chat.RoomID{Tenant: "t", Key: "r"}
	good := search.Document{Position: chat.Position{Room: room, Seq: 2}, Revision: 2, At: time.UnixMilli(1)}
	doc := func(f func(*search.Document)) []search.Document {
		d := good
		f(&d)
		return []search.Document{good, d}
	}
	for _, c := range []struct {
		name  string
		docs  []search.Document
		upTo  []chat.Position
		kind  error
		field string
		limit int64
	}{
		{"nothing", nil, nil, nil, "", 0},
		{"good", []search.Document{good}, []chat.Position{{Room: room}}, nil, "", 0},
		{"no room", doc(func(d *search.Document) { d.Position.Room.Key = "" }), nil, chat.ErrInvalid, "room", 0},
		{"no tenant", doc(func(d *search.Document) { d.Position.Room.Tenant = "" }), nil, chat.ErrInvalid, "room", 0},
		{"no seq", doc(func(d *search.Document) { d.Position.Seq = 0 }), nil, chat.ErrInvalid, "seq", 0},
		{"old revision", doc(func(d *search.Document) { d.Revision = 1 }), nil, chat.ErrInvalid, "revision", 0},
		{"no time", doc(func(d *search.Document) { d.At = time.Time{} }), nil, chat.ErrInvalid, "at", 0},
		{"most documents", slices.Repeat([]search.Document{good}, chat.MaxBatch), nil, nil, "", 0},
		{"too many documents", slices.Repeat([]search.Document{good}, chat.MaxBatch+1), nil, chat.ErrTooLarge, "documents", chat.MaxBatch},
		{"too many positions", nil, slices.Repeat([]chat.Position{good.Position}, chat.MaxBatch+1), chat.ErrTooLarge, "positions", chat.MaxBatch},
		{"no room to watch", nil, []chat.Position{{Seq: 1}}, chat.ErrInvalid, "room", 0},
		{"negative watermark", nil, []chat.Position{{Room: room, Seq: -1}}, chat.ErrInvalid, "seq", 0},
	} {
		wantError(t, c.name, search.CheckApply("apply", c.docs, c.upTo), c.kind, c.field, c.limit)
	}
}

func TestCursor(t *testing.T) {
	r := search.Request{Where: search.Term("x"), Scope: search.Scope{Tenant: "t"}, Limit: 10}
	hit := search.Hit{
		Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "a/\x01 部屋"}, Seq: 1 << 40},
		At:       time.Date(1969, 7, 20, 20, 17, 40, 123_000_000, time.UTC), Score: 2.5,
	}
	r.After = r.NextAfter(hit)
	r.Limit, r.Count = 20, 5
	r.Scope.Rooms = map[string]chat.Seq{"b": 1}
	got, ok, err := r.AfterHit("search")
	if err != nil || !ok || got != hit {
		t.Errorf("AfterHit = %+v, %v, %v; want %+v", got, ok, err, hit)
	}
	r.After = ""
	if _, ok, err := r.AfterHit("search"); ok || err != nil {
		t.Errorf("the first page has a hit before it: %v", err)
	}
}

func TestCursorBelongsToRequest(t *testing.T) {
	request := func(e search.Expr) search.Request {
		return search.Request{Where: e, Scope: search.Scope{Tenant: "t"}}
	}
	byScore := request(search.Term("x"))
	byScore.ByScore = true
	tenant := request(search.Term("x"))
	tenant.Scope.Tenant = "u"
	x, y := search.Term("x"), search.Term("y")
	now := time.UnixMilli(1e12)
	all := []search.Request{
		byScore, tenant, request(nil), request(x), request(y), request(search.Prefix("x")),
		request(search.And{x, y}), request(search.Or{x, y}), request(search.And{x, search.And{y}}), request(search.And{}),
		request(search.Not{Expr: x}),
		request(search.Phrase{Tokens: []string{"x"}}), request(search.Phrase{Tokens: []string{"x"}, LastIsPrefix: true}),
		request(search.Phrase{Tokens: []string{"x", "y"}}), request(search.Phrase{Tokens: []string{"xy"}}),
		request(search.Equal{Field: "kind", Value: "x"}), request(search.Equal{Field: "has", Value: "x"}),
		request(search.Between{From: now}), request(search.Between{To: now}),
	}
	hit := search.Hit{Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: 1}, At: now}
	for i, made := range all {
		for j, used := range all {
			used.After = made.NextAfter(hit)
			_, _, err := used.AfterHit("search")
			if i == j && err != nil || i != j && !errors.Is(err, chat.ErrInvalid) {
				t.Errorf("the cursor of %#v in %#v: %v", made, used, err)
			}
		}
	}
}

func FuzzCursor(f *testing.F) {
	r := search.Request{Scope: search.Scope{Tenant: "t"}}
	hit := search.Hit{Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: 1}, At: time.UnixMilli(1)}
	f.Add(r.NextAfter(hit))
	f.Add(r.NextAfter(hit)[:22])
	f.Add("garbage!")
	f.Fuzz(func(t *testing.T, after string) {
		r.After = after
		h, ok, err := r.AfterHit("search")
		if ok && (h.Position.Seq < 1 || h.Position.Room.Tenant != "t" || h.Position.Room.Key == "") {
			t.Errorf("%q gave %+v", after, h)
		}
		if err != nil && !errors.Is(err, chat.ErrInvalid) {
			t.Errorf("%q: %v", after, err)
		}
	})
}
