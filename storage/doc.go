// Package storage holds the contracts of what Parlor stores: [History], the
// archive of events, and [Directory], the rooms, members, people, read marks, small
// values, accounts, tokens, invitations, and the ledger of what was erased or is held.
//
// No password and no secret is stored: of a password there are verifiers (package
// scram), of the secret of a token and the code of an invitation a hash ([NewSecret]).
//
// Drivers implement them (packages under drivers), package storagetest proves
// them. An optional capability of a driver is an interface of its own, reached
// through a function of this package ([Prune], [AccessTo]); callers don't assert
// types themselves, so that a decorator can forward with the same function.
//
// What holds for every method of every contract here: it may be called by many
// goroutines at once. With a context that is done before the call it returns the
// context's error and does nothing. After the driver was closed it returns
// [chat.ErrClosed]. Tenants never see each other's data, whatever their keys
// are. Values given and returned are shared and read only.
package storage
