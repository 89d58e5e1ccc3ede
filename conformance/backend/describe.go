package backend

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

func describeQuestions() []question {
	return []question{
		{
			id: "describe.unconfigured", title: "it describes itself before it is configured", section: inModel, process: true, running: true,
			says: "Describe answers before any network connection and without a config: plugin lock asks for the config's schema that way.",
			do:   "let the factory take a nil config and give a Model that can describe itself",
			ask:  (*kit).askUnconfigured,
		},
		{
			id: "describe.stable", title: "it describes itself the same way twice", section: inModel, running: true,
			says: "The same config gives the same description; name, version and schema do not depend on the config at all, because they stand in the lock file.",
			do:   "take name, version and schema from constants",
			ask:  (*kit).askStable,
		},
		{
			id: "describe.name", title: "name, version and abilities can be used", section: "sdk/backend, Description", running: true,
			says: "A description has a name of lower case letters, digits, - and _, a version MAJOR.MINOR.PATCH, a kind of tool masking that the SDK names, and models with ids that differ.",
			do:   "compare with sdk/backend, Description and Capabilities",
			ask:  (*kit).askName,
		},
		{
			id: "describe.schema", title: "the config's schema is typed", section: "sdk/backend, ConfigField", running: true,
			says: "Every field has a name of its own and one of the types string, number, bool, list, map, object; Elem stands at lists and maps only, Fields at objects only.",
			do:   "compare the fields that are named here with sdk/backend, ConfigField",
			ask:  (*kit).askSchema,
		},
	}
}

func (k *kit) askUnconfigured() finding {
	s, err := k.open(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	d, err := k.describe(s)
	if err != nil {
		return fail("%v", err)
	}
	return pass("it is %s %s", d.GetName(), d.GetVersion())
}

func (k *kit) askStable() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	first, err := k.describe(s)
	if err != nil {
		return fail("%v", err)
	}
	for range 3 {
		again, err := k.describe(s)
		if err != nil {
			return fail("asked again: %v", err)
		}
		if !proto.Equal(first, again) {
			return fail("asked again it said something else: %.300s, and before: %.300s", again, first)
		}
	}
	if s.process == nil {
		return pass("four times the same")
	}
	fresh, err := k.open(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer fresh.close()
	bare, err := k.describe(fresh)
	if err != nil {
		return fail("without a config: %v", err)
	}
	a := &pb.DescribeResponse{Name: first.GetName(), Version: first.GetVersion(), ConfigSchema: first.GetConfigSchema()}
	b := &pb.DescribeResponse{Name: bare.GetName(), Version: bare.GetVersion(), ConfigSchema: bare.GetConfigSchema()}
	if !proto.Equal(a, b) {
		return fail("without a config it is %s %s with %d fields, and with one %s %s with %d fields",
			b.GetName(), b.GetVersion(), len(b.GetConfigSchema()), a.GetName(), a.GetVersion(), len(a.GetConfigSchema()))
	}
	return pass("four times the same, and the same name, version and schema without a config")
}

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	versionForm = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`)
)

func (k *kit) askName() finding {
	if _, err := k.session(); err != nil {
		return fail("%v", err)
	}
	var wrong []string
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	d := k.desc
	if !nameForm.MatchString(d.GetName()) {
		note("the name is %q", d.GetName())
	}
	if !versionForm.MatchString(d.GetVersion()) {
		note("the version is %q", d.GetVersion())
	}
	masks := []string{"", sdk.MaskAllowedTools, sdk.MaskNames, sdk.MaskPrefillPrefix, sdk.MaskNone}
	if mask := d.GetCapabilities().GetToolMasking(); !slices.Contains(masks, mask) {
		note("the tool masking is %q", mask)
	}
	seen := map[string]bool{}
	for _, m := range d.GetModels() {
		switch {
		case strings.TrimSpace(m.GetId()) == "":
			note("a model has no id")
		case seen[m.GetId()]:
			note("the model %q is there twice", m.GetId())
		case m.GetContextTokens() < 0 || m.GetMaxOutputTokens() < 0:
			note("the model %q has a size below zero", m.GetId())
		}
		seen[m.GetId()] = true
	}
	if len(wrong) > 0 {
		return fail("%s", strings.Join(wrong, "; "))
	}
	return pass("%s %s with %d models", d.GetName(), d.GetVersion(), len(d.GetModels()))
}

func (k *kit) askSchema() finding {
	if _, err := k.session(); err != nil {
		return fail("%v", err)
	}
	wrong := untyped("", k.desc.GetConfigSchema(), 0)
	if len(wrong) > 0 {
		return fail("%s", strings.Join(wrong[:min(len(wrong), 8)], "; "))
	}
	return pass("%d fields", len(k.desc.GetConfigSchema()))
}

// untyped lists what is wrong with fields. Nobody writes a config that is nested
// more than 16 deep.
func untyped(at string, fields []*pb.ConfigField, depth int) []string {
	var wrong []string
	seen := map[string]bool{}
	for _, f := range fields {
		name := at + f.GetName()
		switch {
		case f.GetName() == "":
			wrong = append(wrong, fmt.Sprintf("a field of %q has no name", at))
		case seen[f.GetName()]:
			wrong = append(wrong, name+" is there twice")
		}
		seen[f.GetName()] = true
		wrong = append(wrong, untypedField(name, f, depth)...)
	}
	return wrong
}

func untypedField(name string, f *pb.ConfigField, depth int) []string {
	if depth > 16 {
		return []string{name + " is nested more than 16 deep"}
	}
	var wrong []string
	list := f.GetType() == sdk.TypeList || f.GetType() == sdk.TypeMap
	object := f.GetType() == sdk.TypeObject
	if !list && !object && !slices.Contains([]string{sdk.TypeString, sdk.TypeNumber, sdk.TypeBool}, f.GetType()) {
		wrong = append(wrong, fmt.Sprintf("%s has the type %q", name, f.GetType()))
	}
	if f.GetElem() != nil && !list {
		wrong = append(wrong, name+" is no list and no map, and has Elem")
	}
	if len(f.GetFields()) > 0 && !object {
		wrong = append(wrong, name+" is no object, and has Fields")
	}
	if f.GetElem() != nil {
		wrong = append(wrong, untypedField(name+"[]", f.GetElem(), depth+1)...)
	}
	return append(wrong, untyped(name+".", f.GetFields(), depth+1)...)
}
