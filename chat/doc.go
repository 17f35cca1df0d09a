// Package chat holds the words that everything in Parlor speaks: rooms and
// users, events and messages, positions and receipts, errors, limits, and the
// contract of a broker.
//
// # A room is a log
//
// Whatever lasts in a room is an [Event]: a text, an edit, a retraction, a
// reaction, a topic, a member who came or left. A room's events have one
// order. Each has a [Seq], dense from 1, so that a reader who holds 7 and 9
// knows that he misses 8. Texts are also counted by themselves (TextSeq), so
// that a page which shows only texts can be proven complete, and unread
// messages counted by subtraction. Time orders nothing within a room; it only
// never falls.
//
// Once placed, an event never changes. A text is changed by a later event whose
// Target is the text's [EventID]; [Fold] applies all of them and gives the
// [Message] that people see. It is one pure function, so every reader sees the
// same.
//
// A [Position] (a room and a Seq) is the one way to point into a room: live
// streams, history, search hits and read marks all use it.
//
// # Who makes what
//
// A sender makes an event's Room, Sender, Content and perhaps a client id; from
// these follows its ID ([DeriveID]), so that a retry has one identity on every
// node. A [Broker] places it: it gives Seq, TextSeq and At in one atomic step,
// once by ID. A history (package storage) archives what was placed. Nobody
// else writes any of these fields.
//
// Events are shared by everybody who reads them: treat what you are given as
// read only, and don't change what you have handed over.
package chat
