package bleve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// stateFile holds, of one generation, what was true when the log was cut: the rooms and
// their watermarks, and which months there are. What came later is in the log. Its last
// four bytes are the CRC-32C of all before.
const (
	stateFile = "STATE"
	stateHead = "parlor-bleve-state\n"
)

// mapping says how documents are kept. An index of another mapping is made anew.
const mapping = 1

// state is what the file holds.
type state struct {
	mapping uint64
	period  Period
	upTo    uint64 // the last record that isn't needed any more
	months  []monthState
	rooms   []*room // by number; nil: forgotten
}

type monthState struct {
	name, dir string
	lsn       uint64 // the last record of which all was on the disk, or a later one
}

func (s *state) append(b []byte) []byte {
	begin := len(b)
	b = append(b, stateHead...)
	b = binary.AppendUvarint(b, s.mapping)
	b = binary.AppendUvarint(b, uint64(s.period))
	b = binary.AppendUvarint(b, s.upTo)
	b = binary.AppendUvarint(b, uint64(len(s.months)))
	for _, m := range s.months {
		b = binary.AppendUvarint(appendString(appendString(b, m.name), m.dir), m.lsn)
	}
	b = binary.AppendUvarint(b, uint64(len(s.rooms)))
	for _, r := range s.rooms {
		if r == nil {
			b = appendString(b, "")
			continue
		}
		b = appendString(appendString(b, r.id.Tenant), r.id.Key)
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(r.mark)), uint64(r.high))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli))
}

var errBadState = errors.New("its checksum is another")

func parseState(b []byte) (*state, error) {
	if len(b) < len(stateHead)+4 || string(b[:len(stateHead)]) != stateHead {
		return nil, errBadState
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return nil, errBadState
	}
	c := &cutter{rest: string(body[len(stateHead):])}
	s := &state{mapping: c.uint()}
	if s.mapping != mapping {
		return s, nil // the rest may be anything
	}
	s.period, s.upTo = Period(c.uint()), c.uint()
	for range c.count() {
		m := monthState{name: c.string(), dir: c.string(), lsn: c.uint()}
		if m.dir == "" || strings.ContainsAny(m.dir, `/\`) {
			c.fail()
		}
		s.months = append(s.months, m)
	}
	for n := range c.count() {
		id := chat.RoomID{Tenant: c.string()}
		if id.Tenant == "" {
			s.rooms = append(s.rooms, nil)
			continue
		}
		id.Key = c.string()
		s.rooms = append(s.rooms, &room{id: id, number: uint32(n), mark: c.seq(), high: c.seq()})
	}
	if c.bad || c.rest != "" {
		return nil, errBadState
	}
	return s, nil
}

// replace puts a file in the place of one that is there, if any: after a crash it is one or
// the other.
func (d disk) replace(name string, b []byte) error {
	tmp := name + ".new"
	f, err := d.open(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, name); err != nil {
		return err
	}
	return d.sync(filepath.Dir(name))
}

// sealFile describes, while a generation is closed that was closed in order, the files that
// have no checksum of their own: those in which Bleve says what a month consists of.
const (
	sealFile = "SEAL"
	rootFile = "root.bolt"
)

// sums describes the root files of months, in their order, in one line each.
func sums(dir string, months []string) (string, error) {
	var b strings.Builder
	for _, m := range months {
		n, sum, err := fileSum(filepath.Join(dir, m, rootFile))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %d %08x\n", m, n, sum)
	}
	return b.String() + ".\n", nil
}

func fileSum(name string) (size int64, sum uint32, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h := crc32.New(castagnoli)
	size, err = io.Copy(h, f)
	return size, h.Sum32(), err
}

// seal seals what was closed in order.
func (d disk) seal(dir string, months []string) error {
	slices.Sort(months)
	for _, m := range months {
		if err := d.sync(filepath.Join(dir, m)); err != nil { // Bleve doesn't
			return err
		}
	}
	all, err := sums(dir, months)
	if err != nil {
		return err
	}
	return d.replace(filepath.Join(dir, sealFile), []byte(all))
}

// sealed says whether a generation has a seal, and compares it with that.
func sealed(dir string, months []string) (bool, error) {
	was, err := os.ReadFile(filepath.Join(dir, sealFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	slices.Sort(months)
	is, err := sums(dir, months)
	if err != nil {
		return false, err
	}
	if is == string(was) {
		return true, nil
	}
	a, b := strings.Split(is, "\n"), strings.Split(string(was), "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			name, _, _ := strings.Cut(a[i], " ")
			return true, damaged(filepath.Join(name, rootFile), errors.New("it isn't what was sealed"))
		}
	}
	return true, damaged(sealFile, errors.New("it seals something else"))
}

// unseal breaks the seal, so that a crash leaves none.
func (d disk) unseal(dir string) error {
	err := os.Remove(filepath.Join(dir, sealFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.sync(dir)
}
