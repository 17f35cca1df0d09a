package auth_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// Somebody with the right password and a wrong one, and nobody, who takes as long; the same for
// what an exchange of SCRAM begins with. A token beside them.
func BenchmarkLogIn(b *testing.B) {
	ctx := context.Background()
	store, err := sql.Open(ctx, filepath.Join(b.TempDir(), "directory.db"), nil)
	check(err)
	defer store.Close()
	a, err := auth.New(ctx, store.Directory(), store.Fence(), nil)
	check(err)
	_, err = a.Create(ctx, ann, "ann", pencil)
	check(err)
	secret, _, err := a.Issue(ctx, storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
	check(err)
	for _, c := range []struct {
		name string
		log  func() error
		in   bool
	}{
		{"right", func() error { _, err := a.Password(ctx, "acme", "ann", pencil); return err }, true},
		{"wrong", func() error { _, err := a.Password(ctx, "acme", "ann", "wrong"); return err }, false},
		{"nobody", func() error { _, err := a.Password(ctx, "acme", "eve", "wrong"); return err }, false},
		{"SCRAM", func() error { _, _, err := a.SCRAM(ctx, "acme", "ann", scram.SHA256); return err }, true},
		{"SCRAM-nobody", func() error { _, _, err := a.SCRAM(ctx, "acme", "eve", scram.SHA256); return err }, true},
		{"token", func() error { _, err := a.Token(ctx, secret); return err }, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.log(); (err == nil) != c.in {
					b.Fatal(err)
				}
			}
		})
	}
}
