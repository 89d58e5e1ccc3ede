package asm

import "maps"

// Types of functions that every Guest has, by index.
const (
	TypeNone  = iota // () -> ()
	TypeAlloc        // (i32) -> i32
	TypeCall         // (i32, i32, i32) -> i64; plim.host too
	TypeLog          // (i32, i32, i32) -> ()
	TypeRead         // (i32, i32) -> i32; plim.host_read, most of WASI
	TypeClock        // (i32, i64, i32) -> i32; clock_time_get
	TypeFour         // (i32, i32, i32, i32) -> i32; fd_write, poll_oneoff
	TypeOne          // (i32) -> (); proc_exit
	TypeZero         // () -> i32; sched_yield
	TypeWide         // (i64) -> i64
	typeCount
)

// Where a Guest keeps things.
const (
	AllocAt  = 1024 // what plim_alloc answers when Alloc is nil
	AnswerAt = 512  // where Answer lies
	Scratch  = 32768
)

// Import is a function that a Guest imports.
type Import struct {
	Module, Name string
	Type         int
}

// Func is a function of a Guest beyond those of the ABI.
type Func struct {
	Type   int
	Locals []byte
	Code   []byte // without the last end
}

// Guest is a module of the ABI. What is left out is that of a well-behaved one
// that answers every call with Answer. Functions are numbered: imports, then
// marker, plim_alloc, plim_call, _initialize, then Funcs.
type Guest struct {
	Imports    []Import
	RawImports []byte // the import section's content, in place of Imports; Imported says how many functions it has
	Imported   int
	Types      [][]byte // after those of the constants above
	Min        uint64   // pages of memory; 2 when 0
	Max        uint64   // 0 declares none
	MemoryType []byte   // the memory section's content, in place of Min and Max
	Tables     [][]byte // entries of the table section
	Globals    [][]byte // entries of the global section, after one mutable i64 that is global 0
	Elements   [][]byte
	Data       [][]byte // entries of the data section, before that of Answer
	DataCount  bool     // write the data count section, which memory.init needs
	Start      int      // index of the start function, as Index gives it; 0 has none
	Alloc      []byte   // code of plim_alloc
	AllocLocal []byte   // its locals
	Call       []byte   // code of plim_call; nil answers Answer
	CallLocal  []byte   // its locals
	CallType   []byte   // another type of plim_call
	Init       []byte   // code of _initialize; nil has none
	InitLocal  []byte
	Funcs      []Func
	Answer     string            // JSON at AnswerAt
	Failed     bool              // with the error bit
	Rename     map[string]string // other names of exports; "" removes one
	Exports    [][]byte          // more entries of the export section
	Manifest   string            // JSON of the section plim.manifest; "" leaves it out
	Tail       []byte            // sections behind all others
}

// Imports that guests of the kits use.
func plim(name string, typ int) Import { return Import{"plim", name, typ} }

// ImportLog is plim.log.
func ImportLog() Import { return plim("log", TypeLog) }

// ImportHost is plim.host.
func ImportHost() Import { return plim("host", TypeCall) }

// ImportRead is plim.host_read.
func ImportRead() Import { return plim("host_read", TypeRead) }

// ImportWASI is a function of WASI preview 1.
func ImportWASI(name string, typ int) Import {
	return Import{"wasi_snapshot_preview1", name, typ}
}

// Index is the function index of Funcs[n]; -4 to -1 are marker, plim_alloc,
// plim_call and _initialize.
func (g *Guest) Index(n int) int { return g.imported() + 4 + n }

func (g *Guest) imported() int {
	if g.RawImports != nil {
		return g.Imported
	}
	return len(g.Imports)
}

// Pack is ptr<<32 | err<<31 | len.
func Pack(ptr, n uint32, failed bool) int64 {
	v := uint64(ptr)<<32 | uint64(n)
	if failed {
		v |= 1 << 31
	}
	return int64(v)
}

