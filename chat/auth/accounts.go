package auth

import (
	"context"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/scram"
	"github.com/parlor-chat/parlor/storage"
)

// Directory is what an [Accounts] needs of a [storage.Directory].
type Directory interface {
	storage.Accounts
	storage.Tokens
	storage.Invitations
}

// Options changes what [New] makes. Nil options, and the zero value of each field, mean the
// default.
type Options struct {
	// Iterations of the verifiers of passwords; [scram.DefaultIterations] by default. All
	// who share a directory say the same.
	Iterations int
	// Now is the clock by which tokens and invitations end; time.Now by default.
	Now func() time.Time
}

// Accounts knows people by the accounts of a directory, and programs by its tokens. It
// implements [ByPassword], [BySCRAM] and [ByToken].
type Accounts struct {
	dir        Directory
	iterations int
	now        func() time.Time
	// fake answers for those who have no verifier. It is a function so that its key is
	// nowhere in what an Accounts is printed as.
	fake func(tenant, login string, m scram.Mechanism) (scram.Verifier, error)
}

// New makes an Accounts. The fence keeps a key that all who share it use, made by the first:
// by it answers for log-ins that aren't there stay the same, on all nodes. Iterations that no
// verifier can have are ErrInvalid or ErrTooLarge with field "iterations".
func New(ctx context.Context, dir Directory, fence storage.Fence, o *Options) (*Accounts, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	if opt.Iterations == 0 {
		opt.Iterations = scram.DefaultIterations
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	key, err := storage.SharedKey(ctx, fence, "auth")
	if err != nil {
		return nil, err
	}
	fake := func(tenant, login string, m scram.Mechanism) (scram.Verifier, error) {
		if folded, err := chat.LoginKey(login); err == nil {
			login = folded // all spellings have one answer, as those of an account have
		}
		return scram.Fake(m, key, tenant+" "+login, opt.Iterations)
	}
	if _, err := fake("", "", mechanisms[0]); err != nil {
		return nil, err
	}
	return &Accounts{dir: dir, iterations: opt.Iterations, now: opt.Now, fake: fake}, nil
}

// Password implements [ByPassword]. Where the account's verifiers aren't as they are made
// now, with other iterations or without one of the mechanisms, they are made anew.
func (a *Accounts) Password(ctx context.Context, tenant, login, password string) (Identity, error) {
	fake, err := a.fake(tenant, login, mechanisms[0])
	if err != nil {
		return Identity{}, err
	}
	c, err := a.credentials(ctx, tenant, login)
	if err != nil {
		return Identity{}, err
	}
	if len(c.Verifiers) == 0 {
		c.Verifiers = []scram.Verifier{fake}
	}
	if err := verify(c, password); err != nil {
		return Identity{}, err
	}
	if !a.current(c) {
		if c.Verifiers, err = a.verifiers(password); err == nil {
			a.dir.PutCredentials(ctx, c) // or the next time; whoever changed it meanwhile is right
		}
	}
	return Person(c.User), nil
}

// SCRAM implements [BySCRAM].
func (a *Accounts) SCRAM(ctx context.Context, tenant, login string, m scram.Mechanism) (scram.Verifier, Identity, error) {
	fake, err := a.fake(tenant, login, m)
	if err != nil {
		return scram.Verifier{}, Identity{}, err
	}
	c, err := a.credentials(ctx, tenant, login)
	if err != nil {
		return scram.Verifier{}, Identity{}, err
	}
	for _, v := range c.Verifiers {
		if v.Mechanism == m {
			return v, Person(c.User), nil
		}
	}
	return fake, Identity{}, nil
}

// Token implements [ByToken]. It notes that the token was used, to within
// [storage.TokenGrain].
func (a *Accounts) Token(ctx context.Context, token string) (Identity, error) {
	secret, err := storage.HashSecret(token)
	if err != nil {
		return Identity{}, refused()
	}
	now := a.now()
	t, err := a.dir.Token(ctx, secret, now)
	switch {
	case isAny(err, chat.ErrNotFound, chat.ErrForbidden, chat.ErrExpired):
		return Identity{}, refused()
	case err != nil:
		return Identity{}, err
	}
	if now.Sub(t.Used) >= storage.TokenGrain {
		a.dir.TokenUsed(ctx, t.User, t.ID, now) // or the next time: nobody is kept out by a note
	}
	return Identity{User: t.User, Scopes: t.Scopes, Token: t.ID, Expires: t.Expires}, nil
}

// credentials are those of a log-in, without verifiers where nobody is let in by it. Whether
// there is such an account takes the same questions.
func (a *Accounts) credentials(ctx context.Context, tenant, login string) (storage.Credentials, error) {
	nobody := func(err error) bool { return isAny(err, chat.ErrNotFound, chat.ErrInvalid, chat.ErrTooLarge) }
	account, err := a.dir.AccountAt(ctx, tenant, login)
	if err != nil && !nobody(err) {
		return storage.Credentials{}, err
	}
	c, err := a.dir.Credentials(ctx, account.User)
	if err != nil && !nobody(err) {
		return storage.Credentials{}, err
	}
	return c, nil
}

// mechanisms are those that verifiers are made of. The first is what passwords are checked
// by: it takes the least time of a server.
var mechanisms = []scram.Mechanism{scram.SHA256, scram.SHA1}

// verifiers makes what is kept of a password.
func (a *Accounts) verifiers(password string) ([]scram.Verifier, error) {
	var all []scram.Verifier
	for _, m := range mechanisms {
		v, err := scram.New(m, password, a.iterations)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// current says whether credentials are as they are made now.
func (a *Accounts) current(c storage.Credentials) bool {
	return slices.EqualFunc(c.Verifiers, mechanisms, func(v scram.Verifier, m scram.Mechanism) bool {
		return v.Mechanism == m && v.Iterations == a.iterations
	})
}

// verify says whether a password fits credentials.
func verify(c storage.Credentials, password string) error {
	if len(c.Verifiers) == 0 {
		return refused()
	}
	err := c.Verifiers[0].Verify(password)
	if isAny(err, chat.ErrUnauthenticated) {
		return refused()
	}
	return err
}
