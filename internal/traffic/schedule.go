package traffic

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one of the five of a schedule.
type field struct {
	name     string
	min, max int
	// names are words for numbers, from min on.
	names []string
}

var fields = []field{
	{name: "minute", max: 59}, {name: "hour", max: 23}, {name: "day of the month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
	{name: "day of the week", max: 7, names: strings.Fields("sun mon tue wed thu fri sat")},
}

// macros are what Kubernetes' controller takes in place of fields.
var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// LongestPause returns the longest time between two runs of a CronJob's schedule. Changes of summer time are not looked at.
func LongestPause(schedule string) (time.Duration, error) {
	if every, is := strings.CutPrefix(schedule, "@every "); is {
		return time.ParseDuration(every)
	}
	if expanded, is := macros[schedule]; is {
		schedule = expanded
	}
	words := strings.Fields(schedule)
	if len(words) > 0 && (strings.HasPrefix(words[0], "TZ=") || strings.HasPrefix(words[0], "CRON_TZ=")) {
		words = words[1:]
	}
	if len(words) != len(fields) {
		return 0, fmt.Errorf("the schedule %q has no five fields", schedule)
	}
	var sets [5][]int
	for i, f := range fields {
		var err error
		if sets[i], err = f.values(words[i]); err != nil {
			return 0, err
		}
	}
	return pause(sets, strings.HasPrefix(words[2], "*") || words[2] == "?", strings.HasPrefix(words[4], "*") || words[4] == "?")
}

// values reads a field: a list of numbers, names, ranges and steps.
func (f field) values(word string) ([]int, error) {
	var values []int
	for _, part := range strings.Split(word, ",") {
		span, stepWord, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepWord); err != nil || step < 1 {
				return nil, fmt.Errorf("%q is no %s of a schedule", word, f.name)
			}
		}
		from, to, err := f.span(span, stepped)
		if err != nil || from > to {
			return nil, fmt.Errorf("%q is no %s of a schedule", word, f.name)
		}
		for value := from; value <= to; value += step {
			values = append(values, value)
		}
	}
	return values, nil
}

// span reads a number, a range or all. A single number with a step goes on to the end.
func (f field) span(word string, stepped bool) (from, to int, err error) {
	if word == "*" || word == "?" {
		return f.min, f.max, nil
	}
	first, last, ranged := strings.Cut(word, "-")
	if from, err = f.number(first); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		to, err = f.number(last)
	case stepped:
		to = f.max
	default:
		to = from
	}
	return from, to, err
}

func (f field) number(word string) (int, error) {
	if at := slices.Index(f.names, strings.ToLower(word)); at >= 0 {
		return f.min + at, nil
	}
	number, err := strconv.Atoi(word)
	if err != nil || number < f.min || number > f.max {
		return 0, fmt.Errorf("%q is out of range", word)
	}
	return number, nil
}

// years is how long a schedule is looked at: the 29th of February is in it twice.
const years = 8

// pause walks through the days on which the schedule runs.
func pause(sets [5][]int, anyDay, anyWeekday bool) (time.Duration, error) {
	var times []time.Duration
	for _, hour := range sets[1] {
		for _, minute := range sets[0] {
			times = append(times, time.Duration(hour)*time.Hour+time.Duration(minute)*time.Minute)
		}
	}
	slices.Sort(times)
	longest := time.Duration(0)
	for i := 1; i < len(times); i++ {
		longest = max(longest, times[i]-times[i-1])
	}
	last, ran := time.Time{}, false
	begin := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := begin; day.Before(begin.AddDate(years, 0, 0)); day = day.AddDate(0, 0, 1) {
		if !runsOn(day, sets, anyDay, anyWeekday) {
			continue
		}
		if ran {
			longest = max(longest, day.Add(times[0]).Sub(last))
		}
		last, ran = day.Add(times[len(times)-1]), true
	}
	if longest == 0 {
		return 0, fmt.Errorf("the schedule hardly ever runs")
	}
	return longest, nil
}

// runsOn follows cron: where both days are limited, one of them is enough.
func runsOn(day time.Time, sets [5][]int, anyDay, anyWeekday bool) bool {
	byDay := slices.Contains(sets[2], day.Day())
	weekday := int(day.Weekday())
	byWeekday := slices.Contains(sets[4], weekday) || weekday == 0 && slices.Contains(sets[4], 7)
	if !slices.Contains(sets[3], int(day.Month())) {
		return false
	}
	if anyDay || anyWeekday {
		return byDay && byWeekday
	}
	return byDay || byWeekday
}
