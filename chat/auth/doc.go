// Package auth is how a host says who somebody is, and what he may do as that.
//
// A front (XMPP, HTTP) is given a value that knows people, and offers the ways of logging in
// that the value implements:
//
//	ByPassword  a log-in and a password
//	BySCRAM     an exchange in which the password doesn't travel (RFC 5802)
//	ByToken     the token of a program
//	ByRequest   an HTTP request, by whatever is in it
//
// Each is an interface of one method, which many may call at once. It answers with an
// [Identity]. An error of the kind [chat.ErrUnauthenticated] says that nobody is let in, and a
// front tells a stranger no more than that; any other says that it can't be known now.
//
// # People whom Parlor knows
//
// [Accounts] implements the first three over what a directory holds:
//
//	accounts, err := auth.New(ctx, set.Directory, set.Fence, nil)
//	ann := chat.UserID{Tenant: "acme", Key: "1"}
//	_, err = accounts.Create(ctx, ann, "ann", "correct horse battery")
//	who, err := accounts.Password(ctx, "acme", "Ann", typed)
//	room := h.As(who.User).Room("kitchen")
//
// It makes what has a secret in it: accounts with their passwords, tokens
// ([Accounts.Issue]), invitations ([Accounts.Invite]), and accounts of those who were invited
// ([Accounts.Register]). All else is a call of the directory: to list tokens and revoke one
// (Tokens, RevokeToken), to give somebody another log-in or send him away (PutAccount with
// Login or Deactivated set; a deactivated account and its tokens let nobody in).
//
// Logging in is asked once, at the beginning. The hub ends the sessions of whose account is
// deactivated (hub.Admin.Deactivate, or PutAccount). Whose token ends stays in the sessions that
// he has until somebody ends them.
//
// # People whom the host knows
//
// A host brings its own, by a method or by a function:
//
//	ldap := auth.PasswordFunc(func(ctx context.Context, tenant, login, password string) (auth.Identity, error) {
//		entry, err := bind(ctx, login, password)
//		if err != nil {
//			return auth.Identity{}, err // chat.ErrUnauthenticated, if the password is wrong
//		}
//		return auth.Person(chat.UserID{Tenant: tenant, Key: entry.UUID}), nil
//	})
//
// The user's key is what stays when somebody's log-in changes. It must be the same for all
// spellings of the log-in that are let in.
//
// Ways from several places are put together by embedding. This offers passwords that LDAP
// checks, and tokens that Parlor keeps, but no SCRAM, for LDAP gives no verifiers:
//
//	struct {
//		auth.ByPassword
//		auth.ByToken
//	}{ldap, accounts}
//
// A token needs an account, if only one without log-in and password.
//
// For HTTP, [Bearer] and [Basic] make a [ByRequest] of the others, a [RequestFunc] is a host's
// own (a cookie), and [FirstOf] asks several.
//
// # What nobody learns
//
// Whoever isn't let in gets one error, whatever the reason: no such log-in, the wrong
// password, a deactivated account, a token that has ended. For a log-in that isn't there an
// Accounts does the same work as for one that is, and answers an exchange of SCRAM by a
// verifier that nothing fits, each time the same. Two things it can't hide. An account whose
// verifiers aren't as it makes them is told by their iterations, which every client gets; a
// log-in by password makes them anew. And a row that is there takes a directory some
// microseconds longer than none, which shows to whoever may ask many thousand times.
//
// Passwords, secrets and codes are in no error, and in nothing that is printed or logged.
//
// A password check takes some ten milliseconds of a core, on purpose. How often somebody may
// try is up to who asks.
//
// # Scopes
//
// Permission is the hub's: it says what a user may do in a room. Scopes narrow that, and never
// widen it: a program may do what its owner may, and only if [Identity.May] says so of its
// token, too. [Scopes] has them all, with what they mean.
package auth
