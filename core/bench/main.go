// Command bench measures what the design page promises of the engine, each
// figure beside a floor in the same run: gates and rules, the start of a command
// among a thousand skills, the engine's share of a night, the audit log, calls of
// skills' code, the hop into a backend, the hop through the gateway.
//
// It prints a table (figure, target, measured, holds or not), ends in one line,
// and exits 1 when a target is missed. The machine it runs on may be shared and
// noisy: medians and ratios are quoted, never single runs.
//
//	go run ./core/bench gate
//	go run ./core/bench start -plimsoll bin/plimsoll
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
)

// figure is one line of the table.
type figure struct {
	name     string
	target   string
	measured string
	holds    bool
}

func main() {
	if sandbox.Child() || serveMetronome() || serveUpstream() {
		return
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	benches := map[string]func(program string) ([]figure, error){"gate": gates, "start": start, "night": night, "company": company, "store": audits, "sandbox": sandboxes, "backend": backends}
	if len(args) == 1 && args[0] == "fuel" {
		return fuelOnly()
	}
	if len(args) > 0 && args[0] == "gateway" {
		figures, err := gateways(args[1:])
		if err != nil {
			return err
		}
		return show(args[0], figures)
	}
	if len(args) > 0 && args[0] == "adopt" {
		figures, err := adopts(args[1:])
		if err != nil {
			return err
		}
		return show(args[0], figures)
	}
	if len(args) == 0 || benches[args[0]] == nil {
		return fmt.Errorf("say which: gate, start, night, company, store, sandbox, backend, adopt or gateway")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	program := flags.String("plimsoll", "bin/plimsoll", "the program under measurement")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	figures, err := benches[args[0]](*program)
	if err != nil {
		return err
	}
	return show(args[0], figures)
}

// show prints the table; it is an error when a target is missed.
func show(bench string, figures []figure) error {
	missed := 0
	fmt.Printf("%-63s %-12s %-34s %s\n", "figure", "target", "measured", "")
	for _, f := range figures {
		mark := "holds"
		switch {
		case f.target == "":
			mark = ""
		case !f.holds:
			mark = "MISSED"
			missed++
		}
		fmt.Printf("%-63s %-12s %-34s %s\n", f.name, f.target, f.measured, mark)
	}
	if missed > 0 {
		return fmt.Errorf("%s: %d of %d figures miss their target", bench, missed, len(figures))
	}
	fmt.Printf("%s: every target holds\n", bench)
	return nil
}

// median of several runs of f, after one that is not counted.
func median(runs int, f func() error) (time.Duration, error) {
	if err := f(); err != nil {
		return 0, err
	}
	all := make([]time.Duration, runs)
	for i := range all {
		began := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		all[i] = time.Since(began)
	}
	slices.Sort(all)
	return all[runs/2], nil
}

// against writes a time and its ratio to a floor.
func against(d, floor time.Duration, of string) string {
	return fmt.Sprintf("%v, %.1f x %s", d.Round(10*time.Nanosecond), float64(d)/float64(floor), of)
}
