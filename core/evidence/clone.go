package evidence

import "slices"

// Clone is a log that can be added to beside the one that it was made of: what is
// appended to its epochs, events and shadows, or set on an epoch, stays its own.
// Pairs themselves are shared: they are facts, which nobody changes.
func (l *Log) Clone() *Log {
	out := *l
	out.Events, out.Shadows = slices.Clone(l.Events), slices.Clone(l.Shadows) // callers sort them
	out.Epochs = make([]*Opened, len(l.Epochs))
	for i, o := range l.Epochs {
		epoch := *o
		epoch.Pairs, epoch.Tried, epoch.Planted = slices.Clip(o.Pairs), slices.Clip(o.Tried), slices.Clip(o.Planted)
		out.Epochs[i] = &epoch
	}
	return &out
}
