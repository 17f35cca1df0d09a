package memory_test

import (
	"context"
	"testing"

	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/presence/presencetest"
)

func registrySite(testing.TB) *presencetest.Site {
	place := memory.New(nil)
	return &presencetest.Site{Open: func(context.Context) (presence.Registry, func() error, error) {
		s := place.Reopen()
		return s.Registry(), s.Close, nil
	}}
}

func TestRegistry(t *testing.T) { presencetest.Registry(t, registrySite) }
