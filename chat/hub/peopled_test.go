package hub_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// hostPeople is a host's own table of users.
type hostPeople []storage.User

func (p hostPeople) Users(_ context.Context, ids []chat.UserID) (found []storage.User, err error) {
	for _, id := range ids {
		for _, u := range p {
			if u.ID == id {
				found = append(found, u)
			}
		}
	}
	return found, nil
}

func (p hostPeople) NamedUsers(_ context.Context, tenant, prefix string, limit int) (found []storage.User, err error) {
	for _, u := range p {
		if u.ID.Tenant == tenant && strings.HasPrefix(chat.FoldName(u.Name), chat.FoldName(prefix)) && len(found) < limit {
			found = append(found, u)
		}
	}
	return found, nil
}

// A host's own names are what searches go by, and what lists and facets show.
func TestAHostsOwnUsers(t *testing.T) {
	k := newKit(t, &hub.Options{Users: hostPeople{{ID: user("ann"), Name: "Ann Lee"}, {ID: user("bob"), Name: "Bob"}}})
	said := k.say("ann", "soup")
	named, err := k.as("bob").Users(t.Context(), "bob", "eve", "ann")
	ok(t, err)
	if len(named) != 2 || named[0].Name != "Bob" || named[1].Name != "Ann Lee" {
		t.Errorf("%+v", named)
	}
	people, err := k.as("bob").People(t.Context(), "ann", 10)
	ok(t, err)
	if len(people) != 1 || people[0].ID != user("ann") {
		t.Errorf("%+v", people)
	}
	found, err := k.as("bob").Search(t.Context(), hub.Query{Text: `from:"Ann Lee"`, Limit: 1, Facets: []search.Facet{{Field: search.FieldAuthor, Size: 1}},
		AtLeast: chat.Position{Room: k.kitchen, Seq: said.Seq}})
	ok(t, err)
	if len(found.Hits) != 1 || found.Hits[0].ID != said.ID || found.Facets[0][0].Title != "Ann Lee" {
		t.Errorf("%+v", found)
	}
	fails(t, k.Admin().PutUser(t.Context(), storage.User{ID: user("ann"), Name: "Anna"}), errors.ErrUnsupported, "users")
}
