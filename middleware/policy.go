package middleware

import "github.com/bearerguard/bearerguard/validator"

// checked is a copy of the policy, so that what is changed after wiring changes
// nothing. It panics on one that the Validator cannot evaluate.
func (g *Guard) checked(policy validator.Policy) *validator.Policy {
	if err := g.validator.CheckPolicy(policy); err != nil {
		panic(err)
	}
	own := policy.Clone()
	return &own
}
