package main

import (
	"context"
	"embed"
	"html/template"
	"net/http"
	"slices"
)

var (
	//go:embed page/*.html
	templates embed.FS
	pages     = template.Must(template.ParseFS(templates, "page/*.html"))
	//go:embed page/*.js page/*.css
	files embed.FS
)

// maxForm is the bytes of a form at most.
const maxForm = 4 << 10

// routes are the pages of the product. changed is told of somebody whose projects have changed.
func (p *product) routes(mux *http.ServeMux, changed func(ctx context.Context, key string) error) {
	mux.Handle("GET /page/", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /projects/{project}", p.show)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if key := form(w, r, "person"); p.name(key) != "" { // a real product asks for a password
			p.logIn(w, r, key)
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		p.logOut(r)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /projects/{project}/team", func(w http.ResponseWriter, r *http.Request) {
		project, key := r.PathValue("project"), form(w, r, "person")
		if !p.setTeam(p.session(r), project, key, form(w, r, "on") != "") {
			http.NotFound(w, r)
			return
		}
		if err := changed(r.Context(), key); err != nil { // done, but not on all nodes: do it again
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/projects/"+project, http.StatusSeeOther)
	})
}

// form is a field of a form.
func form(w http.ResponseWriter, r *http.Request, field string) string {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.PostFormValue(field)
}

// home shows somebody his projects, and a stranger how to log in.
func (p *product) home(w http.ResponseWriter, r *http.Request) {
	key := p.session(r)
	p.page(w, "home.html", map[string]any{"Me": p.name(key), "People": p.people, "Projects": p.projectsOf(key)})
}

// show shows a project to those who work on it.
func (p *product) show(w http.ResponseWriter, r *http.Request) {
	key := p.session(r)
	his := p.projectsOf(key)
	i := slices.IndexFunc(his, func(j project) bool { return j.Key == r.PathValue("project") })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	type worker struct {
		person
		On bool
	}
	var team []worker
	for _, q := range p.people {
		team = append(team, worker{q, slices.Contains(his[i].team, q.Key)})
	}
	p.page(w, "project.html", map[string]any{"Me": p.name(key), "Project": his[i], "Team": team})
}

func (p *product) page(w http.ResponseWriter, name string, what any) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Cache-Control", "no-store")
	_ = pages.ExecuteTemplate(w, name, what) // else who asked is gone
}
