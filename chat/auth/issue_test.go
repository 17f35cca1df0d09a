package auth_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/storage"
)

func TestTokens(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		secret, made, err := w.Issue(w.Context(), storage.Token{User: ann, Name: "Build", Scopes: []string{auth.ScopeSend, "acme:deploy"},
			Expires: epoch.Add(3*time.Hour + 1)})
		w.ok(err)
		listed, err := w.dir.Tokens(w.Context(), ann, "", 10)
		w.ok(err)
		if !reflect.DeepEqual(listed, []storage.Token{made}) || !made.Created.Equal(epoch) || made.ID == "" {
			w.Errorf("made %+v, listed %+v", made, listed)
		}
		who, err := w.Token(w.Context(), secret)
		w.lets(ann, who, err)
		if want := (auth.Identity{User: ann, Scopes: made.Scopes, Token: made.ID, Expires: epoch.Add(3 * time.Hour)}); !reflect.DeepEqual(who, want) {
			w.Errorf("it is %+v, want %+v", who, want)
		}
		for _, wrong := range []string{"", secret[1:], secret + "x", strings.ToLower(secret), made.ID, strings.Repeat("x", chat.MaxSecret+1)} {
			who, err := w.Token(w.Context(), wrong)
			w.refused(wrong, who, err)
		}

		used := func() time.Time {
			w.Helper()
			all, err := w.dir.Tokens(w.Context(), ann, "", 10)
			w.ok(err)
			return all[0].Used
		}
		if !used().Equal(epoch) {
			w.Errorf("used at %v", used())
		}
		for _, later := range []time.Duration{storage.TokenGrain - 1, storage.TokenGrain} {
			w.now = epoch.Add(later)
			who, err := w.Token(w.Context(), secret)
			w.lets(ann, who, err)
			if want := epoch.Add(later.Truncate(storage.TokenGrain)); !used().Equal(want) {
				w.Errorf("after %v, used at %v", later, used())
			}
		}

		w.now = epoch.Add(3 * time.Hour)
		who, err = w.Token(w.Context(), secret)
		w.refused("expired", who, err)
		w.now = epoch
		w.ok(w.dir.RevokeToken(w.Context(), ann, made.ID, w.now))
		who, err = w.Token(w.Context(), secret)
		w.refused("revoked", who, err)

		other, made, err := w.Issue(w.Context(), storage.Token{User: ann, ID: "ci", Scopes: []string{auth.ScopeAll}, Created: epoch.AddDate(-1, 0, 0)})
		w.ok(err)
		if made.ID != "ci" || !made.Created.Equal(epoch.AddDate(-1, 0, 0)) {
			w.Errorf("made %+v", made)
		}
		who, err = w.Token(w.Context(), other)
		w.lets(ann, who, err)
		w.deactivate(ann)
		who, err = w.Token(w.Context(), other)
		w.refused("of a deactivated account", who, err)
		_, _, err = w.Issue(w.Context(), storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
		w.fails(err, chat.ErrForbidden, "account")
	})
}

func TestIssueRefuses(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", "")
		try := func(tk storage.Token, kind error, field string) {
			w.Helper()
			secret, made, err := w.Issue(w.Context(), tk)
			w.fails(err, kind, field)
			if secret != "" || made.ID != "" {
				w.Errorf("%q and %+v beside an error", secret, made)
			}
		}
		for _, scopes := range [][]string{nil, {"wirte"}, {"READ"}, {auth.ScopeRead, ""}, {"read "}, {"**"}, {"acme: x"}} {
			try(storage.Token{User: ann, Scopes: scopes}, chat.ErrInvalid, "scopes")
		}
		try(storage.Token{User: ann, Scopes: slices.Repeat([]string{"a:b"}, chat.MaxScopes+1)}, chat.ErrTooLarge, "scopes")
		read := []string{auth.ScopeRead}
		try(storage.Token{User: bob, Scopes: read}, chat.ErrNotFound, "account")
		try(storage.Token{User: ann, Scopes: read, Used: epoch}, chat.ErrInvalid, "used")
		if all, err := w.dir.Tokens(w.Context(), ann, "", 10); err != nil || len(all) != 0 {
			w.Errorf("%d are stored (%v)", len(all), err)
		}
	})
}

// Tokens that have ended keep nobody from new ones; those that haven't do.
func TestEndedTokensMakeRoom(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", "")
		for i := range chat.MaxTokens {
			_, _, err := w.Issue(w.Context(), storage.Token{User: ann, ID: fmt.Sprint(i), Scopes: []string{auth.ScopeRead}, Expires: w.now.Add(time.Hour)})
			w.ok(err)
		}
		_, _, err := w.Issue(w.Context(), storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
		w.fails(err, chat.ErrTooLarge, "tokens")
		w.ok(w.dir.RevokeToken(w.Context(), ann, "7", w.now))
		w.now = w.now.Add(time.Second)
		secret, _, err := w.Issue(w.Context(), storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
		w.ok(err)
		who, err := w.Token(w.Context(), secret)
		w.lets(ann, who, err)
		if all, err := w.dir.Tokens(w.Context(), ann, "", chat.MaxTokens); err != nil || len(all) != chat.MaxTokens {
			w.Errorf("there are %d (%v)", len(all), err)
		}
	})
}

func TestMay(t *testing.T) {
	token := auth.Identity{User: ann, Scopes: []string{auth.ScopeRead, "acme:deploy"}}
	for _, s := range []struct {
		scope         string
		token, person bool
	}{{auth.ScopeRead, true, true}, {"acme:deploy", true, true}, {auth.ScopeSend, false, true}, {"acme:", false, true},
		{auth.ScopeAll, false, true}, {"", false, true}} {
		if token.May(s.scope) != s.token || auth.Person(ann).May(s.scope) != s.person || (auth.Identity{User: ann}).May(s.scope) {
			t.Errorf("%q: %v, %v", s.scope, token.May(s.scope), auth.Person(ann).May(s.scope))
		}
	}
	if p := auth.Person(ann); p.User != ann {
		t.Errorf("%+v", p)
	}
}

// Every scope is in the table, once, and a host's own can't be meant.
func TestScopesAreExplained(t *testing.T) {
	var names []string
	for _, s := range auth.Scopes {
		if s.Means == "" || strings.Contains(s.Name, ":") || chat.CheckKey("check", "scope", s.Name) != nil {
			t.Errorf("%+v", s)
		}
		names = append(names, s.Name)
	}
	want := []string{auth.ScopeAll, auth.ScopeRead, auth.ScopeSend, auth.ScopeRooms, auth.ScopeAccount}
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
