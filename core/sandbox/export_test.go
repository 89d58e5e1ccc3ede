package sandbox

// Resident is what a host keeps ready, in bytes.
func (h *Host) Resident() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.resident
}
