package sandbox

import (
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// profile is one convention by which a host and a module speak: what the module
// exports and imports, how it is started, how a call passes. Admission, limits,
// fuel, pooling and restoring are the same for all of them. A profile is a value
// without state of its own; what belongs to a module is in instance.state, what
// belongs to a call in instance.own.
type profile interface {
	// name is what Facts.Profile says.
	name() string

	// fits tells whether a module is made for this profile. An error says what a
	// module that is lacks or has wrong; it is an *Error.
	fits(f *wasmbin.Facts) (bool, error)

	// offers is the allow-list: what may be imported, by module and name. Profiles
	// may offer different functions under one name; nobody else sees them.
	offers() map[string]map[string]hostFunc

	// start brings a new instance to the state in which calls find it; program is
	// what AdmitScript was given, nil for modules. It runs once for an image (its
	// result and the memory are kept for all later instances), and before each call
	// of a module that cannot be restored. It is under fuel and deadline. Clocks
	// stand at 1970 and random numbers come from the module's digest.
	start(in *instance, program any) (state any, err error)

	// call answers one op. The answer must be a copy; failed says that it is the
	// guest's own {code, message}. An error is an *Error, or what
	// instance.invoke returned.
	call(in *instance, op abi.Op, input []byte) (answer []byte, failed bool, err error)
}

// thirsty is a profile whose modules take so many times the fuel of others for
// the same work: interpreters.
type thirsty interface{ thirst() int64 }

// hostFunc is a function that guests may import. It finds its instance with
// of(ctx). What it does for long it pays for with instance.charge.
type hostFunc struct {
	params, results []api.ValueType
	run             api.GoModuleFunc
}

// profiles are those that modules are tried against, in this order.
func profiles() []profile { return []profile{plim1{}, plugins{}, commands{}} }

// profileOf finds the profile of a module and holds the module to it.
func profileOf(f *wasmbin.Facts) (profile, error) {
	for _, p := range profiles() {
		ok, err := p.fits(f)
		if err == nil && ok {
			err = checkImports(f, p)
		}
		if err != nil {
			return nil, err
		}
		if ok {
			return p, nil
		}
	}
	return nil, fail(abi.Protocol, whatElse(f))
}

// profileNamed finds a profile by its name: those of modules, and the one of
// scripts.
func profileNamed(name string) (profile, bool) {
	for _, p := range append(profiles(), unlisted()...) {
		if p.name() == name {
			return p, true
		}
	}
	return nil, false
}

// unlisted are profiles that no module is tried against, because the host brings
// the module itself: AdmitScript names them.
func unlisted() []profile { return []profile{scripts{}} }

// whatElse says what a module that fits no profile seems to be.
func whatElse(f *wasmbin.Facts) string {
	for _, e := range f.Exports {
		if strings.HasPrefix(e.Name, abi.MarkerPrefix) {
			return fmt.Sprintf("the module is made for another version of the ABI (%s); this host speaks %s", e.Name, abi.Marker)
		}
	}
	return fmt.Sprintf("the module does not export %s: it is not a skill's code (see sdk/ABI.md)", abi.Marker)
}

// exported finds an export by name.
func exported(f *wasmbin.Facts, name string) (wasmbin.Extern, bool) {
	for _, e := range f.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return wasmbin.Extern{}, false
}

// thirst: an interpreter's loop is charged by its whole body at every turn, all
// its opcodes, of which it does one (2026-11: 4,900 units for a turn of an empty
// JavaScript loop, in 1.3 us).
func (scripts) thirst() int64 { return 10 }
