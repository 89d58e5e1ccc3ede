package sandbox_test

import "github.com/plimsoll-dev/plimsoll/sdk/skill/abi"

// module is a hand-made module of any shape; asm, beside it, is one of plim1.
type module struct {
	types    [][]byte // signature
	imports  []imported
	funcs    []function
	data     string // at 4096
	manifest *abi.Manifest
}

type imported struct {
	module, name string
	typ          int
}

// function has two locals of type i64, behind its parameters.
type function struct {
	export string
	typ    int
	body   []byte
}

func signature(params, results string) []byte {
	types := func(s string) []byte {
		b := leb(uint64(len(s)))
		for _, c := range s {
			b = append(b, map[rune]byte{'i': tI32, 'I': tI64}[c])
		}
		return b
	}
	return cat(0x60, types(params), types(results))
}

func (m module) bytes() []byte {
	sec := func(id int, n int, body []byte) []byte { return cat(id, sized(cat(leb(uint64(n)), body))) }
	var types, imports, funcs, exports, code []byte
	for _, t := range m.types {
		types = cat(types, t)
	}
	for _, i := range m.imports {
		imports = cat(imports, i.module, i.name, 0, i.typ)
	}
	exports = cat("memory", 2, 0)
	for i, f := range m.funcs {
		funcs = cat(funcs, f.typ)
		exports = cat(exports, f.export, 0, len(m.imports)+i)
		code = cat(code, sized(cat(1, 2, tI64, f.body, opEnd)))
	}
	b := []byte("\x00asm\x01\x00\x00\x00")
	b = cat(b, sec(1, len(m.types), types), sec(2, len(m.imports), imports), sec(3, len(m.funcs), funcs), sec(5, 1, cat(0, 2)))
	b = cat(b, sec(7, len(m.funcs)+1, exports), sec(10, len(m.funcs), code))
	if m.data != "" {
		b = cat(b, sec(11, 1, cat(0, i32(4096), opEnd, m.data)))
	}
	if m.manifest != nil {
		var err error
		if b, err = abi.WithManifest(b, *m.manifest); err != nil {
			panic(err)
		}
	}
	return b
}
