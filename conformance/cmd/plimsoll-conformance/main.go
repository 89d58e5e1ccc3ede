// Command plimsoll-conformance tells whether a skill's code or a host of it does
// what sdk/ABI.md says. It is a program of its own so that authors of other SDKs
// and other hosts need nothing else of the engine.
//
//	plimsoll-conformance skill hello.wasm
//	plimsoll-conformance host -- ./my-adapter --flag
//	plimsoll-conformance verify report.json
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/plimsoll-dev/plimsoll/conformance/command"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
)

var version = "dev"

func main() {
	if sandbox.Child() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command.Run(ctx, os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, version)
	stop()
	os.Exit(code)
}
