package storage

import "github.com/parlor-chat/parlor/chat"

// Check says whether a room may be stored.
func (r Room) Check(op string) error {
	if err := r.ID.Check(op); err != nil {
		return err
	}
	if err := chat.CheckName(op, "title", r.Title); err != nil {
		return err
	}
	if r.Address != "" {
		if _, err := chat.AddressKey(r.Address); err != nil {
			return err
		}
	}
	switch {
	case r.Kind < Public || r.Kind > Personal:
		return invalid(op, "kind")
	case len(r.Password) > chat.MaxPassword:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "password", Limit: chat.MaxPassword}
	case r.MaxOccupants < 0:
		return invalid(op, "maxOccupants")
	case r.HistoryFrom > FromJoin:
		return invalid(op, "historyFrom")
	case r.Version < 0:
		return invalid(op, "version")
	}
	return nil
}

// Check says whether a membership may be stored.
func (m Member) Check(op string) error {
	if err := m.Room.Check(op); err != nil {
		return err
	}
	if err := m.User.Check(op); err != nil {
		return err
	}
	if m.Nickname != "" {
		if _, err := chat.NicknameKey(m.Nickname); err != nil {
			return err
		}
	}
	switch {
	case m.User.Tenant != m.Room.Tenant:
		return invalid(op, "user.tenant")
	case !m.Role.Valid():
		return invalid(op, "role")
	case m.From < 0:
		return invalid(op, "from")
	case m.Since < 0:
		return invalid(op, "since")
	case m.Seq < 0:
		return invalid(op, "seq")
	}
	return nil
}

// Check says whether a person may be stored.
func (u User) Check(op string) error {
	if err := u.ID.Check(op); err != nil {
		return err
	}
	return chat.CheckName(op, "name", u.Name)
}

// CheckUsers says whether people may be stored together.
func CheckUsers(op string, people []User) error {
	if len(people) > chat.MaxBatch {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "users", Limit: chat.MaxBatch}
	}
	for i := range people {
		if err := people[i].Check(op); err != nil {
			return err
		}
	}
	return nil
}

// Check says whether a mark may be stored.
func (m Mark) Check(op string) error {
	if err := m.User.Check(op); err != nil {
		return err
	}
	if err := m.Room.Check(op); err != nil {
		return err
	}
	switch {
	case m.Room.Tenant != m.User.Tenant:
		return invalid(op, "room.tenant")
	case m.Seq < 1:
		return invalid(op, "seq")
	case m.TextSeq < 0:
		return invalid(op, "textSeq")
	}
	return nil
}

// CheckMarks says whether marks may be stored together.
func CheckMarks(op string, marks []Mark) error {
	if len(marks) > chat.MaxBatch {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "marks", Limit: chat.MaxBatch}
	}
	for i := range marks {
		if err := marks[i].Check(op); err != nil {
			return err
		}
	}
	return nil
}

func invalid(op, field string) error {
	return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field}
}
