//go:build windows

package wire

const wardenWorks = false
