// Package drivers holds [Set]: one driver of each contract, which is what a hub is
// made of. It links no driver itself; those are the packages below this one.
package drivers

import (
	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/presence"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

// Set is one driver of each contract. One driver may fill several fields.
type Set struct {
	Broker    chat.Broker
	History   storage.History
	Directory storage.Directory
	Index     search.Index
	Fence     storage.Fence
	Registry  presence.Registry
}
