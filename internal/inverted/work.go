package inverted

// work is the steps of a search. A search that its asker has given up ends soon,
// however long it would take.
type work struct {
	ask  func() error // why to end
	left int          // steps until it is asked again
	err  error        // why it ended
}

// stopped counts steps, of about a nanosecond or some more, and says whether to end.
func (w *work) stopped(steps int) bool {
	if w.left -= steps; w.left < 0 {
		return w.asked()
	}
	return w.err != nil
}

// asked says whether to end, as of now.
func (w *work) asked() bool {
	w.left = 1 << 16
	if w.err == nil {
		w.err = w.ask()
	}
	return w.err != nil
}
