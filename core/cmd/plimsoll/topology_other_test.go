//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// topologyCommands: topologies are not launched here, and their scripts skip.
func topologyCommands(map[string]func(*testscript.TestScript, bool, []string)) {}
