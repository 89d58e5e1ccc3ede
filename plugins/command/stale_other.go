//go:build !unix

package command

import (
	"errors"
	"io/fs"
	"os"
)

func ours(fs.FileInfo) bool { return false }

// hold fails: without such locks nobody can tell whose task is over, and what a
// killed host left behind stays. The README says so.
func hold(string) (*os.File, error) { return nil, errors.ErrUnsupported }
