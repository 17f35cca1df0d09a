package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// Ann logs in by her password. A program of hers gets a token, by which it may read; then
// it is revoked.
func Example() {
	ctx := context.Background()
	set := memory.New(nil).Set()
	accounts, err := auth.New(ctx, set.Directory, set.Fence, nil)
	check(err)
	ann := chat.UserID{Tenant: "acme", Key: "1"}
	_, err = accounts.Create(ctx, ann, "ann", "correct horse battery")
	check(err)

	who, err := accounts.Password(ctx, "acme", "Ann", "correct horse battery")
	check(err)
	fmt.Println("Ann may send:", who.May(auth.ScopeSend))

	secret, token, err := accounts.Issue(ctx, storage.Token{User: who.User, Name: "Dashboard", Scopes: []string{auth.ScopeRead}})
	check(err)
	who, err = accounts.Token(ctx, secret)
	check(err)
	fmt.Println("Her dashboard may send:", who.May(auth.ScopeSend))

	check(set.Directory.RevokeToken(ctx, ann, token.ID, token.Created))
	_, err = accounts.Token(ctx, secret)
	fmt.Println(err)
	_, err = accounts.Password(ctx, "acme", "nobody", "guessed")
	fmt.Println(err)
	// Output:
	// Ann may send: true
	// Her dashboard may send: false
	// parlor: log in: unauthenticated
	// parlor: log in: unauthenticated
}

// A host checks passwords itself, and leaves tokens to Parlor. Whoever is given both offers
// both, and no SCRAM.
func Example_host() {
	ctx := context.Background()
	set := memory.New(nil).Set()
	accounts, err := auth.New(ctx, set.Directory, set.Fence, nil)
	check(err)
	people := map[string]string{"ann": "correct horse battery"} // LDAP, say
	ldap := auth.PasswordFunc(func(_ context.Context, tenant, login, password string) (auth.Identity, error) {
		if known, ok := people[login]; !ok || known != password {
			return auth.Identity{}, chat.ErrUnauthenticated
		}
		return auth.Person(chat.UserID{Tenant: tenant, Key: login}), nil
	})
	var given any = struct {
		auth.ByPassword
		auth.ByToken
	}{ldap, accounts}

	_, scram := given.(auth.BySCRAM)
	fmt.Println("SCRAM:", scram)
	if p, ok := given.(auth.ByPassword); ok {
		r := httptest.NewRequest("GET", "/rooms", nil)
		r.SetBasicAuth("ann", "correct horse battery")
		who, err := auth.Basic(p, "acme").Request(r)
		fmt.Println(who.User, err)
		r.SetBasicAuth("ann", "") // nobody asks LDAP about that
		_, err = auth.Basic(p, "acme").Request(r)
		fmt.Println(errors.Is(err, chat.ErrUnauthenticated))
	}
	// Output:
	// SCRAM: false
	// acme/ann <nil>
	// true
}

// Whoever has the code of an invitation makes an account of his own.
func ExampleAccounts_Register() {
	ctx := context.Background()
	set := memory.New(nil).Set()
	accounts, err := auth.New(ctx, set.Directory, set.Fence, nil)
	check(err)
	code, _, err := accounts.Invite(ctx, storage.Invitation{To: storage.Span{Tenant: "acme"}, Uses: 1})
	check(err)

	eve, _, err := accounts.Register(ctx, "acme", code, "eve", "correct horse battery")
	check(err)
	who, err := accounts.Password(ctx, "acme", "eve", "correct horse battery")
	check(err)
	fmt.Println(who.User == eve.User)
	_, _, err = accounts.Register(ctx, "acme", code, "mallory", "mallory's own")
	fmt.Println(err)
	// Output:
	// true
	// parlor: use invitation: uses: expired
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
