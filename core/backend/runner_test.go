package backend

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/plugin"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// agents is a Runner that plays one result.
type agents struct {
	*model
	result sdk.Result
	err    error
	asked  []sdk.Task
}

func (a *agents) Execute(_ context.Context, task sdk.Task) (sdk.Result, error) {
	a.asked = append(a.asked, task)
	return a.result, a.err
}

type agentSource struct{ runner sdk.Model }

func (s agentSource) Model(spec plugin.Spec) (sdk.Model, error) {
	if spec.Backend != RunnerRole+"agent" {
		return nil, errors.New("it is asked for " + spec.Backend)
	}
	return s.runner, nil
}

func TestExecute(t *testing.T) {
	task := sdk.Task{Input: json.RawMessage(`1`), Model: "m", Idempotency: "r/a1/c1"}
	gone := &sdk.LostError{Err: sdk.Errorf(sdk.Unavailable, "killed")}
	for name, c := range map[string]struct {
		runner sdk.Model
		name   string
		code   sdk.ErrorCode
		lost   bool
		asked  int
	}{
		"a result":     {runner: &agents{model: &model{}, result: sdk.Result{Text: "done"}}, asked: 1},
		"lost":         {runner: &agents{model: &model{}, err: gone}, code: sdk.Unavailable, lost: true, asked: 1},
		"typed":        {runner: &agents{model: &model{}, err: sdk.Errorf(sdk.Auth, "no")}, code: sdk.Auth, asked: 1},
		"not a runner": {runner: &model{}, code: sdk.InvalidRequest},
		"unsupported":  {runner: &agents{model: &model{}, err: errors.ErrUnsupported}, code: sdk.InvalidRequest, asked: 1},
		"not launched": {runner: &agents{model: &model{launch: sdk.Errorf(sdk.Unavailable, "no")}}, code: sdk.Unavailable},
		"unknown":      {runner: &agents{model: &model{}}, name: "agnet", code: sdk.InvalidRequest},
	} {
		client, err := New(Config{Source: agentSource{c.runner}, Runners: []Declared{{Name: "agent", Role: RunnerRole, Plugin: "x"}}, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		who := c.name
		if who == "" {
			who = "agent"
			if err := client.CheckRunner(who); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		got, meta, err := client.Execute(t.Context(), who, task)
		var typed *sdk.Error
		switch {
		case c.code == "" && (err != nil || got.Text != "done"):
			t.Errorf("%s: %+v, %v", name, got, err)
		case c.code != "" && (!errors.As(err, &typed) || typed.Code != c.code):
			t.Errorf("%s: %v", name, err)
		}
		if meta.Lost != c.lost {
			t.Errorf("%s: %+v", name, meta)
		}
		if a, ok := c.runner.(*agents); ok && len(a.asked) != c.asked {
			t.Errorf("%s: asked %d times", name, len(a.asked))
		}
	}
}
