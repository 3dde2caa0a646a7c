package main

import (
	"fmt"
	"slices"
)

// fewest samples that are judged.
const fewest = 8

// measure of growth: what must not grow, and by how much it may all the same.
var measures = []struct {
	name      string
	of        func(sample) float64
	allowance float64
}{
	{"heap", func(s sample) float64 { return float64(s.Heap) }, 2 << 20},
	{"goroutines", func(s sample) float64 { return float64(s.Goroutines) }, 16},
	{"open files", func(s sample) float64 { return float64(s.Files) }, 16},
}

// growth says what grew, by the rule that -h tells. The first sample is the end of the
// warm-up.
func growth(samples []sample) (grown []string) {
	if len(samples) < fewest {
		return nil
	}
	for _, m := range measures {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = m.of(s)
		}
		quarter := len(values) / 4
		before, after := median(values[:quarter]), median(values[len(values)-quarter:])
		if after > 1.2*before && after-before > m.allowance {
			grown = append(grown, fmt.Sprintf("%s: from %.0f to %.0f (medians of the first and the last quarter)", m.name, before, after))
			continue
		}
		half := values[len(values)/2:]
		if rise := rise(half); rise > mean(half)/10 && rise > m.allowance {
			grown = append(grown, fmt.Sprintf("%s: rises by %.0f within the second half", m.name, rise))
		}
	}
	return grown
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// rise is by how much the least-squares line through the values rises from the first to
// the last. Samples are as far apart as makes no difference.
func rise(values []float64) float64 {
	middle, level := float64(len(values)-1)/2, mean(values)
	var covariance, variance float64
	for i, v := range values {
		d := float64(i) - middle
		covariance += d * (v - level)
		variance += d * d
	}
	return covariance / variance * float64(len(values)-1)
}
