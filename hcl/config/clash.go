package config

// checkClashes finds connectors whose tools can have one name. What a caller
// asks for by name must be one thing, whatever the servers offer tomorrow.
func (l *loader) checkClashes() {
	all := l.project.Connectors
	for i, b := range all {
		for _, a := range all[:i] {
			if l.clash(a, b) {
				break // one word for a connector: the next is mended with it
			}
		}
	}
}

func (l *loader) clash(a, b *Connector) bool {
	for _, x := range a.offered() {
		for _, y := range b.offered() {
			if !meet(x, y) {
				continue
			}
			switch {
			case a.Prefix == b.Prefix && a.Prefix == "":
				l.add(nameClash.at(b.ToolRange, "Connectors %q and %q both have no prefix, so that %q of one and %q of the other can be the same name. Give one of them a prefix, or name tools that differ.", a.Name, b.Name, x, y))
			case a.Prefix == b.Prefix:
				l.add(nameClash.at(b.Range, "Connectors %q and %q both have the prefix %q, so that %q of one and %q of the other can be the same name. Give one of them another prefix, or name tools that differ.", a.Name, b.Name, a.Prefix, x, y))
			default:
				l.add(nameClash.warn(b.Range, "A tool of connector %q (%s) and one of %q (%s) can have the same name: one prefix goes on where the other ends. Where that happens neither is offered. Give one of them another prefix, or name their tools.", a.Name, x, b.Name, y))
			}
			return true
		}
	}
	return false
}
