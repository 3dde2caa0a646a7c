package validator

import "context"

// Observers returns an Observer that tells all of these, in their order: one that counts
// and one that traces. What none of them wants to hear of costs nothing.
func Observers(all ...Observer) Observer {
	var joined Observer
	for _, o := range all {
		joined.Decision = both(joined.Decision, o.Decision)
		joined.Wait = both(joined.Wait, o.Wait)
		joined.KeyFetch = either(joined.KeyFetch, o.KeyFetch)
		joined.Introspection = either(joined.Introspection, o.Introspection)
		joined.StatusFetch = either(joined.StatusFetch, o.StatusFetch)
		joined.Fleet = either(joined.Fleet, o.Fleet)
		joined.Signal = both(joined.Signal, o.Signal)
	}
	return joined
}

// either calls what there is of the two, one after the other.
func either[E any](first, second func(E)) func(E) {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return func(event E) {
		first(event)
		second(event)
	}
}

// both is either, of an event of a call.
func both[E any](first, second func(context.Context, E)) func(context.Context, E) {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return func(ctx context.Context, event E) {
		first(ctx, event)
		second(ctx, event)
	}
}
