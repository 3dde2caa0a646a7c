package cache_test

import (
	"fmt"
	"hash/maphash"
	"log"
	"time"

	"github.com/bearerguard/bearerguard/cache"
)

// Facts about things that have a name, each until its own deadline.
func Example() {
	seed := maphash.MakeSeed()
	facts, err := cache.New[string, int](10_000, func(key string) uint64 { return maphash.String(seed, key) })
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	facts.Put("orders of jane", 7, now.Add(time.Minute))
	fmt.Println(*facts.Get("orders of jane", now))
	fmt.Println(facts.Get("orders of jane", now.Add(time.Minute)))
	stats := facts.Stats()
	fmt.Println(stats.Hits, stats.Expirations, stats.Entries)
	// Output:
	// 7
	// <nil>
	// 1 1 0
}
