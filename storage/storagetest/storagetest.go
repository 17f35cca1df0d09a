// Package storagetest proves a [storage.History], a [storage.Directory] and a
// [storage.Fence]. A driver author runs each with one call from a test:
//
//	func TestHistory(t *testing.T) {
//		storagetest.History(t, func(t testing.TB) *storagetest.HistorySite {
//			where := newPlace(t)
//			return &storagetest.HistorySite{Open: func(ctx context.Context) (storage.History, func() error, error) {
//				s, err := Open(ctx, where, nil)
//				if err != nil {
//					return nil, nil, err
//				}
//				return s.History(), s.Close, nil
//			}}
//		})
//	}
//
// Each case has a name and says, when it fails, why it exists.
package storagetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/internal/suite"
	"github.com/parlor-chat/parlor/storage"
)

// HistorySite is one place where an archive lies.
type HistorySite struct {
	// Open opens the archive. It is called again after the close function, to see
	// that everything is still there, and twice at once, as two nodes would.
	Open func(ctx context.Context) (h storage.History, close func() error, err error)

	// Without names the optional capabilities that the driver lacks: "Pruner". The
	// suite proves both, that they work and that they are really unsupported.
	Without []string
}

// HistoryCase is one thing that an archive must do.
type HistoryCase = suite.Case[*HistorySite]

// HistoryCases are all cases of an archive.
func HistoryCases() []HistoryCase {
	return slices.Concat(appendCases, pageCases, lookupCases, scanCases, roomListCases, eraseCases, pruneCases, historyLifeCases)
}

// History runs all cases of an archive; at makes a fresh site for each.
func History(t *testing.T, at func(testing.TB) *HistorySite) {
	t.Helper()
	suite.Run(t, HistoryCases(), at)
}

// DirectorySite is one place where a directory lies.
type DirectorySite struct {
	// Open opens the directory, again and twice at once as for an archive.
	Open func(ctx context.Context) (d storage.Directory, close func() error, err error)
}

// DirectoryCase is one thing that a directory must do.
type DirectoryCase = suite.Case[*DirectorySite]

// DirectoryCases are all cases of a directory.
func DirectoryCases() []DirectoryCase {
	return slices.Concat(roomCases, memberCases, accessCases, userCases, markCases, valueCases,
		accountCases, tokenCases, invitationCases, ledgerCases, directoryLifeCases)
}

// Directory runs all cases of a directory; at makes a fresh site for each.
func Directory(t *testing.T, at func(testing.TB) *DirectorySite) {
	t.Helper()
	suite.Run(t, DirectoryCases(), at)
}

// FenceSite is one place where a fence lies.
type FenceSite struct {
	// Open opens the fence, again and twice at once as for an archive.
	Open func(ctx context.Context) (f storage.Fence, close func() error, err error)
}

// FenceCase is one thing that a fence must do.
type FenceCase = suite.Case[*FenceSite]

// FenceCases are all cases of a fence.
func FenceCases() []FenceCase { return slices.Concat(leaseCases, registerCases, fenceLifeCases) }

// Fence runs all cases of a fence; at makes a fresh site for each.
func Fence(t *testing.T, at func(testing.TB) *FenceSite) {
	t.Helper()
	suite.Run(t, FenceCases(), at)
}

func want[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return nil
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
