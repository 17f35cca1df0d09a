// Package house holds the rules of the house: who may import whom, what a small
// program links, and that everything public is explained.
package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parlor-chat/parlor"

// pkg is what go list says of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Standard     bool
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// inside is a path within the module, "." for its root.
func inside(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// arrows say what each part of the house may import of the others. "x/..." is x and
// all below it.
var arrows = []struct {
	from string
	may  []string
	why  string
}{
	{".", nil, "the root is a map, no code"},
	{"chat", nil, "the words know nobody"},
	{"chat/scram", []string{"chat"}, "what is kept of a password knows the errors and limits"},
	{"storage", []string{"chat", "chat/scram"}, "a contract knows the words, and what is kept of a password"},
	{"search", []string{"chat", "storage"}, "a contract knows the words, and a span"},
	{"search/query", []string{"chat", "search"}, "a language knows what it is compiled to"},
	{"presence", []string{"chat"}, "a contract knows the words"},
	{"drivers", []string{"chat", "storage", "search", "presence"}, "the set names the contracts, and links no driver"},
	{"drivers/memory", []string{"chat", "storage", "search", "presence", "drivers", "internal/inverted"}, "an index is large enough for a place of its own"},
	{"drivers/journal/disk", []string{"chat", "drivers/journal", "internal/pebbledb"}, "a disk is under a journal"},
	{"drivers/pebble", []string{"chat", "storage", "internal/pebbledb"}, "what a driver on Pebble has in common with others is in one place"},
	{"drivers/embedded", []string{"chat", "storage", "drivers", "drivers/bleve", "drivers/memory", "drivers/pebble", "drivers/sql"}, "it puts drivers together"},
	{"drivers/...", []string{"chat", "chat/scram", "storage", "search", "presence", "drivers"}, "drivers never know the hub"},
	{"chat/hub", []string{"chat", "storage", "search", "search/query", "presence", "drivers"}, "the hub never knows a driver"},
	{"chat/auth", []string{"chat", "chat/scram", "storage"}, "who somebody is, is known before there is a hub"},
	{"chat/hub/hubtest", []string{"chat", "chat/hub", "storage", "search", "presence", "drivers", "drivers/memory", "drivers/journal"}, "a test kit brings what it needs"},
	{"chat/chattest", []string{"chat", "internal/suite"}, "a suite knows its contract"},
	{"storage/storagetest", []string{"chat", "chat/scram", "storage", "internal/suite"}, "a suite knows its contract"},
	{"search/searchtest", []string{"chat", "storage", "search", "internal/suite"}, "a suite knows its contract"},
	{"presence/presencetest", []string{"chat", "presence", "internal/suite"}, "a suite knows its contract"},
	{"examples/...", []string{"chat", "chat/auth", "chat/hub", "storage", "search", "search/query", "presence", "drivers/...", "internal/shareddata"}, "an example uses what everybody may"},
	{"internal/suite", nil, "it runs cases of anything"},
	{"internal/shareddata", nil, "it finds a folder"},
	{"internal/pebbledb", []string{"chat"}, "it is behind drivers, and speaks their errors"},
	{"internal/realchats", []string{"chat", "search", "internal/shareddata"}, "benchmarks of indexes share what they read"},
	{"internal/inverted", []string{"chat", "storage", "search"}, "it is behind the contract of an index"},
	{"internal/...", []string{"internal/..."}, "tools of the house"},
}

func matches(pattern, path string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == root || strings.HasPrefix(path, root+"/")
	}
	return path == pattern
}

func TestArrows(t *testing.T) {
	for _, p := range list(t, "./...") {
		from, _ := inside(p.ImportPath)
		i := slices.IndexFunc(arrows, func(a struct {
			from string
			may  []string
			why  string
		}) bool {
			return matches(a.from, from)
		})
		if i < 0 {
			t.Errorf("%s has no rule", from)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := inside(imported)
			if ours && !slices.ContainsFunc(arrows[i].may, func(m string) bool { return matches(m, to) }) {
				t.Errorf("%s imports %s: %s", from, to, arrows[i].why)
			}
		}
	}
}

func TestOnlySuitesImportTesting(t *testing.T) {
	may := []string{"chat/chattest", "chat/hub/hubtest", "storage/storagetest", "search/searchtest", "presence/presencetest", "internal/suite", "internal/shareddata", "internal/realchats"}
	for _, p := range list(t, "./...") {
		path, _ := inside(p.ImportPath)
		if slices.Contains(p.Imports, "testing") && !slices.Contains(may, path) {
			t.Errorf("%s imports testing", path)
		}
	}
}

// linked is what a program may link that uses the core and the memory drivers.
var linked = []string{module, "golang.org/x/text", "github.com/rivo/uniseg"}

func TestWhatASmallProgramLinks(t *testing.T) {
	for _, p := range list(t, "-deps", "./chat", "./chat/auth", "./chat/scram", "./chat/hub", "./storage", "./search", "./search/query", "./presence", "./drivers", "./drivers/memory") {
		if p.Standard || slices.ContainsFunc(linked, func(m string) bool { return matches(m+"/...", p.ImportPath) }) {
			continue
		}
		t.Errorf("the core links %s", p.ImportPath)
	}
}

func TestEverythingPublicIsExplained(t *testing.T) {
	for _, p := range list(t, "./...") {
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, p.Dir+"/"+name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		if len(files) == 0 {
			continue
		}
		d, err := doc.NewFromFiles(fset, files, p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := inside(p.ImportPath)
		if d.Doc == "" {
			t.Errorf("package %s has no comment", path)
		}
		if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "examples/") {
			continue
		}
		undocumented(t, path, d)
	}
}

func undocumented(t *testing.T, path string, d *doc.Package) {
	t.Helper()
	missing := func(name, text string) {
		if text == "" && ast.IsExported(strings.Split(name, ".")[0]) {
			t.Errorf("%s: %s has no comment", path, name)
		}
	}
	for _, f := range d.Funcs {
		missing(f.Name, f.Doc)
	}
	for _, v := range slices.Concat(d.Consts, d.Vars) {
		if v.Doc != "" {
			continue
		}
		for _, spec := range v.Decl.Specs {
			s := spec.(*ast.ValueSpec)
			missing(s.Names[0].Name, s.Doc.Text()+s.Comment.Text())
		}
	}
	for _, ty := range d.Types {
		missing(ty.Name, ty.Doc)
		for _, f := range ty.Funcs {
			missing(f.Name, f.Doc)
		}
		for _, m := range ty.Methods {
			if m.Name != "Error" && m.Name != "String" { // what they do is known
				missing(m.Name, m.Doc)
			}
		}
	}
}

// Files that grow too long have more than one reason to exist.
func TestFilesAreShort(t *testing.T) {
	const most = 500
	for _, p := range list(t, "./...") {
		for _, name := range p.GoFiles {
			b, err := os.ReadFile(p.Dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(b), "\n"); n > most {
				t.Errorf("%s/%s has %d lines", p.ImportPath, name, n)
			}
		}
	}
}
