package validator

import "time"

// FleetOutcome is what came of a use of a shared store. The set is closed.
type FleetOutcome string

// FleetUse is what a shared store is used for. The set is closed.
type FleetUse string

// The uses.
const (
	FleetAnswers FleetUse = "answers" // Fleet.Answers
	FleetKeys    FleetUse = "keys"    // Fleet.Keys
)

// The outcomes. A look-up has one of the first six.
const (
	FleetFound       FleetOutcome = "found"       // what another replica put there was used
	FleetWaited      FleetOutcome = "waited"      // the same, after waiting for it
	FleetAsked       FleetOutcome = "asked"       // nothing that could be used: the issuer is asked, for all
	FleetGaveUp      FleetOutcome = "gave_up"     // it is asked here too: another replica had promised to, and took too long
	FleetUnavailable FleetOutcome = "unavailable" // the store failed, or took too long
	FleetSuspended   FleetOutcome = "suspended"   // it failed a moment ago, and was not asked
	FleetKept        FleetOutcome = "kept"        // an answer or a key set was put there
	FleetUnreadable  FleetOutcome = "unreadable"  // what was there does not open: changed, put in another's place, or sealed under another secret
)

// FleetEvent is what came of a use of a store of Config.Fleet.
type FleetEvent struct {
	// Issuer is the Name of the configured issuer.
	Issuer  string
	Use     FleetUse
	Outcome FleetOutcome
	// Err is why, with FleetUnavailable. It is for logs.
	Err error
	// Took is how long it took, waiting included, by Config.Clock.
	Took time.Duration
}

// fleet guards those who wait from a panic of the observer.
func (w *witness) fleet(e FleetEvent) {
	defer func() { _ = recover() }()
	if w.logger != nil && (e.Outcome == FleetUnavailable || e.Outcome == FleetUnreadable) {
		w.logger.Warn("shared store", "issuer", e.Issuer, "use", e.Use, "outcome", e.Outcome, "error", e.Err)
	}
	if w.observer.Fleet != nil {
		w.observer.Fleet(e)
	}
}
