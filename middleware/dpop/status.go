package dpop

// MemoryStatus is how full a Memory is.
type MemoryStatus struct {
	// Proofs are remembered now, of Capacity. At Capacity every proof is refused.
	Proofs, Capacity int
}

// Status reports how full the memory is. It drops what has had its time, and waits for
// the lock of one shard after the other: it is for health pages and metrics, not for
// every request.
func (s *Memory) Status() MemoryStatus {
	s.forget(s.clock().UnixNano())
	// Whoever adds raises the count before looking whether that was too much.
	return MemoryStatus{Proofs: int(min(s.count.Load(), s.capacity)), Capacity: int(s.capacity)}
}
