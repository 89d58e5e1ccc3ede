package report

// proposed tells whether a night's moves are for somebody to make: a night that
// wrote a patch moved nothing, and must not read as if it had.
func (n Night) proposed() bool {
	moves, _, _ := n.groups()
	for _, r := range moves {
		if r.Applied {
			return false
		}
	}
	return len(moves) > 0
}

func (n Night) movedWord() string {
	if n.proposed() {
		return "may move"
	}
	return "moved"
}

func (n Night) movesTitle() string {
	if n.proposed() {
		return "May move"
	}
	return "Moved"
}

func (n Night) savesWord() string {
	if n.proposed() {
		return "would save"
	}
	return "saves"
}
