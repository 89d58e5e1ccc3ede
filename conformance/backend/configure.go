package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

func configureQuestions() []question {
	return []question{
		{
			id: "configure.accepted", title: "it takes the config that it is tested with", section: inModel,
			says: "Configure takes the values of a config block that fits the schema.",
			do:   "give a config that fits by -config, and the variables that it needs by -env",
			ask:  (*kit).askAccepted,
		},
		{
			id: "configure.again", title: "the same config again changes nothing, another one is refused", section: inProto, running: true,
			says: "A host that was cut off says the same again, which does nothing. Other values are refused: which of two configs holds must not depend on who came last.",
			do:   "compare with the values that it has; the SDK's server does",
			ask:  (*kit).askAgain,
		},
		{
			id: "configure.first", title: "before it is configured it makes no call", section: inModel, process: true, running: true,
			says: "Generate before Configure is refused, by an error event or the status FailedPrecondition, and the backend lives on.",
			do:   "refuse calls until a config was taken; the SDK's server does",
			ask:  (*kit).askFirst,
		},
		{
			id: "configure.unknown", title: "a key that the schema does not have is refused", section: inModel, process: true, running: true,
			says: "A config that does not fit is refused by a typed error, and a right one is taken afterwards: a misspelled key must not pass silently.",
			do:   "use backend.DecodeConfig, which knows no other keys than the struct's",
			ask:  (*kit).askUnknownKey,
		},
		{
			id: "configure.wrong", title: "a value of the wrong type, and a config that is no object, are refused", section: inModel, process: true, running: true,
			says: "A config that does not fit is refused by a typed error, and a right one is taken afterwards.",
			do:   "use backend.DecodeConfig, and return its error",
			ask:  (*kit).askWrongType,
		},
		{
			id: "configure.required", title: "without a required key it is refused", section: "sdk/backend, ConfigField", process: true, running: true,
			says: "A field that the schema calls required is one: without it the config is refused by a typed error.",
			do:   "refuse a config without it, or take Required away from the schema",
			ask:  (*kit).askRequired,
		},
	}
}

func (k *kit) askAccepted() finding {
	if _, err := k.session(); err != nil {
		return fail("%v", err)
	}
	return pass("taken")
}

// values is a copy of the config under test.
func (k *kit) values() map[string]any {
	out := map[string]any{}
	maps.Copy(out, k.o.Config)
	return out
}

// nobodysKey is in no schema.
const nobodysKey = "no_such_key_of_the_conformance_kit"

func (k *kit) askAgain() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	if err := k.configure(s, k.config); err != nil {
		return fail("the same config again: %v", err)
	}
	other := k.values()
	other[nobodysKey] = 1
	if err := k.configure(s, encoded(other)); err == nil {
		return fail("another config was taken")
	}
	if err := k.configure(s, k.config); err != nil {
		return fail("the same config after another one that was refused: %v%s", err, s.dead())
	}
	return pass("the same is taken again, another one is not")
}

func (k *kit) askFirst() finding {
	s, err := k.open(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	c := k.generate(s, "a call before Configure", k.request(text("user", plainPrompt)))
	code := status.Code(c.lost)
	// A status is how a wrong order of calls is answered: no breach of the rule
	// that failures of a call are events.
	c.breaches = nil
	switch {
	case c.whole():
		return fail("it answered a call before it was configured")
	case c.dead != "":
		return fail("%s", c.how())
	case c.error == nil && code != codes.FailedPrecondition && code != codes.InvalidArgument:
		return fail("it refused a call by %s", c.how())
	}
	if err := k.configure(s, k.config); err != nil {
		return fail("after that it refuses its config: %v", err)
	}
	return pass("refused: %s", c.how())
}

func encoded(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte("null") // the config was made JSON before: see newKit
	}
	return raw
}

// refuses asks a fresh backend to take configs that are wrong, and then the right
// one.
func (k *kit) refuses(wrong map[string][]byte, untypedToo bool) finding {
	s, err := k.open(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	for what, config := range wrong {
		err := k.configure(s, config)
		var typed refusal
		code := status.Code(err)
		switch {
		case err == nil:
			return fail("a config with %s was taken", what)
		case errors.As(err, &typed):
			if typed.e.GetCode() == string(sdk.Unavailable) {
				return fail("a config with %s was refused as unavailable, as if waiting would help: %s", what, typed.e.GetMessage())
			}
		case untypedToo && (code == codes.InvalidArgument || code == codes.FailedPrecondition):
		default:
			return fail("a config with %s was refused without a typed error: %v%s", what, err, s.dead())
		}
	}
	if err := k.configure(s, k.config); err != nil {
		return fail("after %d wrong configs it refuses the right one: %v%s", len(wrong), err, s.dead())
	}
	return pass("%d wrong configs were refused, and the right one was taken after them", len(wrong))
}

func (k *kit) askUnknownKey() finding {
	config := k.values()
	config[nobodysKey] = "x"
	return k.refuses(map[string][]byte{"the key " + nobodysKey: encoded(config)}, false)
}

func (k *kit) askWrongType() finding {
	wrong := map[string][]byte{}
	for _, f := range k.desc.GetConfigSchema() {
		config := k.values()
		config[f.GetName()] = unlike(f)
		wrong[fmt.Sprintf("%s = %s", f.GetName(), encoded(unlike(f)))] = encoded(config)
	}
	fields := len(wrong)
	if f := k.refuses(wrong, false); f.status != report.Pass {
		return f
	}
	f := k.refuses(map[string][]byte{
		"a list for an object": []byte(`[1]`), "half an object": []byte(`{"a":`), "null": []byte(`null`), "no bytes": {},
	}, true)
	if f.status == report.Pass {
		return pass("%d values of a wrong type and four configs that are no objects were refused, and the right one was taken after them", fields)
	}
	return f
}

// unlike is a value that is not of the field's type.
func unlike(f *pb.ConfigField) any {
	switch f.GetType() {
	case sdk.TypeString:
		return []any{true}
	case sdk.TypeList, sdk.TypeMap, sdk.TypeObject:
		return 7
	}
	return "words"
}

func (k *kit) askRequired() finding {
	wrong := map[string][]byte{}
	var names []string
	for _, f := range k.desc.GetConfigSchema() {
		if !f.GetRequired() {
			continue
		}
		config := k.values()
		delete(config, f.GetName())
		wrong["no "+f.GetName()] = encoded(config)
		names = append(names, f.GetName())
	}
	if len(wrong) == 0 {
		return skip("no field is required")
	}
	f := k.refuses(wrong, false)
	if f.status == report.Pass {
		return pass("refused without %s", strings.Join(names, ", "))
	}
	return f
}
