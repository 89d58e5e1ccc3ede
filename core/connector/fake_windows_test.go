//go:build windows

package connector

func ignoreSignals() {}
