// Command plimsoll draws the line below which an agent skill may not sink.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules name time zones, and not every machine has them

	"github.com/plimsoll-dev/plimsoll/core/cli"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/plugins"
	"golang.org/x/term"
)

// version is set by the build.
var version = "dev"

func main() {
	if sandbox.Child() {
		return
	}
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	width, _, _ := term.GetSize(int(os.Stdout.Fd()))
	_, plain := os.LookupEnv("NO_COLOR")
	return cli.Main(ctx, cli.App{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Version: version, Width: width,
		Bundled: plugins.Bundled(),
		Color:   term.IsTerminal(int(os.Stdout.Fd())) && !plain,
		Live:    term.IsTerminal(int(os.Stderr.Fd())),
	})
}
