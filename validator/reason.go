package validator

// Class returns the class that belongs to a reason, and nil for one that is not among
// this package's: NewError takes any text, which may be as long and as various as whoever
// made it likes. A metric label asks this first.
func (r Reason) Class() error { return classes[r] }
