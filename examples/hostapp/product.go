package main

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
)

// company is the only customer of the product: the tenant.
const company = "acme"

// product is what there was before there was chat. A real one has a database.
type product struct {
	mu       sync.Mutex
	people   []person // in order of their keys, as are projects
	projects []project
	sessions map[string]string // the key of who has which cookie
}

type person struct{ Key, Name string }

type project struct {
	Key, Title string
	team       []string // the keys of those who work on it
}

func newProduct() *product {
	return &product{
		people: []person{{"1", "Ann"}, {"2", "Bob"}, {"3", "Eve"}},
		projects: []project{
			{"bridge", "The new bridge", []string{"1", "2", "3"}},
			{"tower", "The old tower", []string{"1", "2"}},
		},
		sessions: map[string]string{},
	}
}

// name is what somebody is called.
func (p *product) name(key string) string {
	if i := slices.IndexFunc(p.people, func(q person) bool { return q.Key == key }); i >= 0 {
		return p.people[i].Name
	}
	return ""
}

// projectsOf are the projects that somebody works on.
func (p *product) projectsOf(key string) (his []project) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.projects {
		if slices.Contains(j.team, key) {
			j.team = slices.Clone(j.team)
			his = append(his, j)
		}
	}
	return his
}

// setTeam puts somebody on a project, or takes him off it. It reports whether who asks works on
// it himself.
func (p *product) setTeam(asks, key, who string, on bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.projects, func(j project) bool { return j.Key == key && slices.Contains(j.team, asks) })
	if i < 0 || p.name(who) == "" {
		return false
	}
	team := slices.DeleteFunc(slices.Clone(p.projects[i].team), func(k string) bool { return k == who })
	if on {
		team = append(team, who)
	}
	slices.Sort(team)
	p.projects[i].team = team
	return true
}

const cookie = "session"

// logIn gives somebody a session.
func (p *product) logIn(w http.ResponseWriter, r *http.Request, key string) {
	secret := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[secret] = key
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: secret, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
}

// logOut ends the session of a request.
func (p *product) logOut(r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, err := r.Cookie(cookie); err == nil {
		delete(p.sessions, c.Value)
	}
}

// session is the key of who makes a request; empty: nobody knows.
func (p *product) session(r *http.Request) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[c.Value]
}
