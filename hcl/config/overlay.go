package config

import (
	"maps"
	"slices"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Overlay lays o over c: blocks of the same type and name are replaced where
// they stand, others are added behind, attributes of o win when they are set.
// Each blocks with the same list keep the gates that o does not name. Neither
// contract is changed; both may be nil.
func (c *Contract) Overlay(o *Contract) *Contract {
	if c == nil {
		c = &Contract{}
	}
	if o == nil {
		o = &Contract{}
	}
	out := &Contract{
		Code: or(o.Code, c.Code), Input: or(o.Input, c.Input), Output: or(o.Output, c.Output), Quality: or(o.Quality, c.Quality),
		Tags:       slices.Clone(c.Tags),
		Steps:      laid(c.Steps, o.Steps, func(x *Step) string { return x.Name }, overlayStep),
		Eaches:     laid(c.Eaches, o.Eaches, func(x *Each) string { return x.List.Source }, overlayEach),
		Gates:      laid(c.Gates, o.Gates, func(x *Gate) string { return x.Name }, second[*Gate]),
		Dimensions: laid(c.Dimensions, o.Dimensions, func(x *Dimension) string { return x.Name }, second[*Dimension]),
		Renders:    laid(c.Renders, o.Renders, func(x *Render) string { return x.Name }, second[*Render]),
		Items:      c.Items,
		Ranges:     map[string]diag.Range{},
	}
	if o.Tags != nil {
		out.Tags = slices.Clone(o.Tags)
	}
	if o.Items != nil {
		out.Items = o.Items
	}
	maps.Copy(out.Ranges, c.Ranges)
	maps.Copy(out.Ranges, o.Ranges)
	return out
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func second[T any](_, b T) T { return b }

// laid is below with over laid on it, by name.
func laid[T any](below, over []T, name func(T) string, join func(below, over T) T) []T {
	out := slices.Clone(below)
	at := make(map[string]int, len(out))
	for i, x := range out {
		at[name(x)] = i
	}
	for _, x := range over {
		if i, ok := at[name(x)]; ok {
			out[i] = join(out[i], x)
			continue
		}
		at[name(x)] = len(out)
		out = append(out, x)
	}
	return out
}

// overlayStep keeps what the skill says of its step: the commonest overlay is a
// pin alone, and it must not take the step's prompt away.
func overlayStep(below, over *Step) *Step {
	out := *over
	out.Prompt, out.Output = or(over.Prompt, below.Prompt), or(over.Output, below.Output)
	if out.Pin == nil {
		out.Pin = below.Pin
	}
	return &out
}

func overlayEach(below, over *Each) *Each {
	out := *below
	if over.ID != nil {
		out.ID = over.ID
	}
	out.Gates = laid(below.Gates, over.Gates, func(x *Gate) string { return x.Name }, second[*Gate])
	return &out
}
