package sandbox

import (
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64

	wasiModule = "wasi_snapshot_preview1"
)

// hostFunc is a function that guests may import.
type hostFunc struct {
	params, results []api.ValueType
	run             api.GoModuleFunc
}

// offered is the allow-list: what a module may import from a namespace.
func offered(module string) map[string]hostFunc {
	switch module {
	case abi.HostModule:
		return plimFuncs()
	case wasiModule:
		return wasiFuncs()
	}
	return nil
}

// checkImports compares the import section with the allow-list before anything
// is compiled: a module that asks for what is not there never gets further, and
// the message names what it asked for. (The engine itself reports imported
// tables and globals only when an instance is made.)
func checkImports(module []byte) error {
	list, err := readImports(module)
	if err != nil {
		return fail(abi.Protocol, "the module's imports cannot be read: "+err.Error())
	}
	for _, i := range list {
		if i.kind != 0 {
			return fail(abi.Capability, fmt.Sprintf("the module imports the %s %s.%s; only functions can be imported", kinds[i.kind], i.module, i.name))
		}
		if _, ok := offered(i.module)[i.name]; ok {
			continue
		}
		switch i.module {
		case abi.HostModule:
			return fail(abi.Capability, fmt.Sprintf("the module imports plim.%s; plim has log, host and host_read", i.name))
		case wasiModule:
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s, which WASI preview 1 does not have", i.module, i.name))
		case "extism:host/env", "extism:host/user", "env":
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s: it is made for another host; a skill imports from plim (see sdk/ABI.md)", i.module, i.name))
		}
		return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s; a skill may import from plim and %s only", i.module, i.name, wasiModule))
	}
	return nil
}

type imported struct {
	module, name string
	kind         byte
}

var kinds = [...]string{"function", "table", "memory", "global"}

var errShort = errors.New("the section ends too early")

// cursor reads a section; after the first error it stays where it is.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) u8() byte {
	if c.err != nil || len(c.b) == 0 {
		c.err = errors.Join(c.err, errShort)
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) u32() uint32 {
	var v uint32
	for shift := 0; shift < 35 && c.err == nil; shift += 7 {
		d := c.u8()
		v |= uint32(d&0x7f) << shift
		if d < 0x80 {
			return v
		}
	}
	c.fail()
	return 0
}

func (c *cursor) fail() {
	c.err = errors.Join(c.err, errors.New("a number does not fit in 32 bits"))
}

func (c *cursor) take(n uint32) []byte {
	if c.err != nil || uint64(n) > uint64(len(c.b)) {
		c.err = errors.Join(c.err, errShort)
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) limits() {
	if c.u8()&1 != 0 {
		c.u32()
	}
	c.u32()
}

// readImports lists the imports of a module whose section lengths were checked
// by abi.ReadManifest.
func readImports(module []byte) ([]imported, error) {
	c := &cursor{b: module}
	c.take(uint32(min(len(module), 8)))
	var out []imported
	for c.err == nil && len(c.b) > 0 {
		id := c.u8()
		body := c.take(c.u32())
		if id != 2 || c.err != nil {
			continue
		}
		s := &cursor{b: body}
		for n := s.u32(); n > 0 && s.err == nil; n-- {
			i := imported{module: string(s.take(s.u32())), name: string(s.take(s.u32())), kind: s.u8()}
			switch i.kind {
			case 0:
				s.u32()
			case 1:
				s.u8()
				s.limits()
			case 2:
				s.limits()
			case 3:
				s.take(2)
			default:
				s.err = errors.Join(s.err, fmt.Errorf("import kind %d is not known", i.kind))
			}
			if s.err == nil {
				out = append(out, i)
			}
		}
		if s.err != nil {
			return nil, s.err
		}
	}
	return out, c.err
}
