// Package parlor is an embeddable library for team chat: rooms, one-to-one talk, a
// history that never loses a message, live sessions, and search over all of it.
//
// This package holds no code. The map of the others:
//
//	chat                 the words: events, messages, positions, errors, limits, Fold,
//	                     and the contract of a broker
//	chat/chattest        conformance of brokers
//	chat/auth            who somebody is: passwords, SCRAM, tokens, invitations, scopes
//	chat/scram           what is kept of a password
//	chat/hub             the engine: join, send, history, search, sessions
//	chat/hub/hubtest     nodes, faults and crashes in one process, for tests
//	storage              contracts: History (the archive), Directory (rooms, members, …),
//	                     Fence (leases and registers)
//	storage/storagetest  their conformance
//	search               contract: Index; analysis; what an expression means; highlights
//	search/query         the language in which people search
//	search/searchtest    its conformance
//	presence             contract: Registry, who is here now
//	presence/presencetest its conformance
//	drivers              Set, one driver of each contract
//	drivers/embedded     all contracts in one folder, in one line
//	drivers/memory       all contracts in memory: the reference
//	drivers/pebble       broker and archive in one folder
//	drivers/bleve        the index in a folder
//	drivers/sql          directory and fence in SQLite
//	drivers/journal      keeps what is sent on this node until the archive shows it
//	drivers/journal/disk a journal's folder
//	examples/quickstart  a first look
//	examples/archive     real chat logs: import, page, search, check
//
// Begin with chat/hub. Whoever writes a driver begins with docs/drivers.md.
package parlor
