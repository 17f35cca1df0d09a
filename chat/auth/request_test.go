package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/auth"
	"github.com/parlor-chat/parlor/storage"
)

// said is a request with these Authorization headers.
func said(headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/rooms", nil)
	r.Header["Authorization"] = headers
	return r
}

func basic(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

func TestRequests(t *testing.T) {
	each(t, func(w *world) {
		w.create(ann, "ann", pencil)
		secret, _, err := w.Issue(w.Context(), storage.Token{User: ann, Scopes: []string{auth.ScopeRead}})
		w.ok(err)
		cookie := auth.RequestFunc(func(r *http.Request) (auth.Identity, error) {
			if c, err := r.Cookie("session"); err != nil || c.Value != "bob's" {
				return auth.Identity{}, chat.ErrUnauthenticated
			}
			return auth.Person(bob), nil
		})
		bearer, basicly := auth.Bearer(w), auth.Basic(w, "acme")
		all := auth.FirstOf(bearer, cookie, basicly)
		for _, header := range []string{"Bearer " + secret, "bearer " + secret, "BEARER   " + secret} {
			who, err := bearer.Request(said(header))
			w.lets(ann, who, err)
			if who.May(auth.ScopeSend) || !who.May(auth.ScopeRead) {
				w.Errorf("%q may %v", header, who.Scopes)
			}
			who, err = all.Request(said(header))
			w.lets(ann, who, err)
		}
		for _, header := range []string{basic("ann", pencil), "basic" + basic("ANN", pencil)[5:]} {
			who, err := basicly.Request(said(header))
			w.lets(ann, who, err)
			who, err = all.Request(said(header))
			w.lets(ann, who, err)
			who, err = auth.Basic(w, "evil").Request(said(header))
			w.refused("another tenant", who, err)
		}
		r := said()
		r.AddCookie(&http.Cookie{Name: "session", Value: "bob's"})
		who, err := all.Request(r)
		w.lets(bob, who, err)

		for _, header := range []string{"Bearer " + secret[1:], basic("ann", "wrong"), basic("eve", pencil), basic("", pencil)} {
			for what, way := range map[string]auth.ByRequest{"bearer": bearer, "basic": basicly, "all": all, "none": auth.FirstOf()} {
				who, err := way.Request(said(header))
				w.refused(what+" "+header, who, err)
			}
		}
		// It isn't in the address, which is logged.
		r = said()
		r.URL.RawQuery = "access_token=" + secret
		who, err = all.Request(r)
		w.refused("a token in the address", who, err)
	})
}

// everybody lets in everybody.
type everybody struct{}

func (everybody) Password(context.Context, string, string, string) (auth.Identity, error) {
	return auth.Person(ann), nil
}
func (everybody) Token(context.Context, string) (auth.Identity, error) { return auth.Person(ann), nil }

// Nobody is asked about a header that says nothing, or two things.
func TestMalformedHeaders(t *testing.T) {
	w := &world{T: t}
	way := auth.FirstOf(auth.Bearer(everybody{}), auth.Basic(everybody{}, "acme"))
	right := basic("ann", pencil)
	for _, header := range []string{"Bearer x", right} {
		who, err := way.Request(said(header))
		w.lets(ann, who, err)
	}
	for _, headers := range [][]string{nil, {""}, {" "}, {"Bearer"}, {"Bearer "}, {"Bearer  "}, {"x"}, {"Bearerx"}, {" Bearer x"}, {"Bearer x "},
		{"Bearer x\x00"}, {"Bearer x\x7f"}, {"Bearer\tx"}, {"Bearer x x"}, {"Bearer ä"}, {"Bearer x", "Bearer x"}, {"Bearer x", right},
		{right, "Bearer x"}, {right, right}, {"Token x"}, {"Basic"}, {"Basic " + right[7:]}, {right + " "}, {right[6:]},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("ann"))}, {"Basic " + base64.URLEncoding.EncodeToString([]byte("??>:"+pencil))}} {
		who, err := way.Request(said(headers...))
		w.refused(strings.Join(headers, "|"), who, err)
	}
}

// Whom one can't know now isn't asked of the next: he might be another there.
func TestFirstOfStops(t *testing.T) {
	w := &world{T: t}
	down := &chat.Error{Kind: chat.ErrUnavailable}
	fails := auth.RequestFunc(func(*http.Request) (auth.Identity, error) { return auth.Identity{}, down })
	lets := auth.RequestFunc(func(*http.Request) (auth.Identity, error) { return auth.Person(ann), nil })
	refuses := auth.RequestFunc(func(*http.Request) (auth.Identity, error) { return auth.Identity{}, chat.ErrUnauthenticated })
	if who, err := auth.FirstOf(refuses, fails, lets).Request(said()); !errors.Is(err, down) {
		t.Errorf("%+v with error %v", who, err)
	}
	who, err := auth.FirstOf(refuses, lets, fails).Request(said())
	w.lets(ann, who, err)
}

// Whatever is in the header, what is taken out of it is what it says.
func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"", "Bearer abc", "bearer  abc", "Bearer a b", "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b:c")),
		"Basic Og==", "Basic", "Basic !", "Bearer \xff", "Basic\x00Og==", "Bearer ====", "Negotiate abc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		var token, login, password string
		asked := 0
		bearer := auth.Bearer(auth.TokenFunc(func(_ context.Context, s string) (auth.Identity, error) {
			asked, token = asked+1, s
			return auth.Person(ann), nil
		}))
		basicly := auth.Basic(auth.PasswordFunc(func(_ context.Context, tenant, l, p string) (auth.Identity, error) {
			asked, login, password = asked+1, l, p
			return auth.Person(chat.UserID{Tenant: tenant, Key: "basic"}), nil
		}), "acme")
		who, err := auth.FirstOf(bearer, basicly).Request(said(header))
		scheme, rest, _ := strings.Cut(header, " ")
		switch {
		case err != nil:
			if !errors.Is(err, chat.ErrUnauthenticated) || asked != 0 {
				t.Errorf("%q: error %v, asked %d", header, err, asked)
			}
		case asked != 1:
			t.Errorf("%q: asked %d", header, asked)
		case who.User == ann:
			if !strings.EqualFold(scheme, "Bearer") || strings.TrimLeft(rest, " ") != token || token == "" || strings.ContainsAny(token, " \x00\r\n\t\x7f") {
				t.Errorf("%q is token %q", header, token)
			}
		default:
			if !strings.EqualFold(scheme, "Basic") || password == "" {
				t.Errorf("%q is %q, %q", header, login, password)
			}
			if b, err := base64.StdEncoding.DecodeString(rest); err != nil || string(b) != login+":"+password || strings.Contains(login, ":") {
				t.Errorf("%q is %q, %q", header, login, password)
			}
		}
	})
}
