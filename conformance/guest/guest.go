// Package guest is the conformance kit for the code of skills: whether a module
// does what sdk/ABI.md asks of a guest, in whatever language it was written.
//
// It runs the module in core/sandbox and in nothing else, gives it inputs that
// hosts send and inputs that no host should, and never changes a file.
//
//	r, err := guest.Run(ctx, guest.Options{Path: "hello.wasm"})
//	if err == nil {
//		err = r.WriteText(os.Stdout, report.TextOptions{})
//	}
package guest

import (
	"context"
	"errors"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// Options of Run.
type Options struct {
	Path     string            // a module, or a skill's folder
	Input    string            // a JSON file with an input of the skill; "" finds or makes one
	Only     []string          // patterns of ids; none takes all
	Skip     []string          // patterns of ids that are disabled
	Timeout  time.Duration     // guest time of one call; 5 s when 0
	CacheDir string            // compiled code; "" keeps none
	Progress func(report.Case) // called after each case; may be nil
}

// Run tests a guest. The error is that there is nothing to test or that the kit
// itself cannot work; what the guest does wrong stands in the report.
func Run(_ context.Context, _ Options) (*report.Report, error) {
	return nil, errors.New("testing a guest: there is no case")
}
