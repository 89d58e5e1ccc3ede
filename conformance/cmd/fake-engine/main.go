// Command fake-engine is a serving engine that only pretends: it takes the
// command line of `vllm serve`, speaks its HTTP, and answers, delays and fails as
// a script says. See conformance/engine for the script, and for what it is not.
//
//	fake-engine serve some/model --port 8001
//	fake-engine serve some/model --port 8001 --fake-fail no-nvcc
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/plimsoll-dev/plimsoll/conformance/engine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := engine.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
