package auth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

// Nothing that is secret is in what is printed, logged or returned as an error, whichever
// way.
func TestSecretsAreNotPrinted(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		old := slog.Default()
		defer slog.SetDefault(old)
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		slog.SetDefault(log) // what the package logs by itself is here, too
		js := slog.New(slog.NewJSONHandler(&out, nil))
		show := func(what any) {
			fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d\n", what, what, what, what, what, what, what)
			log.Info("said", "it", what)
			js.Info("said", "it", what)
			json.NewEncoder(&out).Encode(what)
		}

		w.create(ann, "ann", pencil)
		token, made, err := w.Issue(ctx, storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
		w.ok(err)
		code, invitation, err := w.Invite(ctx, storage.Invitation{To: acme, Uses: 1})
		w.ok(err)
		person, err := w.Password(ctx, "acme", "ann", pencil)
		w.ok(err)
		program, err := w.Token(ctx, token)
		w.ok(err)
		real, _, err := w.SCRAM(ctx, "acme", "ann", scram.SHA256)
		w.ok(err)
		fake, _, err := w.SCRAM(ctx, "acme", "eve", scram.SHA256)
		w.ok(err)
		account, used, err := w.Register(ctx, "acme", code, "eve", pencil)
		w.ok(err)
		key, err := storage.SharedKey(ctx, w.fence, "auth")
		w.ok(err)
		for _, what := range []any{w.Accounts, *w.Accounts, made, invitation, person, program, real, fake, account, used, struct{ A *auth.Accounts }{w.Accounts}} {
			show(what)
		}

		_, e1 := w.Password(ctx, "acme", "ann", pencil+"\x00")
		_, e2 := w.Password(ctx, "acme", pencil, pencil) // typed into the wrong field
		_, e3 := w.Token(ctx, token+token)
		_, e4 := w.Create(ctx, ann, "ann", pencil+"!")
		_, e5 := w.Create(ctx, bob, pencil+"\x00", pencil)
		_, e6 := w.Create(ctx, bob, "bob", pencil+"\x00")
		_, _, e7 := w.Register(ctx, "acme", code, "eve", pencil+"!")
		_, _, e8 := w.Register(ctx, "acme", code+code, "eve", pencil)
		_, _, e9 := w.Register(ctx, "acme", strings.Repeat(code, 100), "eve", pencil)
		_, e10 := auth.Bearer(w).Request(said("Bearer " + token + token))
		_, e11 := auth.Basic(w, "acme").Request(said(basic("ann", pencil+"!")))
		e12 := w.ChangePassword(ctx, ann, pencil+"!", pencil)
		e13 := w.SetPassword(ctx, ann, strings.Repeat(pencil, 100))
		for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13} {
			if err == nil {
				w.Fatalf("error %d is none", i+1)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				show(err)
				var e *chat.Error
				if errors.As(err, &e) {
					show(*e)
				}
			}
		}

		printed := strings.ToLower(out.String())
		hash := func(s string) []byte {
			h, err := storage.HashSecret(s)
			w.ok(err)
			return h[:]
		}
		for name, secret := range map[string][]byte{"the password": []byte(pencil), "the token": []byte(token), "the code": []byte(code),
			"the key": key, "the token's hash": hash(token), "the code's hash": hash(code),
			"a salt": real.Salt, "a stored key": real.StoredKey, "a server key": real.ServerKey, "a fake salt": fake.Salt, "a fake stored key": fake.StoredKey} {
			for _, form := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), fmt.Sprint(secret), fmt.Sprintf("%#v", secret)[7:]} {
				if form = strings.Trim(strings.ToLower(form), "[]{}"); strings.Contains(printed, form) {
					w.Errorf("%s is printed as %s", name, form)
				}
			}
		}
		if !strings.Contains(printed, "unauthenticated") || !strings.Contains(printed, made.ID) {
			w.Error("nothing is printed")
		}
	})
}
