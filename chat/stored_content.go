package chat

// newContent makes the content of a kind, to be parsed; nil for the empty kind.
func newContent(k Kind) Content {
	switch k {
	case "":
		return nil
	case KindText:
		return new(Text)
	case KindEdit:
		return new(Edit)
	case KindRetract:
		return new(Retract)
	case KindReact:
		return new(React)
	case KindTopic:
		return new(Topic)
	case KindMember:
		return new(Member)
	case KindNotice:
		return new(Notice)
	case KindReference:
		return new(Reference)
	case KindErase:
		return new(Erase)
	case KindTombstone:
		return new(Tombstone)
	case KindVoid:
		return new(Void)
	}
	return &Unknown{Name: k}
}

func (t *Text) append(w *writer) {
	w.text(1, t.Body)
	w.text(2, string(t.Format))
	w.flag(3, t.Action)
	w.id(4, t.Thread)
	w.id(5, t.ReplyTo)
	for _, u := range t.Mentions {
		w.user(6, u)
	}
	for i := range t.Attachments {
		a := &t.Attachments[i]
		w.part(7, func(w *writer) {
			w.text(1, a.Name)
			w.text(2, a.Type)
			w.text(3, a.Ref)
			w.number(4, uint64(a.Size))
			w.more(a.more)
		})
	}
	w.more(t.more)
}

func (t *Text) parse(r *reader) {
	for r.next() {
		switch r.field {
		case 1:
			t.Body = r.text()
		case 2:
			t.Format = Format(r.text())
		case 3:
			t.Action = r.flag()
		case 4:
			t.Thread = r.id()
		case 5:
			t.ReplyTo = r.id()
		case 6:
			t.Mentions = append(t.Mentions, r.user())
		case 7:
			t.Attachments = append(t.Attachments, r.attachment())
		default:
			t.more = r.keep(t.more)
		}
	}
}

func (r *reader) attachment() Attachment {
	var a Attachment
	r.part(func(r *reader) {
		switch r.field {
		case 1:
			a.Name = r.text()
		case 2:
			a.Type = r.text()
		case 3:
			a.Ref = r.text()
		case 4:
			a.Size = int64(r.number())
		default:
			a.more = r.keep(a.more)
		}
	})
	return a
}

func (c *Edit) append(w *writer) {
	w.part(1, c.New.append)
	w.more(c.more)
}

func (c *Edit) parse(r *reader) {
	for r.next() {
		if r.field == 1 {
			part := reader{src: r.text()}
			c.New = Text{}
			c.New.parse(&part)
			r.take(&part)
		} else {
			c.more = r.keep(c.more)
		}
	}
}

func (c *Retract) append(w *writer) {
	w.text(1, c.Reason)
	w.flag(2, c.ByModerator)
	w.more(c.more)
}

func (c *Retract) parse(r *reader) {
	for r.next() {
		switch r.field {
		case 1:
			c.Reason = r.text()
		case 2:
			c.ByModerator = r.flag()
		default:
			c.more = r.keep(c.more)
		}
	}
}

func (c *React) append(w *writer) {
	for _, x := range c.Emoji {
		w.item(1, x)
	}
	w.more(c.more)
}

func (c *React) parse(r *reader) {
	for r.next() {
		if r.field == 1 {
			c.Emoji = append(c.Emoji, r.text())
		} else {
			c.more = r.keep(c.more)
		}
	}
}

func (c *Topic) append(w *writer) {
	w.text(1, c.Text)
	w.more(c.more)
}

func (c *Topic) parse(r *reader) {
	for r.next() {
		if r.field == 1 {
			c.Text = r.text()
		} else {
			c.more = r.keep(c.more)
		}
	}
}

func (c *Member) append(w *writer) {
	if !c.User.IsZero() {
		w.user(1, c.User)
	}
	w.number(2, uint64(c.Role))
	w.text(3, c.Reason)
	if !c.After.IsZero() {
		w.id(4, c.After)
	}
	w.more(c.more)
}

func (c *Member) parse(r *reader) {
	for r.next() {
		switch r.field {
		case 1:
			c.User = r.user()
		case 2:
			n := r.number()
			if c.Role = Role(n); uint64(c.Role) != n {
				r.fail("role")
			}
		case 3:
			c.Reason = r.text()
		case 4:
			c.After = r.id()
		default:
			c.more = r.keep(c.more)
		}
	}
}

func (c *Notice) append(w *writer) {
	w.text(1, c.What)
	w.text(2, c.Text)
	w.more(c.more)
}

func (c *Notice) parse(r *reader) {
	for r.next() {
		switch r.field {
		case 1:
			c.What = r.text()
		case 2:
			c.Text = r.text()
		default:
			c.more = r.keep(c.more)
		}
	}
}

func (c *Reference) append(w *writer) {
	w.text(1, c.To.Room.Tenant)
	w.text(2, c.To.Room.Key)
	w.number(3, uint64(c.To.Seq))
	w.text(4, c.Why)
	w.more(c.more)
}

func (c *Reference) parse(r *reader) {
	for r.next() {
		switch r.field {
		case 1:
			c.To.Room.Tenant = r.text()
		case 2:
			c.To.Room.Key = r.text()
		case 3:
			c.To.Seq = Seq(r.number())
		case 4:
			c.Why = r.text()
		default:
			c.more = r.keep(c.more)
		}
	}
}

func (c *Erase) append(w *writer) {
	w.text(1, c.Why)
	w.more(c.more)
}

func (c *Erase) parse(r *reader) {
	for r.next() {
		if r.field == 1 {
			c.Why = r.text()
		} else {
			c.more = r.keep(c.more)
		}
	}
}

func (c *Tombstone) append(w *writer) {
	w.text(1, string(c.Was))
	w.text(2, c.Why)
	w.more(c.more)
}

func (c *Tombstone) parse(r *reader) {
	for r.next() {
		switch r.field {
		case 1:
			c.Was = Kind(r.text())
		case 2:
			c.Why = r.text()
		default:
			c.more = r.keep(c.more)
		}
	}
}

func (c *Void) append(w *writer) {
	w.number(1, uint64(c.To))
	w.more(c.more)
}

func (c *Void) parse(r *reader) {
	for r.next() {
		if r.field == 1 {
			c.To = Seq(r.number())
		} else {
			c.more = r.keep(c.more)
		}
	}
}

func (c *Unknown) append(w *writer) { w.dst = append(w.dst, c.Raw...) }

func (c *Unknown) parse(r *reader) {
	if r.src != "" {
		c.Raw = []byte(r.src)
	}
}
