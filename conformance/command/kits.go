package command

import (
	"context"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/guest"
	"github.com/plimsoll-dev/plimsoll/conformance/host"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

func hostCommand(ctx context.Context, args []string, s Streams) int {
	f, o := kitFlags("host")
	dir := f.String("write", "", "write the modules and cases.json into this folder, and test nothing")
	show := f.Bool("list", false, "list the cases, and test nothing")
	slack := f.Duration("slack", 0, "add this to the bounds of calls and of pauses, and 20 times to those of admissions, where the machine is busy with something else")
	rounds := f.Int("rounds", 0, "at most so many admissions in a row; 0 takes those of the case")
	if code, ok := parse(f, args, s); !ok {
		return code
	}
	switch {
	case *dir != "":
		if err := host.Write(*dir); err != nil {
			fmt.Fprintln(s.Err, err)
			return Internal
		}
		fmt.Fprintf(s.Out, "%d cases are in %s; cases.json says what a host must do with each.\n", len(host.Cases()), *dir)
		return Done
	case *show:
		for _, c := range host.Cases() {
			fmt.Fprintf(s.Out, "%-26s %s\n", c.ID, c.Title)
		}
		return Done
	case f.NArg() == 0:
		fmt.Fprintln(s.Err, "usage: plimsoll-conformance host [flags] -- COMMAND [ARGUMENT...]\nThe command is an adapter: see conformance/host/PROTOCOL.md.")
		return Usage
	}
	r, err := host.Run(ctx, host.Options{
		Command: f.Args(), Only: list(o.only), Skip: list(o.skip), Slack: *slack, Rounds: *rounds,
		Progress: progress(s),
	})
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return Internal
	}
	return deliver(r, o, s)
}

// progress shows what is under way when somebody watches.
func progress(s Streams) func(report.Case) {
	if !terminal(s.Err) {
		return nil
	}
	return func(c report.Case) { fmt.Fprintf(s.Err, "\r\x1b[K%s %s\r", c.Status, c.ID) }
}

func skillCommand(ctx context.Context, args []string, s Streams) int {
	f, o := kitFlags("skill")
	input := f.String("input", "", "a JSON file with an input of the skill; without it the skill's own items and self-tests are used, or one is made from its schema")
	timeout := f.Duration("timeout", 5*time.Second, "guest time of one call")
	if code, ok := parse(f, args, s); !ok {
		return code
	}
	if f.NArg() != 1 {
		fmt.Fprintln(s.Err, "usage: plimsoll-conformance skill [flags] FILE|FOLDER")
		return Usage
	}
	r, err := guest.Run(ctx, guest.Options{Path: f.Arg(0), Input: *input, Only: list(o.only), Skip: list(o.skip), Timeout: *timeout, Progress: progress(s)})
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return Internal
	}
	return deliver(r, o, s)
}
