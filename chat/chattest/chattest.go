// Package chattest proves a [chat.Broker]. A driver author runs all of it with one
// call from a test:
//
//	func TestBroker(t *testing.T) {
//		chattest.Broker(t, func(t testing.TB) *chattest.Site {
//			where := newPlace(t)
//			return &chattest.Site{Open: func(ctx context.Context) (chat.Broker, func() error, error) {
//				s, err := Open(ctx, where, nil)
//				if err != nil {
//					return nil, nil, err
//				}
//				return s.Broker(), s.Close, nil
//			}}
//		})
//	}
//
// Each case has a name and says, when it fails, why it exists.
package chattest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/suite"
)

// Site is one place where a broker keeps its state.
type Site struct {
	// Open opens the broker, as one node does. It is called again after the close
	// function, to see that everything is still there, and several times at once,
	// as several nodes would.
	Open func(ctx context.Context) (b chat.Broker, close func() error, err error)

	// Skew moves the broker's clock by d, forth or back. Leave it nil where that
	// can't be done; cases that need it are then skipped, loudly.
	Skew func(d time.Duration)

	// Lose has the broker lose the newest n events of each room, or with n below 0 its
	// whole memory. Leave it nil where that can't be done, or can't happen; cases that
	// need it are then skipped, loudly.
	Lose func(n int)
}

// Case is one thing that a broker must do.
type Case = suite.Case[*Site]

// BrokerCases are all cases.
func BrokerCases() []Case {
	return slices.Concat(publishCases, identityCases, timeCases, headCases, tipCases, deliveryCases, changedCases, lifeCases, loseCases)
}

// Broker runs all cases; at makes a fresh site for each.
func Broker(t *testing.T, at func(testing.TB) *Site) {
	t.Helper()
	suite.Run(t, BrokerCases(), at)
}
