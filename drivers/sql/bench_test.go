package sql_test

import (
	stdsql "database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
	"github.com/parlor-chat/parlor/storage/storagetest"
)

func BenchmarkDirectory(b *testing.B) {
	storagetest.BenchmarkDirectory(b, func(t testing.TB) *storagetest.DirectorySite { return directoryAt(file(t)) })
}

// BenchmarkBeside measures calls beside bare statements of database/sql on the same file,
// of somebody in 1,000 rooms of a tenant that has 2,000 and 10,000 people.
func BenchmarkBeside(b *testing.B) {
	path := filepath.Join(b.TempDir(), "directory.db")
	s := open(b, path)
	d, ctx := s.Directory(), b.Context()
	if _, err := s.Writes().Exec(`
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
		INSERT INTO parlor_rooms SELECT 'acme', 'r' || i, 2, 'Room', '', NULL, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0, 1 FROM n;
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
		INSERT INTO parlor_members SELECT 'acme', 'r' || i, 'u0', 3, '', NULL, 1, 1, zeroblob(16) FROM n;
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO parlor_users SELECT 'acme', 'u' || i, 'Person ' || i, 'person ' || i, 0 FROM n;
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO parlor_accounts SELECT 'acme', 'u' || i, 'u' || i, 'u' || i, 0, -62135596800000, 1 FROM n;
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO parlor_tokens SELECT 'acme', 'u' || i, 't', 'Build', 'send read', 0, -62135596800000, 0, -62135596800000, randomblob(32) FROM n;
		ANALYZE`); err != nil {
		b.Fatal(err)
	}
	ann := chat.UserID{Tenant: "acme", Key: "u0"}
	ids := make([]chat.UserID, 100)
	for i := range ids {
		ids[i] = chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", 97*i)}
	}
	_, secret := storage.NewSecret()
	if err := d.PutToken(ctx, storage.Token{User: ann, ID: "mine", Scopes: []string{"send", "read"}}, secret); err != nil {
		b.Fatal(err)
	}
	bare := pool(b, path)
	if _, err := bare.Exec("PRAGMA synchronous = full"); err != nil {
		b.Fatal(err)
	}
	bare.SetMaxOpenConns(1) // the one that was set
	// rows reads as many rows of as many columns, each a text, a number or bytes.
	rows := func(want int, into []any, query string, args ...any) func(int) error {
		return func(int) error {
			rows, err := bare.QueryContext(ctx, query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			n := 0
			for ; rows.Next(); n++ {
				if err := rows.Scan(into...); err != nil {
					return err
				}
			}
			if n != want {
				return fmt.Errorf("%d rows, want %d", n, want)
			}
			return rows.Err()
		}
	}
	var text string
	var number int64
	var bytes stdsql.RawBytes
	member, user := []any{&text, &number, &text, &number, &number, &bytes}, []any{&text, &text, &text, &number}
	cases := []struct {
		name      string
		run, bare func(i int) error
	}{
		{"access1000", func(int) error {
			all, err := d.Access(ctx, ann)
			if err == nil && len(all) != 1000 {
				err = fmt.Errorf("%d rooms", len(all))
			}
			return err
		}, rows(1000, member, "SELECT room, role, nickname, from_seq, since, seq, event FROM parlor_members WHERE tenant = 'acme' AND person = ?", ann.Key)},
		{"accessTo", func(int) error {
			_, err := storage.AccessTo(ctx, d, ann, chat.RoomID{Tenant: "acme", Key: "r500"})
			return err
		}, rows(1, member, "SELECT room, role, nickname, from_seq, since, seq, event FROM parlor_members WHERE tenant = ? AND room = ? AND person = ?", "acme", "r500", ann.Key)},
		{"named20", func(int) error {
			_, err := d.NamedUsers(ctx, "acme", "person 5", 20)
			return err
		}, rows(20, user, "SELECT tenant, person, name, bot FROM parlor_users WHERE tenant = 'acme' AND name_key >= 'person 5' ORDER BY name_key LIMIT 20")},
		{"users100", func(int) error {
			all, err := d.Users(ctx, ids)
			if err == nil && len(all) != len(ids) {
				err = fmt.Errorf("%d people", len(all))
			}
			return err
		}, rows(100, user, "SELECT tenant, person, name, bot FROM parlor_users WHERE tenant = 'acme' LIMIT 100")},
		{"token", func(int) error {
			_, err := d.Token(ctx, secret, time.Now())
			return err
		}, rows(1, []any{&text, &text, &text, &text, &text, &number, &number, &number, &number},
			"SELECT tenant, person, id, name, scopes, created, expires, used, revoked FROM parlor_tokens WHERE secret = ?", secret[:])},
		{"account", func(int) error {
			_, err := d.Account(ctx, ann)
			return err
		}, rows(1, []any{&text, &text, &text, &number, &number, &number},
			"SELECT tenant, person, login, created, deactivated, version FROM parlor_accounts WHERE tenant = ? AND person = ?", "acme", ann.Key)},
		{"mark", func(i int) error {
			return d.Mark(ctx, storage.Mark{User: ann, Position: chat.Position{Room: killed, Seq: chat.Seq(i + 1)}})
		}, func(i int) error {
			_, err := bare.ExecContext(ctx, `INSERT INTO parlor_marks VALUES ('acme', 'bare', 'killed', ?, 0)
				ON CONFLICT (tenant, person, room) DO UPDATE SET seq = excluded.seq`, i+1)
			return err
		}},
	}
	for _, c := range cases {
		at := 0 // goes on over the runs, for marks only rise
		b.Run(c.name, func(b *testing.B) {
			var spent, plain time.Duration
			b.ReportAllocs()
			for range b.N {
				start := time.Now()
				if err := c.run(at); err != nil {
					b.Fatal(err)
				}
				spent += time.Since(start)
				start = time.Now()
				if err := c.bare(at); err != nil {
					b.Fatal(err)
				}
				plain += time.Since(start)
				at++
			}
			suite.Report(b, b.N, spent, plain)
		})
	}
}
