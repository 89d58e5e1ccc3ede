//go:build !unix

package vllm

import "os/exec"

// launches: there are no groups of processes here, and vLLM does not run here
// either.
const launches = false

func ownGroup(*exec.Cmd) {}

func terminate(int) {}

func kill(int) {}

func gone(int) bool { return true }

func runs(int) bool { return false }
