package memory

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"github.com/parlor-chat/parlor/chat"
)

// name is what somebody is found by.
type name struct {
	folded string
	user   chat.UserID
}

func compareNames(a, b name) int {
	return cmp.Or(cmp.Compare(a.user.Tenant, b.user.Tenant), cmp.Compare(a.folded, b.folded), cmp.Compare(a.user.Key, b.user.Key))
}

// names are in order of tenant, folded name and key, in blocks of at most blockNames:
// what is added or removed moves the rest of its block, not all that is behind it.
type names struct{ blocks [][]name }

const blockNames = 512

// block is the block where n belongs: the last that doesn't begin behind it.
func (l *names) block(n name) int {
	behind := sort.Search(len(l.blocks), func(i int) bool { return compareNames(l.blocks[i][0], n) > 0 })
	return max(behind-1, 0)
}

// add adds a name that isn't there.
func (l *names) add(n name) {
	if len(l.blocks) == 0 {
		l.blocks = [][]name{{n}}
		return
	}
	i := l.block(n)
	at, _ := slices.BinarySearchFunc(l.blocks[i], n, compareNames)
	b := slices.Insert(l.blocks[i], at, n)
	l.blocks[i] = b
	if half := len(b) / 2; len(b) > blockNames {
		l.blocks[i] = b[:half:half]
		l.blocks = slices.Insert(l.blocks, i+1, slices.Clone(b[half:]))
	}
}

// remove removes a name that is there.
func (l *names) remove(n name) {
	i := l.block(n)
	at, _ := slices.BinarySearchFunc(l.blocks[i], n, compareNames)
	l.blocks[i] = slices.Delete(l.blocks[i], at, at+1)
	if len(l.blocks[i]) == 0 {
		l.blocks = slices.Delete(l.blocks, i, i+1)
	}
}

// from are the names from n on, in order.
func (l *names) from(n name) iter.Seq[name] {
	return func(yield func(name) bool) {
		for i := l.block(n); i < len(l.blocks); i++ {
			at, _ := slices.BinarySearchFunc(l.blocks[i], n, compareNames)
			for _, next := range l.blocks[i][at:] {
				if !yield(next) {
					return
				}
			}
		}
	}
}
