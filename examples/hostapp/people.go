package main

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/storage"
)

// user is somebody as Parlor names him.
func user(key string) chat.UserID { return chat.UserID{Tenant: company, Key: key} }

// Request says who makes a request: whoever has the session. With it the product is an
// [auth.ByRequest].
func (p *product) Request(r *http.Request) (auth.Identity, error) {
	key := p.session(r)
	if key == "" {
		return auth.Identity{}, chat.ErrUnauthenticated
	}
	return auth.Person(user(key)), nil
}

// Access says what somebody may see: his projects are his rooms. With it the product is a
// [storage.Access].
func (p *product) Access(_ context.Context, u chat.UserID) ([]storage.Member, error) {
	var rooms []storage.Member
	for _, j := range p.projectsOf(u.Key) {
		rooms = append(rooms, storage.Member{Room: chat.RoomID{Tenant: u.Tenant, Key: j.Key}, User: u, Role: chat.RoleMember, From: 1})
	}
	return rooms, nil
}

// Users says what people are called, and NamedUsers who is called so: they complete names, and
// searches go by them (from:ann). With them the product is a [storage.People].
func (p *product) Users(_ context.Context, ids []chat.UserID) ([]storage.User, error) {
	var known []storage.User
	for _, id := range ids {
		if name := p.name(id.Key); name != "" {
			known = append(known, storage.User{ID: id, Name: name})
		}
	}
	return known, nil
}

// NamedUsers lists those whose names begin with prefix: see Users.
func (p *product) NamedUsers(_ context.Context, tenant, prefix string, limit int) ([]storage.User, error) {
	var found []storage.User
	for _, q := range p.people {
		if strings.HasPrefix(chat.FoldName(q.Name), chat.FoldName(prefix)) {
			found = append(found, storage.User{ID: chat.UserID{Tenant: tenant, Key: q.Key}, Name: q.Name})
		}
	}
	slices.SortStableFunc(found, func(a, b storage.User) int { return cmp.Compare(chat.FoldName(a.Name), chat.FoldName(b.Name)) })
	return found[:min(len(found), limit)], nil
}

var (
	_ auth.ByRequest = (*product)(nil)
	_ storage.Access = (*product)(nil)
	_ storage.People = (*product)(nil)
)
