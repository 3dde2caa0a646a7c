package validator

import "github.com/bearerguard/bearerguard/cache"

// CacheStats counts what the cache of good tokens did since New, and how many it holds,
// for health pages and metrics. Many evictions while Config.CacheSize entries are held say
// that it is too small. A reload begins with an empty one.
func (v *Validator) CacheStats() cache.Stats { return v.cache.Stats() }
