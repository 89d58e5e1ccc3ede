//go:build unix

package wire

const wardenWorks = true
