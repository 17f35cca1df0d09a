package auth

import (
	"net/http"
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// Bearer knows who makes a request by a token in its Authorization header (RFC 6750, section
// 2.1).
func Bearer(t ByToken) ByRequest {
	return RequestFunc(func(r *http.Request) (Identity, error) {
		token, ok := authorization(r, "Bearer")
		if !ok {
			return Identity{}, refused()
		}
		return t.Token(r.Context(), token)
	})
}

// Basic knows who makes a request by a log-in at a tenant and a password in its Authorization
// header (RFC 7617). Each request then costs a password check: it is for people who try things
// out; programs have tokens. Only over TLS.
func Basic(p ByPassword, tenant string) ByRequest {
	return RequestFunc(func(r *http.Request) (Identity, error) {
		if _, ok := authorization(r, "Basic"); !ok {
			return Identity{}, refused()
		}
		login, password, ok := r.BasicAuth()
		if !ok {
			return Identity{}, refused()
		}
		return p.Password(r.Context(), tenant, login, password)
	})
}

// FirstOf asks one after the other until one lets the request in, or can't know.
func FirstOf(ways ...ByRequest) ByRequest {
	return RequestFunc(func(r *http.Request) (Identity, error) {
		for _, w := range ways {
			if who, err := w.Request(r); !isAny(err, chat.ErrUnauthenticated) {
				return who, err
			}
		}
		return Identity{}, refused()
	})
}

// authorization is what a request's one Authorization header says in a scheme (RFC 9110,
// section 11.4): visible ASCII, not nothing. A request that has two could mean one to us and
// the other to whoever passed it on.
func authorization(r *http.Request, scheme string) (string, bool) {
	all := r.Header["Authorization"]
	if len(all) != 1 {
		return "", false
	}
	is, rest, _ := strings.Cut(all[0], " ")
	rest = strings.TrimLeft(rest, " ")
	invisible := func(c rune) bool { return c < '!' || c > '~' }
	return rest, strings.EqualFold(is, scheme) && rest != "" && !strings.ContainsFunc(rest, invisible)
}