// Bytes is the module.
func (g *Guest) Bytes() []byte {
	callType := g.CallType
	if callType == nil {
		callType = FuncType([]byte{TI32, TI32, TI32}, []byte{TI64})
	}
	types := append([][]byte{
		FuncType(nil, nil),
		FuncType([]byte{TI32}, []byte{TI32}),
		callType,
		FuncType([]byte{TI32, TI32, TI32}, nil),
		FuncType([]byte{TI32, TI32}, []byte{TI32}),
		FuncType([]byte{TI32, TI64, TI32}, []byte{TI32}),
		FuncType([]byte{TI32, TI32, TI32, TI32}, []byte{TI32}),
		FuncType([]byte{TI32}, nil),
		FuncType(nil, []byte{TI32}),
		FuncType([]byte{TI64}, []byte{TI64}),
	}, g.Types...)
	m := append([]byte(Header), Section(SecType, List(types...))...)

	imports := g.RawImports
	if imports == nil && len(g.Imports) > 0 {
		var list [][]byte
		for _, i := range g.Imports {
			list = append(list, Cat(i.Module, i.Name, 0, Uleb(uint64(i.Type))))
		}
		imports = List(list...)
	}
	if imports != nil {
		m = append(m, Section(SecImport, imports)...)
	}

	functions := [][]byte{{TypeNone}, {TypeAlloc}, {TypeCall}, {TypeNone}}
	for _, f := range g.Funcs {
		functions = append(functions, Uleb(uint64(f.Type)))
	}
	m = append(m, Section(SecFunction, List(functions...))...)
	if len(g.Tables) > 0 {
		m = append(m, Section(SecTable, List(g.Tables...))...)
	}
	m = append(m, Section(SecMemory, g.memory())...)
	m = append(m, Section(SecGlobal, List(append([][]byte{Cat(TI64, 1, Const64(0), End)}, g.Globals...)...))...)
	m = append(m, Section(SecExport, g.exports())...)
	if g.Start > 0 {
		m = append(m, Section(SecStart, Uleb(uint64(g.Start)))...)
	}
	if len(g.Elements) > 0 {
		m = append(m, Section(SecElement, List(g.Elements...))...)
	}
	data := g.Data
	if g.Answer != "" {
		data = append(data[:len(data):len(data)], Cat(0, Const32(AnswerAt), End, g.Answer))
	}
	if g.DataCount {
		m = append(m, Section(SecDataCount, Uleb(uint64(len(data))))...)
	}
	m = append(m, Section(SecCode, g.code())...)
	if len(data) > 0 {
		m = append(m, Section(SecData, List(data...))...)
	}
	if g.Manifest != "" {
		m = append(m, Custom("plim.manifest", []byte(g.Manifest))...)
	}
	return append(m, g.Tail...)
}

func (g *Guest) memory() []byte {
	if g.MemoryType != nil {
		return g.MemoryType
	}
	least := g.Min
	if least == 0 {
		least = 2
	}
	if g.Max > 0 {
		return Cat(1, 1, Uleb(least), Uleb(g.Max))
	}
	return Cat(1, 0, Uleb(least))
}

func (g *Guest) exports() []byte {
	name := map[string]string{"memory": "memory", "plim_abi_1": "plim_abi_1", "plim_alloc": "plim_alloc", "plim_call": "plim_call", "_initialize": "_initialize"}
	if g.Init == nil {
		name["_initialize"] = ""
	}
	maps.Copy(name, g.Rename)
	list := append([][]byte(nil), g.Exports...)
	add := func(what string, kind, index int) {
		if n := name[what]; n != "" {
			list = append(list, Cat(n, kind, Uleb(uint64(index))))
		}
	}
	add("memory", 2, 0)
	for i, what := range []string{"plim_abi_1", "plim_alloc", "plim_call", "_initialize"} {
		add(what, 0, g.Index(i-4))
	}
	return List(list...)
}

func (g *Guest) code() []byte {
	alloc, call := g.Alloc, g.Call
	if alloc == nil {
		alloc = Const32(AllocAt)
	}
	if call == nil {
		call = Const64(Pack(AnswerAt, uint32(len(g.Answer)), g.Failed))
	}
	bodies := [][]byte{Body(nil, nil), Body(g.AllocLocal, alloc), Body(g.CallLocal, call), Body(g.InitLocal, g.Init)}
	for _, f := range g.Funcs {
		bodies = append(bodies, Body(f.Locals, f.Code))
	}
	return List(bodies...)
}
