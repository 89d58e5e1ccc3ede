package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/pricelist"
)

// PricesFile is the project's own price list.
const PricesFile = pricelist.File

// maxImport bounds a list that is imported, in bytes; the largest public one has
// under 2 MiB.
const maxImport = 32 << 20

// Prices are the list prices that the project sees.
func (p *Project) Prices() (pricelist.List, error) { return config.ListPrices(p.Dir) }

// Rates are a tier's prices as costs are computed with them.
func Rates(t *config.Tier) price.Rates { return run.Rates(t.Price) }

// PriceImport says what is to be taken from a list, and where it lies.
type PriceImport struct {
	File   string
	Models []string  // these; none takes what the project's tiers and its own list name
	All    bool      // everything in the file
	Day    time.Time // of the prices, where the file does not say
	Write  bool      // otherwise the outcome is only shown
}

// PriceChange is the outcome of an import.
type PriceChange struct {
	Changes []pricelist.Change
	Taken   []string          // models that the list has from the file now
	Left    map[string]string // wanted, in the file, and not usable: the reason
	Missing []string          // wanted, and not in the file
}

// ImportPrices lays what a file says over the project's own list. Models that
// the file does not name keep what they had, with their day.
func (p *Project) ImportPrices(o PriceImport) (PriceChange, error) {
	out := PriceChange{Left: map[string]string{}}
	from, left, err := readPrices(o)
	if err != nil {
		return out, err
	}
	own, found, err := config.OwnPrices(p.Dir)
	if err != nil {
		return out, fmt.Errorf("%w. Mend it or move it away first", err)
	}
	before := pricelist.Shipped()
	if found {
		before = before.With(own)
	}
	taken := pricelist.List{AsOf: from.AsOf, Source: from.Source, Models: map[string]pricelist.Entry{}}
	for _, name := range p.wanted(o, own, from) {
		e, ok := from.Models[name]
		why, refused := left[name]
		switch {
		case ok:
			taken.Models[name] = e
			out.Taken = append(out.Taken, name)
		case refused:
			out.Left[name] = why
		default:
			out.Missing = append(out.Missing, name)
		}
	}
	out.Changes = pricelist.Diff(before, taken)
	if !o.Write || len(out.Taken) == 0 {
		return out, nil
	}
	raw, err := own.With(taken).Encode()
	if err != nil {
		return out, err
	}
	return out, atomicfile.Write(filepath.Join(p.Dir, PricesFile), raw, 0o644)
}

func readPrices(o PriceImport) (pricelist.List, map[string]string, error) {
	info, err := os.Stat(o.File)
	if err != nil {
		return pricelist.List{}, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxImport {
		return pricelist.List{}, nil, fmt.Errorf("%s is not a file of at most %d MiB", o.File, maxImport>>20)
	}
	data, err := os.ReadFile(o.File)
	if err != nil {
		return pricelist.List{}, nil, err
	}
	list, left, err := pricelist.Import(filepath.Base(o.File), data, o.Day.UTC().Truncate(24*time.Hour))
	if err != nil {
		return list, left, fmt.Errorf("%s: %w", o.File, err)
	}
	return list, left, nil
}

// wanted are the names that an import is about.
func (p *Project) wanted(o PriceImport, own, from pricelist.List) []string {
	switch {
	case o.All:
		return slices.Sorted(maps.Keys(from.Models))
	case len(o.Models) > 0:
		return o.Models
	}
	names := map[string]bool{}
	for name := range own.Models {
		names[name] = true
	}
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			names[t.Model] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Now is the engine's clock, for commands that show how old something is.
func Now() time.Time { return clock().UTC() }
