// Package replay is a backend that plays recorded calls back, offline and byte
// for byte. It makes none: a request that was not recorded is an error that
// shows the nearest one that was. Recordings are made by `record = "DIR"` on any
// other backend; their format is sdk/backend/cassette.
//
//	backend "tape" {
//	  plugin = "replay"
//	  config {
//	    dir = "testdata/calls"
//	  }
//	}
package replay

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// player is a cassette, or nothing but a description while there is none.
type player struct{ tape *cassette.Cassette }

var _ backend.Model = player{}

// New opens the cassette that the config names.
func New(values map[string]any) (backend.Model, error) {
	if values == nil {
		return player{}, nil
	}
	var cfg struct {
		Dir string `json:"dir"`
	}
	if err := backend.DecodeConfig(values, &cfg); err != nil {
		return nil, err
	}
	if cfg.Dir == "" {
		return nil, backend.Errorf(backend.InvalidRequest, "config needs dir, the folder of recorded calls")
	}
	tape, err := cassette.Open(cfg.Dir)
	if err != nil {
		return nil, backend.Errorf(backend.InvalidRequest, "%v", err)
	}
	return player{tape}, nil
}

// Describe lists the recorded models.
func (p player) Describe(ctx context.Context) (backend.Description, error) {
	d := backend.Description{Name: "replay", Version: "1.0.0"}
	if p.tape != nil {
		var err error
		if d, err = p.tape.Describe(ctx); err != nil {
			return d, err
		}
	}
	d.ConfigSchema = []backend.ConfigField{{Name: "dir", Type: backend.TypeString, Required: true, Doc: "the folder of recorded calls"}}
	return d, nil
}

// Generate plays the recorded answer.
func (p player) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	return p.tape.Generate(ctx, req, out)
}
