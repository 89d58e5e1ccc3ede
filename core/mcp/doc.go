// Package mcp is the surface that an MCP client sees: four constant meta-tools,
// skills as prompts and resources, the Skills extension (SEP-2640), and whole
// connectors under names of their own, over stdio and streamable HTTP, in the
// revisions 2026-07-28 and 2025-11-25 at once (older ones as the SDK negotiates).
//
// It decides nothing. What exists, who may see it, what a call does and what the
// audit log says of it are asked of a [Desk], a [Library] and a [Whole]; this
// package turns wire messages into those questions and the answers into wire
// messages. It must not rank, authorise, audit, store, start a subprocess or read
// the clock, and it holds no state that outlives a session but caches.
//
//	server, err := mcp.New(mcp.Config{Version: "1.0.0", Desk: desk, Library: library, Wholes: wholes})
//	if err != nil { ... }
//	go server.ServeHTTP(ctx, listener)              // /mcp, /mcp/NAME, /healthz, /readyz
//	err = server.ServeStdio(ctx, caller, os.Stdin, os.Stdout)
//	err = server.Shutdown(ctx)                      // running calls end, new ones are refused
package mcp
