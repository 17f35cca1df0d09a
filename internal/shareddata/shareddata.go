// Package shareddata finds the real chats that tests and benchmarks run on. They
// lie beside the checkout, not in it, and everything works without them.
package shareddata

import (
	"os"
	"path/filepath"
	"testing"
)

// Find is the folder of the real chats, and whether it is there: PARLOR_SHARED if
// that is set, else the folder "shared" beside the repository.
func Find() (dir string, ok bool) {
	dir = os.Getenv("PARLOR_SHARED")
	if dir == "" {
		root, found := root()
		if !found {
			return "", false
		}
		dir = filepath.Join(filepath.Dir(root), "shared")
	}
	dir = filepath.Join(dir, "data")
	info, err := os.Stat(dir)
	return dir, err == nil && info.IsDir()
}

// root is the repository: the folder above with a go.mod.
func root() (string, bool) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return "", false
}

// Dir is that folder. A test or benchmark that needs it is skipped where it isn't
// there.
func Dir(t testing.TB) string {
	t.Helper()
	dir, ok := Find()
	if !ok {
		t.Skip("the shared data is not there: set PARLOR_SHARED, or put the folder shared beside the checkout")
	}
	return dir
}
