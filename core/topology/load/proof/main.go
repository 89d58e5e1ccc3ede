// Command proof measures the load generator against the fake engine, which knows
// the truth: how late it reads chunks, what it costs beside a bare reader of the
// same streams in the same run, and how near its TTFT and TPOT are to what the
// engine was told to do.
//
// It prints a table (figure, target, measured, holds or not) and one line, and
// exits 1 when a target is missed. Everything that it measures is simulated: it
// says nothing of a real engine.
//
//	go build -o bin/fake-engine ./conformance/cmd/fake-engine
//	go run ./core/topology/load/proof -engine bin/fake-engine
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

// figure is one line of the table.
type figure struct {
	name, target, measured string
	holds                  bool
}

func main() {
	engine := flag.String("engine", "bin/fake-engine", "the fake engine's program")
	flag.Parse()
	if err := run(*engine); err != nil {
		fmt.Fprintln(os.Stderr, "bench-load:", err)
		os.Exit(1)
	}
}

func run(engine string) error {
	ctx := context.Background()
	var all []figure
	for _, part := range []func(context.Context, string) ([]figure, error){spread, lockstep, truth} {
		figures, err := part(ctx, engine)
		if err != nil {
			return err
		}
		all = append(all, figures...)
	}
	missed := 0
	fmt.Printf("%-62s %-16s %-34s %s\n", "figure", "target", "measured", "")
	for _, f := range all {
		mark := "holds"
		switch {
		case f.target == "":
			mark = ""
		case !f.holds:
			mark = "MISSED"
			missed++
		}
		fmt.Printf("%-62s %-16s %-34s %s\n", f.name, f.target, f.measured, mark)
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d figures miss their target", missed, len(all))
	}
	fmt.Println("bench-load: every target holds")
	return nil
}
